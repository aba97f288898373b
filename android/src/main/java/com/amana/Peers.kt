package com.amana

import amana.core.SyncListener
import amana.core.SyncProgress

/** Peers and sync. */
internal class Peers(
    private val vaults: Vaults,
    private val operations: Operations,
    private val events: Events,
) {
    private fun vault(handle: Double) = vaults.require(handle).vault

    suspend fun signIn(
        handle: Double,
        url: String,
        privateCaPem: String?,
        email: String,
        password: ByteArray,
        operation: Double,
    ): Map<String, Any?> = operations.run(operation) { cancel ->
        Told.person(vault(handle).signIn(url, privateCaPem, email, password, cancel))
    }

    suspend fun signOut(handle: Double) = vault(handle).signOut()

    suspend fun pairHub(handle: Double, qrText: String, operation: Double): Map<String, Any?> =
        operations.run(operation) { cancel -> ToldOfPeers.hub(vault(handle).pairHub(qrText, cancel)) }

    suspend fun signInAtHub(
        handle: Double,
        peer: String,
        email: String,
        password: ByteArray,
        operation: Double,
    ): Map<String, Any?> = operations.run(operation) { cancel ->
        Told.person(vault(handle).signInAtHub(peer, email, password, cancel))
    }

    suspend fun hubs(handle: Double): List<Map<String, Any?>> = vault(handle).hubs().map(ToldOfPeers::hub)

    suspend fun moveHub(handle: Double, peer: String, url: String) = vault(handle).moveHub(peer, url)

    suspend fun forget(handle: Double, peer: String) = vault(handle).forgetPeer(peer)

    suspend fun sync(handle: Double, peer: String?, fullPull: Boolean, operation: Double): Map<String, Any?> {
        val with = peer ?: CLOUD
        return operations.run(operation) { cancel ->
            val opened = vaults.require(handle)
            val listener = Listener(events, opened.handle, operation, with)
            ToldOfPeers.report(with, opened.vault.syncWith(with, listener, cancel, fullPull))
        }
    }

    suspend fun status(handle: Double): Map<String, Any?> {
        val vault = vault(handle)
        return ToldOfPeers.status(vault.status(), vault.syncStatus())
    }

    suspend fun standing(handle: Double, table: String, id: String): Map<String, Any?> =
        ToldOfPeers.standing(vault(handle).standing(table, id))

    suspend fun conflicts(handle: Double, after: Double): List<Map<String, Any?>> =
        vault(handle).conflicts(whole(after, "an entry's id")).map(ToldOfPeers::conflict)

    suspend fun undoConflict(handle: Double, id: Double): String =
        vault(handle).undoConflict(whole(id, "an entry's id"))

    suspend fun quarantined(handle: Double): List<Map<String, Any?>> =
        vault(handle).quarantinedRecords().map(ToldOfPeers::quarantined)

    suspend fun release(handle: Double, table: String, id: String) = vault(handle).releaseRecord(table, id)

    suspend fun releaseAll(handle: Double): Long = vault(handle).releaseAllRecords().toLong()

    suspend fun digest(handle: Double): List<Map<String, Any?>> = vault(handle).digest().map(ToldOfPeers::digest)

    /** Tells of progress to the app. */
    private class Listener(
        private val events: Events,
        private val handle: Long,
        private val operation: Double,
        private val peer: String,
    ) : SyncListener {
        override fun progress(progress: SyncProgress) =
            events.send("onSyncProgress", ToldOfPeers.progress(handle, operation, peer, progress))
    }

    private companion object {
        const val CLOUD = "cloud"
    }
}
