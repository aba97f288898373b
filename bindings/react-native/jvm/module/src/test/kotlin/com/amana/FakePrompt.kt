package com.amana

import amana.core.KeyStoreLevel
import amana.core.KeyStoreOptions
import amana.core.PresenceOutcome
import amana.core.PresenceRequest
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec

/** A prompt whose secrets are in memory. Whether the person confirms a test says; null: there is no prompt. */
internal class FakePrompt(private val confirms: () -> Boolean?) : PresencePrompt {
    private val secrets = HashMap<String, ByteArray>()

    /** What was derived so far, as its takers have left it. */
    val derived = mutableListOf<ByteArray>()

    override suspend fun make(request: PresenceRequest, options: KeyStoreOptions): KeyStoreLevel {
        confirms() ?: return NoPresence.make(request, options)
        secrets[request.alias] = request.alias.encodeToByteArray()
        return KeyStoreLevel.SOFTWARE
    }

    override suspend fun derive(request: PresenceRequest, title: String, cancelText: String): PresenceOutcome {
        // as a prompt, beside whatever else is called meanwhile
        val answer = withContext(Dispatchers.IO) { confirms() }
        val isConfirmed = answer ?: return NoPresence.derive(request, title, cancelText)
        val secret = secrets[request.alias] ?: return PresenceOutcome.Absent
        if (!isConfirmed) return PresenceOutcome.Denied
        val mac = Mac.getInstance("HmacSHA256").apply { init(SecretKeySpec(secret, "HmacSHA256")) }
        return PresenceOutcome.Derived(mac.doFinal(request.input).also(derived::add))
    }
}
