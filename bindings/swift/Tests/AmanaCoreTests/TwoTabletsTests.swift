import XCTest

@testable import AmanaCore

/// Two tablets sync through the reference server, over real TLS.
final class TwoTabletsTests: XCTestCase {
    func testWhatOneRegistersTheOtherSeesAndBothEndEqual() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let one = try await Tablet()
        let two = try await Tablet()
        _ = try await one.signIn(clinic, Tablet.noor)
        let sami = try await two.signIn(clinic, Tablet.sami)
        XCTAssertEqual(sami.clinicId, clinic.clinicId)

        let patient = try await one.vault.insert(
            table: "patients",
            fields: #"{"given_name":"سلمى 👶","surname":"Haddad","date_of_birth":"1980-02-03"}"#)
        let visits = try await one.vault.batch(
            operations: """
                [{"op":"insert","table":"visits",
                  "fields":{"patient_id":"\(patient)","clinic_id":"\(clinic.clinicId)"}}]
                """)
        XCTAssertEqual(visits.count, 1)
        let pushed = try await one.sync().pushed
        XCTAssertEqual(pushed, 2)
        _ = try await two.sync()
        let seen = try await two.vault.get(table: "patients", id: patient)
        XCTAssertTrue(try XCTUnwrap(seen).contains("سلمى 👶"))

        try await one.vault.update(table: "patients", id: patient, fields: #"{"phone":"111"}"#)
        try await two.vault.update(table: "patients", id: patient, fields: #"{"phone":"222"}"#)
        _ = try await one.sync()
        let conflicts = try await two.sync().conflicts
        XCTAssertEqual(conflicts, 1)
        _ = try await one.sync()
        let ledger = try await two.vault.conflicts(after: 0)
        XCTAssertEqual(ledger.map(\.column), ["phone"])
        XCTAssertEqual(ledger.first?.local, "\"222\"")
        XCTAssertEqual(ledger.first?.remote, "\"111\"")

        _ = try await two.sync()
        // Each keeps its own person's permissions.
        let ours = try await one.vault.digest().filter { $0.table != "user_clinic_permissions" }
        let theirs = try await two.vault.digest().filter { $0.table != "user_clinic_permissions" }
        XCTAssertEqual(ours, theirs)

        try await one.vault.delete(table: "patients", id: patient)
        let deletions = try await one.sync().pushedDeletions
        XCTAssertEqual(deletions, 1)
        _ = try await two.sync()
        let gone = try await two.vault.get(table: "patients", id: patient)
        XCTAssertNil(gone)
        try await one.end()
        try await two.end()
    }
}
