import XCTest

@testable import AmanaCore

/// A clinic in small: two tablets, its hub and the cloud; who may be a hub, and what becomes of what
/// is refused.
final class HubTests: XCTestCase {
    private let cloud = Tablet.cloud
    private let amal = #"{"given_name":"Amal","surname":"Haddad","date_of_birth":"1980-02-03"}"#

    private func assertHas(
        _ tablet: Tablet, _ table: String, _ id: String, _ text: String,
        file: StaticString = #filePath, line: UInt = #line
    ) async throws {
        let record = try await tablet.vault.get(table: table, id: id)
        XCTAssertTrue(try XCTUnwrap(record).contains(text), file: file, line: line)
    }

    private func bothJoin(_ hub: Hub, _ one: Tablet, _ two: Tablet) async throws {
        _ = try await one.join(hub, Tablet.noor)
        _ = try await two.join(hub, Tablet.sami)
    }

    func testARecordGoesFromTabletToTabletByTheHubAndThenToTheCloud() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        let clinic = try Clinic()
        defer { clinic.stop() }
        let one = try await Tablet()
        let two = try await Tablet()
        let paired = try await one.vault.pairHub(code: hub.code, cancel: nil)
        XCTAssertEqual(paired, PairedHub(peer: hub.peer, name: "Reference hub", url: hub.url))
        let hubs = try await one.vault.hubs()
        XCTAssertEqual(hubs, [paired])
        let noor = try await one.vault.signInAtHub(
            peer: hub.peer, email: Tablet.noor.email, password: Data(Tablet.noor.password.utf8),
            cancel: nil)
        XCTAssertEqual(noor.clinicId, hub.clinicId)
        _ = try await two.join(hub, Tablet.sami)

        let patient = try await one.vault.insert(table: "patients", fields: amal)
        let fresh = try await one.standing(patient).standing
        XCTAssertEqual(fresh, .hereOnly)
        let waits = [TablePending(table: "patients", pending: 1, quarantined: 0)]
        let before = try await one.vault.syncStatus().peers
        XCTAssertEqual(Set(before.map(\.peer)), [cloud, hub.peer])
        for peer in before {
            XCTAssertEqual(peer.pending, waits)
            XCTAssertNil(peer.lastSuccessMs)
        }

        let heard = Heard()
        let report = try await one.vault.syncWith(
            peer: hub.peer, listener: heard, cancel: nil, fullPull: false)
        XCTAssertEqual(report.pushed, 1)
        XCTAssertEqual(heard.phases.first, "pulling")
        XCTAssertEqual(heard.phases.last, "finished")
        XCTAssertTrue(heard.phases.contains("pushing"))
        let onHub = try await one.vault.standing(table: "patients", id: patient)
        XCTAssertEqual(onHub.standing, .onHub)
        XCTAssertEqual(onHub.takenBy, [hub.peer])
        let nothing = try await one.pending(hub.peer)
        let still = try await one.pending(cloud)
        XCTAssertEqual(nothing, [])
        XCTAssertEqual(still, waits)

        let changes = Changes()
        let observation = two.vault.observe(observer: changes)
        _ = try await two.sync(with: hub.peer)
        let pull = try await changes.next()
        XCTAssertTrue(pull.fromPeer)
        XCTAssertEqual(pull.tables.first { $0.table == "patients" }?.ids, [patient])
        observation.stop()
        try await assertHas(two, "patients", patient, "Haddad")

        _ = try await one.signIn(clinic, Tablet.noor)
        let pushed = try await one.sync(with: cloud).pushed
        XCTAssertEqual(pushed, 1)
        let inCloud = try await one.standing(patient).standing
        XCTAssertEqual(inCloud, .inCloud)
        let after = try await one.vault.syncStatus().peers
        XCTAssertEqual(Set(after.map(\.peer)), [cloud, hub.peer])
        for peer in after {
            XCTAssertEqual(peer.pending, [])
            XCTAssertNotNil(peer.lastSuccessMs)
            XCTAssertNil(peer.lastError)
        }
        _ = try await two.signIn(clinic, Tablet.sami)
        _ = try await two.sync(with: cloud)
        let seen = try await two.standing(patient).standing
        XCTAssertEqual(seen, .inCloud)
        try await one.end()
        try await two.end()
    }

    func testAConflictKeepsBothValuesAndIsUndone() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        let one = try await Tablet()
        let two = try await Tablet()
        try await bothJoin(hub, one, two)
        let patient = try await one.vault.insert(table: "patients", fields: amal)
        _ = try await one.sync(with: hub.peer)
        _ = try await two.sync(with: hub.peer)
        try await one.vault.update(table: "patients", id: patient, fields: #"{"phone":"111"}"#)
        try await two.vault.update(table: "patients", id: patient, fields: #"{"phone":"222"}"#)
        _ = try await one.sync(with: hub.peer)
        let conflicts = try await two.sync(with: hub.peer).conflicts
        XCTAssertEqual(conflicts, 1)
        let ledger = try await two.vault.conflicts(after: 0)
        XCTAssertEqual(ledger.count, 1)
        let conflict = try XCTUnwrap(ledger.first)
        XCTAssertEqual(conflict.kind, "both_changed")
        XCTAssertEqual([conflict.table, conflict.recordId], ["patients", patient])
        XCTAssertEqual(conflict.column, "phone")
        XCTAssertEqual(conflict.local, "\"222\"")
        XCTAssertEqual(conflict.remote, "\"111\"")
        XCTAssertEqual(conflict.kept, "local")
        XCTAssertEqual(conflict.peer, hub.peer)
        XCTAssertNil(conflict.undoneAtMs)
        let counted = try await two.vault.syncStatus().conflicts
        XCTAssertEqual(counted, 1)

        await assertFails(.notFound) {
            _ = try await two.vault.undoConflict(entry: conflict.id + 1)
        }
        let undone = try await two.vault.undoConflict(entry: conflict.id)
        XCTAssertEqual(undone, patient)
        await assertFails(.invalidInput) {
            _ = try await two.vault.undoConflict(entry: conflict.id)
        }
        let marked = try await two.vault.conflicts(after: 0)
        XCTAssertNotNil(try XCTUnwrap(marked.first).undoneAtMs)
        let left = try await two.vault.syncStatus().conflicts
        XCTAssertEqual(left, 0)
        _ = try await two.sync(with: hub.peer)
        _ = try await one.sync(with: hub.peer)
        for tablet in [one, two] {
            try await assertHas(tablet, "patients", patient, "\"phone\":\"111\"")
        }
        try await one.end()
        try await two.end()
    }

    func testTheRemoteValueWinsInTheTableThatSaysSoAndNowhereElse() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        let one = try await Tablet()
        let two = try await Tablet(
            SyncRules(conflicts: [TableRule(table: "patients", rule: .remote)]))
        try await bothJoin(hub, one, two)
        let patient = try await one.vault.insert(table: "patients", fields: amal)
        let visit = try await one.vault.insert(
            table: "visits", fields: #"{"patient_id":"\#(patient)","clinic_id":"\#(hub.clinicId)"}"#)
        _ = try await one.sync(with: hub.peer)
        _ = try await two.sync(with: hub.peer)
        for (tablet, value) in [(one, "111"), (two, "222")] {
            try await tablet.vault.update(
                table: "patients", id: patient, fields: #"{"phone":"\#(value)"}"#)
            try await tablet.vault.update(
                table: "visits", id: visit, fields: #"{"provider_name":"\#(value)"}"#)
        }
        _ = try await one.sync(with: hub.peer)
        let conflicts = try await two.sync(with: hub.peer).conflicts
        XCTAssertEqual(conflicts, 2)
        let ledger = try await two.vault.conflicts(after: 0)
        XCTAssertEqual(
            Set(ledger.map { "\($0.table) \($0.kept)" }), ["patients remote", "visits local"])
        try await assertHas(two, "patients", patient, "\"phone\":\"111\"")
        try await assertHas(two, "visits", visit, "\"provider_name\":\"222\"")
        try await one.end()
        try await two.end()
    }

    func testWhereTheHubHasTheLastWordNothingWaitsOnceItHasTakenAnEdit() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        let one = try await Tablet()
        let two = try await Tablet(SyncRules(hubHasLastWord: true))
        try await bothJoin(hub, one, two)
        for tablet in [one, two] {
            let patient = try await tablet.vault.insert(table: "patients", fields: amal)
            _ = try await tablet.sync(with: hub.peer)
            try await tablet.vault.update(
                table: "patients", id: patient, fields: #"{"phone":"111"}"#)
            let edited = try await tablet.standing(patient).standing
            XCTAssertEqual(edited, .hereOnly)
            let pushed = try await tablet.sync(with: hub.peer).pushed
            XCTAssertEqual(pushed, 1)
            let taken = try await tablet.standing(patient).standing
            XCTAssertEqual(taken, .onHub)
            let waits = try await tablet.pending(hub.peer)
            XCTAssertEqual(waits, [])
        }
        // Only with the rule is the cloud owed nothing.
        let owed = try await one.pending(cloud)
        XCTAssertEqual(owed, [TablePending(table: "patients", pending: 1, quarantined: 0)])
        let nothing = try await two.pending(cloud)
        XCTAssertEqual(nothing, [])
        let waiting = [try await one.vault.status().pending, try await two.vault.status().pending]
        XCTAssertEqual(waiting, [1, 0])
        try await one.end()
        try await two.end()
    }

    func testARefusedRecordIsPutAsideWithItsReasonUntilItIsMended() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let one = try await Tablet()
        let vault = one.vault
        _ = try await one.signIn(clinic, Tablet.noor)
        _ = try await vault.insert(table: "patients", fields: amal)
        let bad = try await vault.insert(
            table: "patients",
            fields: #"""
                {"given_name":"Bad","primary_clinic_id":"aaaaaaaa-0000-4000-8000-00000000dead"}
                """#)
        _ = try await vault.insert(
            table: "visits", fields: #"{"patient_id":"\#(bad)","clinic_id":"\#(clinic.clinicId)"}"#)
        let first = try await one.sync()
        XCTAssertEqual([first.pushed, first.quarantined, first.waiting], [1, 1, 1])

        let list = try await vault.quarantinedRecords()
        XCTAssertEqual(list.count, 1)
        let aside = try XCTUnwrap(list.first)
        XCTAssertEqual([aside.peer, aside.table, aside.recordId], [cloud, "patients", bad])
        XCTAssertEqual(aside.reason, "the peer refuses this record")
        XCTAssertEqual(aside.waiting, 1)
        let found = try await vault.standing(table: "patients", id: bad)
        XCTAssertEqual(found.standing, .hereOnly)
        XCTAssertEqual(found.refusedBy, [PeerRefusal(peer: cloud, reason: aside.reason)])
        let waits = try await one.pending(cloud)
        XCTAssertTrue(waits.contains(TablePending(table: "patients", pending: 1, quarantined: 1)))
        XCTAssertTrue(waits.contains(TablePending(table: "visits", pending: 1, quarantined: 0)))

        // Tried again as it is, it is refused again, while others are taken.
        try await vault.releaseRecord(table: "patients", id: bad)
        let released = try await vault.quarantinedRecords()
        XCTAssertEqual(released, [])
        _ = try await vault.insert(table: "patients", fields: amal)
        let again = try await one.sync()
        XCTAssertEqual([again.pushed, again.quarantined], [1, 1])
        let all = try await vault.releaseAllRecords()
        let none = try await vault.releaseAllRecords()
        XCTAssertEqual([all, none], [1, 0])

        try await vault.update(
            table: "patients", id: bad, fields: #"{"primary_clinic_id":"\#(clinic.clinicId)"}"#)
        let mended = try await one.sync()
        XCTAssertEqual([mended.pushed, mended.quarantined], [2, 0])
        let left = try await vault.quarantinedRecords()
        XCTAssertEqual(left, [])
        let nothing = try await one.pending(cloud)
        XCTAssertEqual(nothing, [])
        let now = try await one.standing(bad).standing
        XCTAssertEqual(now, .inCloud)
        try await one.end()
    }

    func testACancelledSyncWithAHubLosesNothing() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        let one = try await Tablet()
        let cancelled = CancelHandle()
        cancelled.cancel()
        await assertFails(.cancelled) {
            _ = try await one.vault.pairHub(code: hub.code, cancel: cancelled)
        }
        let hubs = try await one.vault.hubs()
        XCTAssertEqual(hubs, [])
        _ = try await one.join(hub, Tablet.noor)
        let patient = try await one.vault.insert(table: "patients", fields: amal)
        for phase in ["pulling", "pushing"] {
            let cancel = CancelHandle()
            let heard = Heard(cancelAt: phase, cancel)
            await assertFails(.cancelled) {
                _ = try await one.vault.syncWith(
                    peer: hub.peer, listener: heard, cancel: cancel, fullPull: false)
            }
            XCTAssertEqual(heard.phases.last, phase)
            let here = try await one.standing(patient).standing
            XCTAssertEqual(here, .hereOnly)
        }
        let pushed = try await one.sync(with: hub.peer).pushed
        XCTAssertEqual(pushed, 1)
        let onHub = try await one.standing(patient).standing
        XCTAssertEqual(onHub, .onHub)
        try await one.end()
    }

    func testOnlyWhoHoldsTheCodesKeyIsTheHub() async throws {
        let hub = try Hub()
        defer { hub.stop() }
        // the same id, and another key
        let other = try Hub("--private-key", "M" + String(repeating: "A", count: 42))
        defer { other.stop() }
        let one = try await Tablet()
        let withoutKey = #"{"type":"sync_hub","url":"\#(hub.url)","id":"\#(hub.id)"}"#
        for code in [withoutKey, hub.url, ""] {
            await assertFails(.invalidInput) {
                _ = try await one.vault.pairHub(code: code, cancel: nil)
            }
        }
        let elsewhere = hub.code.replacingOccurrences(of: hub.url, with: other.url)
        await assertFails(.peerIdentityMismatch) {
            _ = try await one.vault.pairHub(code: elsewhere, cancel: nil)
        }
        let unpaired = try await one.vault.hubs()
        XCTAssertEqual(unpaired, [])
        await assertFails(.notFound) {
            _ = try await one.vault.signInAtHub(
                peer: hub.peer, email: Tablet.noor.email, password: Data(Tablet.noor.password.utf8),
                cancel: nil)
        }

        _ = try await one.join(hub, Tablet.noor)
        try await one.vault.moveHub(peer: hub.peer, url: other.url)
        await assertFails(.peerIdentityMismatch) { _ = try await one.sync(with: hub.peer) }
        let told = try await one.peer(hub.peer)
        XCTAssertEqual(told.lastError, "peer_identity_mismatch")
        XCTAssertNil(told.nextTryMs, "only a person can help")
        XCTAssertEqual(told.failures, 1)
        try await one.vault.moveHub(peer: hub.peer, url: hub.url)
        _ = try await one.sync(with: hub.peer)
        try await one.vault.forgetPeer(peer: hub.peer)
        let forgotten = try await one.vault.hubs()
        XCTAssertEqual(forgotten, [])
        try await one.end()
    }
}

/// Tells what it heard, and cancels where it is told to.
final class Heard: SyncListener, @unchecked Sendable {
    private let lock = NSLock()
    private var seen: [String] = []
    private let cancelAt: String?
    private let cancel: CancelHandle?

    init(cancelAt: String? = nil, _ cancel: CancelHandle? = nil) {
        self.cancelAt = cancelAt
        self.cancel = cancel
    }

    var phases: [String] { lock.withLock { seen } }

    func progress(progress: SyncProgress) {
        lock.withLock { seen.append(progress.phase) }
        if progress.phase == cancelAt { cancel?.cancel() }
    }
}
