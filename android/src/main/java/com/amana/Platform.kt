package com.amana

import amana.core.KeyStoreKind
import amana.core.KeyStoreOptions
import amana.core.PresenceOutcome
import amana.core.PresenceRequest
import amana.core.Vault
import android.content.Context
import java.io.File

/** What the bridge needs of the phone. Tests on a desktop bring their own. */
internal interface Platform {
    /** Where vaults are: a directory that no backup takes along. */
    val vaults: File

    val presence: PresencePrompt

    fun keyStore(options: KeyStoreOptions): KeyStoreKind

    /** Before the first call: so the library gets the JVM, and JNA finds it loaded. */
    fun loadLibrary()
}

/** Asks the person in front of the phone for a finger or face. */
internal interface PresencePrompt {
    /** Makes the secret that the prompt will need; the level it got. Throws [Failure]. */
    suspend fun make(request: PresenceRequest, options: KeyStoreOptions): amana.core.KeyStoreLevel

    /** Shows the prompt and derives; a refusal is an outcome. Throws [Failure] where there is none. */
    suspend fun derive(request: PresenceRequest, title: String, cancelText: String): PresenceOutcome
}

/** Asks for the finger or face of a vault's slot, and wipes what was derived, whatever becomes of it. */
internal suspend fun <T> PresencePrompt.answer(
    vault: Vault,
    title: String,
    cancelText: String,
    use: suspend (slot: String, outcome: PresenceOutcome) -> T,
): T {
    val request = vault.beginPresence().firstOrNull() ?: throw Failure("not_found", "there is no such slot")
    val outcome = derive(request, title, cancelText)
    try {
        return use(request.slot, outcome)
    } finally {
        (outcome as? PresenceOutcome.Derived)?.bytes?.fill(0)
    }
}

/** For Android before 9, and for desktops. */
internal object NoPresence : PresencePrompt {
    private fun unsupported() = Failure("unsupported", "this device has no prompt for a finger or face")

    override suspend fun make(request: PresenceRequest, options: KeyStoreOptions) = throw unsupported()

    override suspend fun derive(request: PresenceRequest, title: String, cancelText: String) = throw unsupported()
}

/** An Android phone. */
internal class AndroidPlatform(
    private val context: Context,
    override val presence: PresencePrompt,
) : Platform {
    // not filesDir: what lies here is left out of backups and transfers by the system itself
    override val vaults get() = File(context.noBackupFilesDir, "amana")

    override fun keyStore(options: KeyStoreOptions) = KeyStoreKind.Platform(options)

    override fun loadLibrary() = System.loadLibrary("amana_ffi")
}
