import XCTest

@testable import AmanaCore

/// Diagnosis and salvage from tasks.
final class CareTests: XCTestCase {
    func testADiagnosisTellsStatesAndNobodysName() async throws {
        let tablet = try await Tablet()
        _ = try await tablet.vault.insert(
            table: "patients", fields: #"{"given_name":"CanaryPatient"}"#)
        let open = try await tablet.vault.diagnose()
        XCTAssertTrue(open.contains(#""journal_mode":"wal""#))
        XCTAssertTrue(open.contains(#""kind":"device""#))
        try await tablet.vault.lock()
        let locked = try await tablet.vault.diagnose()
        XCTAssertTrue(locked.contains(#""open":null"#))
        let text = try await diagnoseDirectory(
            directory: tablet.directory.appendingPathComponent("vault").path)
        XCTAssertTrue(text.contains(#""database":"encrypted""#))
        for told in [open, locked, text] {
            XCTAssertFalse(told.contains("Canary"))
            XCTAssertFalse(told.contains(tablet.directory.path))
        }
        try await tablet.end()
    }

    func testADamagedDatabaseIsSalvaged() async throws {
        let tablet = try await Tablet()
        _ = try await tablet.vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        try await tablet.vault.lock()
        let database = tablet.directory.appendingPathComponent("vault/database")
        var bytes = try Data(contentsOf: database)
        bytes[1000] ^= 1
        try bytes.write(to: database)
        do {
            try await tablet.vault.unlock()
            XCTFail("a damaged database opened")
        } catch let AmanaError.Failure(code, _, _, _, _) {
            XCTAssertEqual(code, .databaseDamaged)
        }
        let report = try await tablet.vault.salvage()
        XCTAssertFalse(report.complete)
        XCTAssertTrue(report.fullPullDue)
        let copy = URL(fileURLWithPath: report.copyDirectory).appendingPathComponent("database")
        XCTAssertEqual(try Data(contentsOf: copy), bytes)
        try await tablet.vault.unlock()
        let left = try await tablet.vault.count(table: "patients", query: "{}")
        XCTAssertEqual(left, 0)
        try await tablet.end()
    }
}
