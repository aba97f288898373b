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

    /** Tells of progress to the app. */
    private class Listener(
        private val events: Events,
        private val handle: Long,
        private val operation: Double,
        private val peer: String,
    ) : SyncListener {
        override fun progress(progress: SyncProgress) = events.send(
            "onSyncProgress",
            mapOf(
                "handle" to handle,
                "operation" to operation,
                "peer" to peer,
                "phase" to progress.phase,
                "bytes" to progress.bytes.toLong(),
                "rows" to progress.rows.toLong(),
                "totalRows" to progress.totalRows?.toLong(),
            ),
        )
    }

    suspend fun digest(handle: Double): List<Map<String, Any?>> = vault(handle).digest().map(Told::digest)
}
