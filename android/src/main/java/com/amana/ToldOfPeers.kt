package com.amana

import amana.core.Conflict
import amana.core.PairedHub
import amana.core.PeerStatus
import amana.core.QuarantinedRecord
import amana.core.RecordStanding
import amana.core.SyncProgress
import amana.core.SyncResult
import amana.core.SyncStatus
import amana.core.TableDigest
import amana.core.VaultStatus

/** What the core answers about peers and sync, in the form that the TypeScript contract describes. */
internal object ToldOfPeers {
    fun hub(hub: PairedHub): Map<String, Any?> = mapOf("peer" to hub.peer, "name" to hub.name, "url" to hub.url)

    fun progress(handle: Long, operation: Double, peer: String, progress: SyncProgress): Map<String, Any?> = mapOf(
        "handle" to handle,
        "operation" to operation,
        "peer" to peer,
        "phase" to progress.phase,
        "bytes" to progress.bytes.toLong(),
        "rows" to progress.rows.toLong(),
        "totalRows" to progress.totalRows?.toLong(),
    )

    fun report(peer: String, result: SyncResult): Map<String, Any?> = mapOf(
        "peer" to peer,
        "pulled" to result.pulled.toLong(),
        "pulledDeletions" to result.pulledDeletions.toLong(),
        "bytes" to result.bytes.toLong(),
        "inserted" to result.inserted.toLong(),
        "updated" to result.updated.toLong(),
        "unchanged" to result.unchanged.toLong(),
        "deleted" to result.deleted.toLong(),
        "conflicts" to result.conflicts.toLong(),
        "lostEdits" to result.lostEdits.toLong(),
        "notKept" to result.notKept.toLong(),
        "adopted" to result.adopted.toLong(),
        "gone" to result.gone.toLong(),
        "absent" to result.absent.toLong(),
        "refused" to result.refused.toLong(),
        "refusedRights" to result.refusedRights.toLong(),
        "unreadable" to result.unreadable.toLong(),
        "pushed" to result.pushed.toLong(),
        "pushedDeletions" to result.pushedDeletions.toLong(),
        "quarantined" to result.quarantined.toLong(),
        "waiting" to result.waiting.toLong(),
        "requests" to result.requests.toLong(),
    )

    fun status(cloud: VaultStatus, all: SyncStatus): Map<String, Any?> = mapOf(
        "person" to cloud.person?.let(Told::person),
        "url" to cloud.url,
        "peers" to all.peers.map(::peer),
        "pending" to cloud.pending.toLong(),
        "quarantined" to cloud.quarantined.toLong(),
        "conflicts" to all.conflicts.toLong(),
        "absent" to all.absent.toLong(),
        "unconfirmed" to all.unconfirmed.toLong(),
        "pinMismatches" to all.pinMismatches.toLong(),
        "syncing" to (cloud.syncing || all.peers.any { it.syncing }),
    )

    private fun peer(status: PeerStatus): Map<String, Any?> = mapOf(
        "peer" to status.peer,
        "syncing" to status.syncing,
        "cursor" to status.cursor,
        "skewMs" to status.skewMs,
        "lastSuccessMs" to status.lastSuccessMs,
        "lastAttemptMs" to status.lastAttemptMs,
        "lastFullMs" to status.lastFullMs,
        "lastError" to status.lastError,
        "failures" to status.failures.toLong(),
        "nextTryMs" to status.nextTryMs,
        "pending" to status.pending.map {
            mapOf("table" to it.table, "pending" to it.pending.toLong(), "quarantined" to it.quarantined.toLong())
        },
    )

    fun standing(found: RecordStanding): Map<String, Any?> = mapOf(
        "standing" to found.standing.name.lowercase(),
        "deleted" to found.deleted,
        "confirmed" to found.confirmed,
        "takenBy" to found.takenBy,
        "refusedBy" to found.refusedBy.map { mapOf("peer" to it.peer, "reason" to it.reason) },
        "absentSinceMs" to found.absentSinceMs,
    )

    fun quarantined(record: QuarantinedRecord): Map<String, Any?> = mapOf(
        "peer" to record.peer,
        "table" to record.table,
        "recordId" to record.recordId,
        "reason" to record.reason,
        "sinceMs" to record.sinceMs,
        "retryAtMs" to record.retryAtMs,
        "waiting" to record.waiting.toLong(),
    )

    fun conflict(entry: Conflict): Map<String, Any?> = mapOf(
        "id" to entry.id,
        "atMs" to entry.atMs,
        "kind" to entry.kind,
        "peer" to entry.peer,
        "table" to entry.table,
        "recordId" to entry.recordId,
        "column" to entry.column,
        "base" to entry.base,
        "local" to entry.local,
        "remote" to entry.remote,
        "kept" to entry.kept,
        "actor" to entry.actor,
        "localAtMs" to entry.localAtMs,
        "remoteAtMs" to entry.remoteAtMs,
        "undoneAtMs" to entry.undoneAtMs,
    )

    fun digest(table: TableDigest): Map<String, Any?> =
        mapOf("table" to table.table, "rows" to table.rows.toLong(), "digest" to table.digest)
}
