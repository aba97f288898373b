import XCTest

@testable import AmanaCore

/// Key stores by kind, and the self-test that an app runs on its own device.
final class KeyStoreTests: XCTestCase {
    private func secrets(_ directory: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path)
            .filter { $0.hasPrefix("amana.") }
            .sorted()
    }

    func testSelfTestReportsEachStepAndLeavesNothing() async throws {
        let directory = try temporaryDirectory()
        let report = try await runKeyStoreSelfTest(keyStore: .hostFile(directory: directory.path))
        XCTAssertTrue(report.passed, "\(report)")
        XCTAssertEqual(report.level, .unprotected)
        XCTAssertGreaterThanOrEqual(report.steps.count, 14)
        for step in report.steps {
            XCTAssertTrue(step.passed, step.name)
            XCTAssertNil(step.failure)
        }
        XCTAssertEqual(report.steps.last?.name, "nothing is left behind")
        XCTAssertEqual(try secrets(directory), [])
        try FileManager.default.removeItem(at: directory)
    }

    func testSelfTestLeavesTheVaultsSecretAlone() async throws {
        let tablet = try await Tablet()
        let id = try await tablet.vault.insert(
            table: "patients", fields: #"{"given_name":"Amal"}"#)
        let keys = tablet.directory.appendingPathComponent("keys")
        let before = try secrets(keys)
        let report = try await runKeyStoreSelfTest(keyStore: .hostFile(directory: keys.path))
        XCTAssertTrue(report.passed, "\(report)")
        XCTAssertEqual(try secrets(keys), before)
        try await tablet.vault.lock()
        try await tablet.vault.unlock()
        let patient = try await tablet.vault.get(table: "patients", id: id)
        XCTAssertTrue(patient?.contains("Amal") ?? false)
        try await tablet.end()
    }

    func testAStoreThatCannotWriteFailsTheTestAndSaysAtWhichStep() async throws {
        let directory = try temporaryDirectory()
        // where the store would keep its lock there is a folder
        try FileManager.default.createDirectory(
            at: directory.appendingPathComponent("lock"), withIntermediateDirectories: true)
        let report = try await runKeyStoreSelfTest(keyStore: .hostFile(directory: directory.path))
        XCTAssertFalse(report.passed)
        XCTAssertNil(report.level)
        let create = report.steps.first { $0.name == "create makes a secret" }
        XCTAssertEqual(create?.passed, false)
        XCTAssertEqual(create?.failure, "the secure hardware failed")
        try FileManager.default.removeItem(at: directory)
    }

    func testAPhonesKeyStoreIsNotClaimedOnAHost() async throws {
        let phone = KeyStoreKind.platform(options: KeyStoreOptions(strict: true))
        do {
            _ = try await openVault(
                config: VaultConfig(directory: "/nonexistent", keyStore: phone))
            XCTFail("the call should have failed")
        } catch let AmanaError.Failure(code, _, _, _, _) {
            XCTAssertEqual(code, .unsupported)
        }
        do {
            _ = try await runKeyStoreSelfTest(keyStore: .platform(options: KeyStoreOptions()))
            XCTFail("the call should have failed")
        } catch let AmanaError.Failure(code, _, _, _, _) {
            XCTAssertEqual(code, .unsupported)
        }
    }
}
