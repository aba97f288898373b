package com.amana

import amana.core.SyncListener
import amana.core.SyncProgress

/** Peers and sync. */
internal class Peers(
    private val vaults: Vaults,
    private val operations: Operations,
    private val events: Events,
) {
    suspend fun signIn(
        handle: Double,
        url: String,
        privateCaPem: String?,
        email: String,
        password: ByteArray,
        operation: Double,
    ): Map<String, Any?> = operations.run(operation) { cancel ->
        Told.person(vaults.use(handle) { it.signIn(url, privateCaPem, email, password, cancel) })
    }

    suspend fun signOut(handle: Double) = vaults.use(handle) { it.signOut() }

    suspend fun pairHub(handle: Double, qrText: String, operation: Double): Map<String, Any?> =
        operations.run(operation) { cancel -> ToldOfPeers.hub(vaults.use(handle) { it.pairHub(qrText, cancel) }) }

    suspend fun signInAtHub(
        handle: Double,
        peer: String,
        email: String,
        password: ByteArray,
        operation: Double,
    ): Map<String, Any?> = operations.run(operation) { cancel ->
        Told.person(vaults.use(handle) { it.signInAtHub(peer, email, password, cancel) })
    }

    suspend fun hubs(handle: Double): List<Map<String, Any?>> = vaults.use(handle) { it.hubs() }.map(ToldOfPeers::hub)

    suspend fun moveHub(handle: Double, peer: String, url: String) = vaults.use(handle) { it.moveHub(peer, url) }

    suspend fun forget(handle: Double, peer: String) = vaults.use(handle) { it.forgetPeer(peer) }

    suspend fun sync(handle: Double, peer: String?, fullPull: Boolean, operation: Double): Map<String, Any?> {
        val with = peer ?: CLOUD
        return operations.run(operation) { cancel ->
            val opened = vaults.require(handle)
            val listener = Listener(events, opened.handle, operation, with)
            ToldOfPeers.report(with, opened.use { it.syncWith(with, listener, cancel, fullPull) })
        }
    }

    suspend fun status(handle: Double): Map<String, Any?> =
        vaults.use(handle) { ToldOfPeers.status(it.status(), it.syncStatus()) }

    suspend fun standing(handle: Double, table: String, id: String): Map<String, Any?> =
        ToldOfPeers.standing(vaults.use(handle) { it.standing(table, id) })

    suspend fun conflicts(handle: Double, after: Double): List<Map<String, Any?>> =
        vaults.use(handle) { it.conflicts(whole(after, "an entry's id")) }.map(ToldOfPeers::conflict)

    suspend fun undoConflict(handle: Double, id: Double): String =
        vaults.use(handle) { it.undoConflict(whole(id, "an entry's id")) }

    suspend fun quarantined(handle: Double): List<Map<String, Any?>> =
        vaults.use(handle) { it.quarantinedRecords() }.map(ToldOfPeers::quarantined)

    suspend fun release(handle: Double, table: String, id: String) = vaults.use(handle) { it.releaseRecord(table, id) }

    suspend fun releaseAll(handle: Double): Long = vaults.use(handle) { it.releaseAllRecords() }.toLong()

    suspend fun digest(handle: Double): List<Map<String, Any?>> =
        vaults.use(handle) { it.digest() }.map(ToldOfPeers::digest)

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
