import Foundation

/// What the core answers of a vault, as plain data in the form that the TypeScript contract describes.
enum Told {
    static func change(_ handle: Int64, _ change: Change) -> [String: Any] {
        [
            "handle": handle, "revision": change.revision, "fromPeer": change.fromPeer,
            "tables": change.tables.map { ["table": $0.table, "ids": orNull($0.ids)] },
        ]
    }

    static func kvChange(_ handle: Int64, _ change: KvChange) -> [String: Any] {
        ["handle": handle, "space": space(change.namespace), "keys": orNull(change.keys)]
    }

    private static func space(_ namespace: KvNamespace) -> String {
        switch namespace {
        case .stored(let name): return "stored:" + name
        case .session(let name): return "session:" + name
        }
    }

    static func keys(_ page: KvKeys) -> [String: Any] {
        ["keys": page.keys, "next": orNull(page.next)]
    }

    static func slots(_ list: SlotList) -> [String: Any] {
        [
            "slots": list.slots.map(slot), "proven": list.proven, "rotationDue": list.rotationDue,
        ]
    }

    private static func slot(_ slot: Slot) -> [String: Any] {
        let (kind, person): (String, String?) =
            switch slot.kind {
            case .device: ("device", nil)
            case .pin(let person): ("pin", person)
            case .presence: ("presence", nil)
            case .recovery: ("recovery", nil)
            }
        return [
            "id": slot.id, "kind": kind, "person": orNull(person),
            "level": orNull(slot.level.map(snake)),
        ]
    }

    static func pinStanding(_ standing: PinStanding) -> [String: Any] {
        [
            "failures": standing.failures, "delayMs": standing.delayMs, "dropped": standing.dropped,
        ]
    }

    static func glance(_ glance: VaultGlance) -> [String: Any] {
        [
            "presence": snake(glance.presence), "policy": orNull(glance.policy.map(snake)),
            "hasRecovery": glance.hasRecovery, "unsynced": orNull(glance.unsynced),
        ]
    }

    static func refusal(_ report: RefusalReport) -> [String: Any] {
        [
            "code": Failure.word(report.code), "detail": report.detail,
            "keyLost": orNull(report.keyLost.map(snake)), "unsynced": orNull(report.unsynced),
            "remedies": report.remedies.map(snake), "failures": orNull(report.failures),
            "delayMs": orNull(report.delayMs), "slotDropped": report.slotDropped,
            "wipeFinished": report.wipeFinished,
        ]
    }

    /// The name of its directory, beside the vault's: where that is, is the phone's affair.
    static func quarantined(_ aside: QuarantinedVault) -> [String: Any] {
        [
            "name": String(aside.directory.split(separator: "/").last ?? ""),
            "unsynced": orNull(aside.unsynced),
        ]
    }

    static func keyStoreReport(_ report: KeyStoreReport) -> [String: Any] {
        [
            "passed": report.passed, "level": orNull(report.level.map(snake)),
            "steps": report.steps.map {
                ["name": $0.name, "passed": $0.passed, "failure": orNull($0.failure)] as [String: Any]
            },
        ]
    }

    static func integrity(_ status: IntegrityStatus) -> [String: Any] {
        [
            "done": orNull(status.done), "total": orNull(status.total),
            "damagedTrees": status.damagedTrees, "checked": status.checked,
        ]
    }

    /// Without the copy's place, which is the phone's affair.
    static func salvage(_ report: SalvageReport) -> [String: Any] {
        [
            "descriptionReadable": report.descriptionReadable,
            "tables": report.tables.map {
                [
                    "table": $0.table, "kind": snake($0.kind), "saved": $0.saved,
                    "lost": orNull($0.lostAtMost),
                    "lostAtMost": $0.lostAtMost != nil && !$0.lostExactly,
                ] as [String: Any]
            },
            "outboxWithoutRecord": report.outboxWithoutRecord, "fullPullDue": report.fullPullDue,
        ]
    }
}
