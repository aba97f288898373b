package com.amana

import amana.core.KeyStoreKind
import amana.core.KeyStoreOptions
import android.content.Context
import android.content.ContextWrapper
import com.facebook.react.bridge.BridgeReactContext
import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.JavaOnlyMap
import com.facebook.react.bridge.WritableMap
import java.io.File

/** What stands in for a phone on a desktop: everything else is the module as it ships. */
internal object JavaContainers : Containers {
    override fun map() = JavaOnlyMap()

    override fun array() = JavaOnlyArray()
}

internal class NoContext : ContextWrapper(null) {
    override fun getApplicationContext(): Context = this
}

internal class DesktopPlatform(private val home: File, override val presence: PresencePrompt = NoPresence) :
    Platform {
    override val vaults = File(home, "vaults")

    override fun keyStore(options: KeyStoreOptions) = KeyStoreKind.HostFile(File(home, "keys").path)

    override fun loadLibrary() = System.loadLibrary("amana_ffi")
}

internal fun desktopModule(
    home: File,
    presence: PresencePrompt = NoPresence,
    emit: (String, WritableMap) -> Unit,
) = AmanaModule(BridgeReactContext(NoContext()), DesktopPlatform(home, presence), JavaContainers, emit)
