import Foundation

/// What the core answers of peers and syncs, as plain data in the form that the contract describes.
enum ToldOfPeers {
    static func person(_ person: Person) -> [String: Any] {
        [
            "id": person.id, "name": person.name, "role": person.role,
            "clinicId": orNull(person.clinicId),
        ]
    }

    static func hub(_ hub: PairedHub) -> [String: Any] {
        ["peer": hub.peer, "name": hub.name, "url": hub.url]
    }

    static func progress(
        _ handle: Int64, _ operation: Double, _ peer: String, _ progress: SyncProgress
    ) -> [String: Any] {
        [
            "handle": handle, "operation": operation, "peer": peer, "phase": progress.phase,
            "bytes": progress.bytes, "rows": progress.rows, "totalRows": orNull(progress.totalRows),
        ]
    }

    static func report(_ peer: String, _ result: SyncResult) -> [String: Any] {
        [
            "peer": peer, "pulled": result.pulled, "pulledDeletions": result.pulledDeletions,
            "bytes": result.bytes, "inserted": result.inserted, "updated": result.updated,
            "unchanged": result.unchanged, "deleted": result.deleted, "conflicts": result.conflicts,
            "lostEdits": result.lostEdits, "notKept": result.notKept, "adopted": result.adopted,
            "gone": result.gone, "absent": result.absent, "refused": result.refused,
            "refusedRights": result.refusedRights, "unreadable": result.unreadable,
            "pushed": result.pushed, "pushedDeletions": result.pushedDeletions,
            "quarantined": result.quarantined, "waiting": result.waiting,
            "requests": result.requests,
        ]
    }

    static func status(_ vault: VaultStatus, _ sync: SyncStatus) -> [String: Any] {
        [
            "person": orNull(vault.person.map(person)), "url": orNull(vault.url),
            "peers": sync.peers.map(peer), "pending": vault.pending,
            "quarantined": vault.quarantined, "conflicts": sync.conflicts, "absent": sync.absent,
            "unconfirmed": sync.unconfirmed, "pinMismatches": sync.pinMismatches,
            "syncing": vault.syncing || sync.peers.contains { $0.syncing },
        ]
    }

    private static func peer(_ status: PeerStatus) -> [String: Any] {
        [
            "peer": status.peer, "syncing": status.syncing, "cursor": status.cursor,
            "skewMs": status.skewMs, "lastSuccessMs": orNull(status.lastSuccessMs),
            "lastAttemptMs": orNull(status.lastAttemptMs), "lastFullMs": orNull(status.lastFullMs),
            "lastError": orNull(status.lastError), "failures": status.failures,
            "nextTryMs": orNull(status.nextTryMs),
            "pending": status.pending.map {
                ["table": $0.table, "pending": $0.pending, "quarantined": $0.quarantined]
                    as [String: Any]
            },
        ]
    }

    static func standing(_ found: RecordStanding) -> [String: Any] {
        [
            "standing": snake(found.standing), "deleted": found.deleted,
            "confirmed": found.confirmed, "takenBy": found.takenBy,
            "refusedBy": found.refusedBy.map { ["peer": $0.peer, "reason": $0.reason] },
            "absentSinceMs": orNull(found.absentSinceMs),
        ]
    }

    static func conflict(_ entry: Conflict) -> [String: Any] {
        [
            "id": entry.id, "atMs": entry.atMs, "kind": entry.kind, "peer": orNull(entry.peer),
            "table": entry.table, "recordId": entry.recordId, "column": orNull(entry.column),
            "base": orNull(entry.base), "local": orNull(entry.local),
            "remote": orNull(entry.remote), "kept": entry.kept, "actor": orNull(entry.actor),
            "localAtMs": orNull(entry.localAtMs), "remoteAtMs": orNull(entry.remoteAtMs),
            "undoneAtMs": orNull(entry.undoneAtMs),
        ]
    }

    static func quarantined(_ record: QuarantinedRecord) -> [String: Any] {
        [
            "peer": record.peer, "table": record.table, "recordId": record.recordId,
            "reason": record.reason, "sinceMs": record.sinceMs,
            "retryAtMs": orNull(record.retryAtMs), "waiting": record.waiting,
        ]
    }

    static func digest(_ table: TableDigest) -> [String: Any] {
        ["table": table.table, "rows": table.rows, "digest": table.digest]
    }
}
