import XCTest

@testable import AmanaCore

/// What the status tells of clocks, of waiting, and of what peers have lost or left out.
final class StatusTests: XCTestCase {
    private let cloud = Tablet.cloud
    private let minute: Int64 = 60_000
    private let hour: Int64 = 3_600_000

    private func now() -> Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

    /// Far enough from what a slow machine makes of it.
    private func assertAbout(
        _ skew: Int64, _ expected: Int64, file: StaticString = #filePath, line: UInt = #line
    ) {
        XCTAssertLessThan(abs(skew - expected), 20 * minute, file: file, line: line)
    }

    /// A time that a call has set, which began at `began`: at least and at most so much later.
    private func assertTime(
        _ time: Int64?, _ began: Int64, atLeast: Int64 = 0, atMost: Int64 = 0,
        file: StaticString = #filePath, line: UInt = #line
    ) throws {
        let time = try XCTUnwrap(time, file: file, line: line)
        // A millisecond for what a date in seconds loses.
        let times = began + atLeast - 1...now() + atMost + 1
        XCTAssertTrue(times.contains(time), "\(time) is not in \(times)", file: file, line: line)
    }

    func testTheSkewOfEachPeersClockIsItsOwn() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let hub = try Hub("--admin")
        defer { hub.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        _ = try await tablet.join(hub, Tablet.noor)
        for (offset, expected) in [(-hour, -hour), (2 * hour, 2 * hour), (0, 0)] {
            try await hub.faults(#"{"clock_offset_ms":\#(offset)}"#)
            for peer in [cloud, hub.peer] { _ = try await tablet.sync(with: peer) }
            let byHub = try await tablet.peer(hub.peer).skewMs
            assertAbout(byHub, expected)
            let byCloud = try await tablet.peer(cloud).skewMs
            assertAbout(byCloud, 0)
            let ofCloud = try await tablet.vault.status().skewMs
            XCTAssertEqual(ofCloud, byCloud)
        }
        try await tablet.end()
    }

    func testAnOutageTellsWhenToTryAgainAndWhy() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        _ = try await tablet.sync()
        clinic.goAway()
        for failures: UInt32 in 1...2 {
            let before = now()
            await assertFails(.network) { _ = try await tablet.sync() }
            let told = try await tablet.peer(cloud)
            XCTAssertEqual(told.lastError, "network")
            XCTAssertEqual(told.failures, failures)
            // Half a minute at most, and twice as much with each failure.
            try assertTime(told.nextTryMs, before, atMost: minute / 2 * Int64(failures))
        }
        try clinic.comeBack()
        _ = try await tablet.sync()
        let told = try await tablet.peer(cloud)
        XCTAssertNil(told.lastError)
        XCTAssertEqual(told.failures, 0)
        XCTAssertNil(told.nextTryMs)
        try await tablet.end()
    }

    func testWhoAsksToWaitIsNotAskedBefore() async throws {
        let wait = { (kind: String) in
            #"{"answer":{"kind":"\#(kind)","status":429,"retry_after":"3600"}}"#
        }
        let clinic = try Clinic(faults: wait("pull"), wait("push"))
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        _ = try await tablet.patient()
        for _ in ["pull", "push"] {
            let before = now()
            do {
                _ = try await tablet.sync()
                XCTFail("the call should have failed")
            } catch let error as AmanaError {
                guard case let .Failure(code, _, retryAfterMs, _, _) = error else {
                    return XCTFail("one variant")
                }
                XCTAssertEqual(code, .rateLimited)
                XCTAssertEqual(retryAfterMs, UInt64(hour))
            }
            let told = try await tablet.peer(cloud)
            XCTAssertEqual(told.lastError, "rate_limited")
            // All behind one address heard the same, and are spread.
            try assertTime(told.nextTryMs, before, atLeast: hour, atMost: hour + 60_000)
        }
        // It is the app that decides: one that asks all the same is let through.
        let pushed = try await tablet.sync().pushed
        XCTAssertEqual(pushed, 1)
        let told = try await tablet.peer(cloud)
        XCTAssertNil(told.nextTryMs)
        try await tablet.end()
    }

    func testWhatThePeerTookIsUnconfirmedUntilAPullShowsWhatItKept() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        let patient = try await tablet.patient()
        // The server makes nothing of a zero, and says that it took it.
        let attribute = try await tablet.vault.insert(
            table: "patient_additional_attributes",
            fields: #"""
                {"patient_id":"\#(patient)","attribute_id":"children","attribute":"Children",
                 "number_value":0}
                """#)
        let nothing = try await tablet.vault.syncStatus().unconfirmed
        XCTAssertEqual(nothing, 0)
        let first = try await tablet.sync()
        XCTAssertEqual([first.pushed, first.notKept], [2, 0])
        let both = try await tablet.vault.syncStatus().unconfirmed
        XCTAssertEqual(both, 2)
        let taken = try await tablet.standing(patient)
        XCTAssertEqual(taken.standing, .inCloud)
        XCTAssertFalse(taken.confirmed)

        let notKept = try await tablet.sync().notKept
        XCTAssertEqual(notKept, 1)
        let left = try await tablet.vault.syncStatus().unconfirmed
        XCTAssertEqual(left, 0)
        let confirmed = try await tablet.standing(patient).confirmed
        XCTAssertTrue(confirmed)
        let ledger = try await tablet.vault.conflicts(after: 0)
        XCTAssertEqual(ledger.map(\.kind), ["not_kept"])
        XCTAssertEqual(ledger.map(\.recordId), [attribute])
        XCTAssertEqual(ledger.map(\.column), ["number_value"])
        try await tablet.end()
    }

    func testWhatACloudFromABackupLacksIsKeptAndAbsent() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        let old = try await tablet.patient()
        _ = try await tablet.sync()
        let backup = try clinic.backUp("older")
        let lost = try await tablet.patient()
        for _ in 1...2 { _ = try await tablet.sync() }
        let confirmed = try await tablet.standing(lost).confirmed
        XCTAssertTrue(confirmed)
        let whole = try clinic.backUp("newer")

        try clinic.comeBack(from: backup)
        let usual = try await tablet.sync().absent
        XCTAssertEqual(usual, 0, "only everything tells what is missing")
        let before = now()
        let found = try await tablet.syncFully()
        XCTAssertEqual([found.absent, found.gone], [1, 0])
        let absent = try await tablet.vault.syncStatus().absent
        XCTAssertEqual(absent, 1)
        let since = try await tablet.standing(lost).absentSinceMs
        try assertTime(since, before)
        let present = try await tablet.standing(old).absentSinceMs
        XCTAssertNil(present)
        let kept = try await tablet.vault.get(table: "patients", id: lost)
        XCTAssertNotNil(kept)
        let again = try await tablet.syncFully().absent
        XCTAssertEqual(again, 0, "it is told once")

        try clinic.comeBack(from: whole)
        _ = try await tablet.syncFully()
        let none = try await tablet.vault.syncStatus().absent
        XCTAssertEqual(none, 0)
        let back = try await tablet.standing(lost).absentSinceMs
        XCTAssertNil(back)
        try await tablet.end()
    }

    func testWhatACloudTookAndLostIsNotConfirmedButAbsent() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        _ = try await tablet.sync()
        let backup = try clinic.backUp("before")
        let patient = try await tablet.patient()
        let pushed = try await tablet.sync().pushed
        XCTAssertEqual(pushed, 1)
        try clinic.comeBack(from: backup)
        let notKept = try await tablet.sync().notKept
        XCTAssertEqual(notKept, 1)
        let status = try await tablet.vault.syncStatus()
        XCTAssertEqual([status.absent, status.unconfirmed], [1, 0])
        let since = try await tablet.standing(patient).absentSinceMs
        XCTAssertNotNil(since)
        let ledger = try await tablet.vault.conflicts(after: 0)
        XCTAssertEqual(ledger.map(\.kind), ["not_kept"])
        let kept = try await tablet.vault.get(table: "patients", id: patient)
        XCTAssertNotNil(kept)
        try await tablet.end()
    }

    func testWhatIsPutAsideWithoutProofIsTriedAgainByItself() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        let vault = tablet.vault
        _ = try await tablet.signIn(clinic, Tablet.noor)
        let bad = try await vault.insert(
            table: "patients",
            fields: #"{"primary_clinic_id":"aaaaaaaa-0000-4000-8000-00000000dead"}"#)
        _ = try await tablet.patient()
        let before = now()
        let first = try await tablet.sync()
        XCTAssertEqual([first.pushed, first.quarantined], [1, 1])
        let listed = try await vault.quarantinedRecords()
        let proven = try XCTUnwrap(listed.first)
        try assertTime(proven.sinceMs, before)
        XCTAssertNil(proven.retryAtMs, "it alone was refused, and others were taken")

        try await vault.releaseRecord(table: "patients", id: bad)
        let again = now()
        let alone = try await tablet.sync()
        XCTAssertEqual([alone.pushed, alone.quarantined], [0, 1])
        let aside = try await vault.quarantinedRecords()
        XCTAssertEqual(aside.map(\.recordId), [bad])
        try assertTime(aside.first?.retryAtMs, again, atLeast: 1, atMost: hour)
        try await tablet.end()
    }
}
