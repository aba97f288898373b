import XCTest

@testable import AmanaCore

/// A clinic in small: what a hub brings to the cloud, and what becomes of edits when a hub dies and a
/// cloud is away.
final class ClinicTests: XCTestCase {
    private let cloud = Tablet.cloud

    func testEditsReachTheCloudThroughAHubAndWithoutIt() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let hub = try Hub(cloud: clinic)
        defer { hub.stop() }
        let one = try await Tablet()
        let two = try await Tablet()
        let patient = try await relayed(clinic, hub, one, two)
        try await hubDies(clinic, hub, patient, one, two)
        try await cloudIsAway(clinic, one, two)
        for tablet in [one, two, one] { _ = try await tablet.syncFully() }
        let ours = try await one.digest()
        let theirs = try await two.digest()
        XCTAssertEqual(ours, theirs)
        for tablet in [one, two] {
            let pending = try await tablet.pending(cloud)
            XCTAssertEqual(pending, [])
            let status = try await tablet.vault.syncStatus()
            XCTAssertEqual([status.conflicts, status.absent, status.unconfirmed], [0, 0, 0])
            // Nothing was made twice.
            let patients = try await tablet.count("patients")
            let visits = try await tablet.count("visits")
            XCTAssertEqual([patients, visits], [3, 2])
            try await tablet.end()
        }
    }

    /// From a tablet that knows the hub alone to one that knows the cloud alone.
    private func relayed(_ clinic: Clinic, _ hub: Hub, _ one: Tablet, _ two: Tablet) async throws
        -> String
    {
        _ = try await one.join(hub, Tablet.noor)
        _ = try await two.signIn(clinic, Tablet.sami)
        let patient = try await one.patient()
        _ = try await visit(one, clinic, patient)
        let pushed = try await one.sync(with: hub.peer).pushed
        XCTAssertEqual(pushed, 2)
        let onHub = try await one.standing(patient).standing
        XCTAssertEqual(onHub, .onHub)
        _ = try await two.sync()
        let early = try await two.vault.get(table: "patients", id: patient)
        XCTAssertNil(early, "the hub has not met the cloud yet")

        let meeting = try await hub.meet()
        XCTAssertTrue(meeting.contains(#""done":true"#), meeting)
        XCTAssertTrue(meeting.contains(#""sent":2"#), meeting)
        _ = try await two.sync()
        try await assertHas(two, patient, "Amal")
        let inCloud = try await two.standing(patient).standing
        XCTAssertEqual(inCloud, .inCloud)
        return patient
    }

    /// What it had taken and not yet brought to the cloud goes there directly.
    private func hubDies(
        _ clinic: Clinic, _ hub: Hub, _ patient: String, _ one: Tablet, _ two: Tablet
    ) async throws {
        try await one.vault.update(table: "patients", id: patient, fields: #"{"phone":"111"}"#)
        let second = try await visit(one, clinic, patient)
        let toHub = try await one.sync(with: hub.peer).pushed
        XCTAssertEqual(toHub, 2)
        let onHub = try await one.standing(patient).standing
        XCTAssertEqual(onHub, .onHub)
        hub.kill()
        await assertFails(.network) { _ = try await one.sync(with: hub.peer) }
        let told = try await one.peer(hub.peer)
        XCTAssertEqual(told.lastError, "network")
        XCTAssertEqual(told.failures, 1)

        _ = try await one.signIn(clinic, Tablet.noor)
        // Of the first visit the pull has shown that it is there.
        let toCloud = try await one.sync(with: cloud).pushed
        XCTAssertEqual(toCloud, 2)
        let inCloud = try await one.standing(patient).standing
        XCTAssertEqual(inCloud, .inCloud)
        _ = try await two.sync()
        try await assertHas(two, patient, #""phone":"111""#)
        let seen = try await two.vault.get(table: "visits", id: second)
        XCTAssertNotNil(seen)
    }

    /// Both go on working, and what they did arrives when it is back.
    private func cloudIsAway(_ clinic: Clinic, _ one: Tablet, _ two: Tablet) async throws {
        clinic.goAway()
        var made: [String] = []
        for tablet in [one, two] {
            let patient = try await tablet.patient()
            await assertFails(.network) { _ = try await tablet.sync(with: self.cloud) }
            let waits = try await tablet.pending(cloud)
            XCTAssertEqual(waits, [TablePending(table: "patients", pending: 1, quarantined: 0)])
            let here = try await tablet.standing(patient).standing
            XCTAssertEqual(here, .hereOnly)
            try await assertHas(tablet, patient, "Amal")
            made.append(patient)
        }
        try clinic.comeBack()
        for tablet in [one, two] {
            let pushed = try await tablet.sync(with: cloud).pushed
            XCTAssertEqual(pushed, 1)
        }
        _ = try await one.sync(with: cloud)
        for tablet in [one, two] {
            for patient in made { try await assertHas(tablet, patient, "Amal") }
        }
    }

    private func visit(_ tablet: Tablet, _ clinic: Clinic, _ patient: String) async throws -> String {
        try await tablet.vault.insert(
            table: "visits", fields: #"{"patient_id":"\#(patient)","clinic_id":"\#(clinic.clinicId)"}"#)
    }

    private func assertHas(
        _ tablet: Tablet, _ patient: String, _ text: String,
        file: StaticString = #filePath, line: UInt = #line
    ) async throws {
        let record = try await tablet.vault.get(table: "patients", id: patient)
        XCTAssertTrue(try XCTUnwrap(record).contains(text), file: file, line: line)
    }
}
