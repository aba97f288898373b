import XCTest

@testable import AmanaCore

/// The vault's calls from tasks: errors, callbacks, many at once.
final class VaultTests: XCTestCase {
    func testErrorsAreTypedAndNameThePlaceButNoValue() async throws {
        let tablet = try await Tablet()
        do {
            _ = try await tablet.vault.insert(
                table: "patients", fields: #"{"sex":"CanaryValue-longer-than-24-characters"}"#)
            XCTFail("the call should have failed")
        } catch let error as AmanaError {
            guard case let .Failure(code, _, _, _, at) = error else { return XCTFail("one variant") }
            XCTAssertEqual(code, .invalidInput)
            XCTAssertEqual(at, "patients.sex")
            XCTAssertFalse("\(error)".contains("Canary"))
        }
        await assertFails(.forbiddenTable) {
            _ = try await tablet.vault.insert(table: "users", fields: "{}")
        }
        await assertFails(.notFound) {
            try await tablet.vault.delete(table: "patients", id: "nobody")
        }
        await assertFails(.notSignedIn) { _ = try await tablet.sync() }
        await assertFails(.invalidInput) {
            _ = try await tablet.vault.signIn(
                url: "http://clinic.example", privateCaPem: nil, email: "a@b",
                password: Data("x".utf8), cancel: nil)
        }
        try await tablet.end()
    }

    func testLockedMeansLockedAndEverythingIsThereAfterUnlocking() async throws {
        let tablet = try await Tablet()
        let id = try await tablet.vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        try await tablet.vault.lock()
        XCTAssertEqual(tablet.vault.state(), .locked)
        await assertFails(.locked) { _ = try await tablet.vault.get(table: "patients", id: id) }
        try await tablet.vault.unlock()
        let record = try await tablet.vault.get(table: "patients", id: id)
        XCTAssertTrue(try XCTUnwrap(record).contains("Amal"))
        try await tablet.end()
    }

    func testAVaultThatNobodyUsesLocksItself() async throws {
        let directory = try temporaryDirectory()
        let usual = Tablet.config(directory)
        let vault = try await openVault(
            config: VaultConfig(
                directory: usual.directory, keyStore: usual.keyStore, idleLockMs: 20))
        let end = Date(timeIntervalSinceNow: 30)
        while vault.state() != .locked && Date() < end { await Task.yield() }
        await assertFails(.locked) { _ = try await vault.count(table: "patients", query: "{}") }
        try await vault.unlock()
        try await vault.shutdown()
        try FileManager.default.removeItem(at: directory)
    }

    func testSyncReportsProgressAndCanBeCancelled() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let tablet = try await Tablet()
        _ = try await tablet.signIn(clinic, Tablet.noor)
        let listener = Listener()
        _ = try await tablet.vault.sync(listener: listener, cancel: nil, fullPull: false)
        XCTAssertTrue(listener.phases.isSuperset(of: ["pulling", "applying", "finished"]))

        let cancelled = CancelHandle()
        cancelled.cancel()
        await assertFails(.cancelled) {
            _ = try await tablet.vault.sync(listener: nil, cancel: cancelled, fullPull: false)
        }
        _ = try await tablet.vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        for phase in ["pulling", "pushing"] {
            let cancel = CancelHandle()
            let heard = Heard(cancelAt: phase, cancel)
            await assertFails(.cancelled) {
                _ = try await tablet.vault.sync(listener: heard, cancel: cancel, fullPull: false)
            }
            XCTAssertEqual(heard.phases.last, phase)
        }
        let report = try await tablet.vault.sync(listener: nil, cancel: nil, fullPull: false)
        XCTAssertEqual(report.pushed, 1)
        await assertFails(.unauthorized) {
            _ = try await tablet.signIn(clinic, (email: Tablet.noor.email, password: "wrong"))
        }
        try await tablet.vault.signOut()
        await assertFails(.notSignedIn) { _ = try await tablet.sync() }
        try await tablet.end()
    }

    func testTwoHundredCallsAtOnce() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for n in 1...200 {
                group.addTask {
                    let id = try await vault.insert(
                        table: "patients", fields: #"{"given_name":"P\#(n)"}"#)
                    let record = try await vault.get(table: "patients", id: id)
                    XCTAssertTrue(try XCTUnwrap(record).contains("\"P\(n)\""))
                    return id
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        XCTAssertEqual(ids.count, 200)
        let count = try await vault.count(table: "patients", query: "{}")
        XCTAssertEqual(count, 200)
        try await tablet.end()
    }
}

private final class Listener: SyncListener, @unchecked Sendable {
    private let lock = NSLock()
    private var seen = Set<String>()

    var phases: Set<String> { lock.withLock { seen } }

    func progress(progress: SyncProgress) {
        lock.withLock { _ = seen.insert(progress.phase) }
    }
}
