import XCTest

@testable import AmanaCore

/// A process that is killed while it syncs.
final class KillTests: XCTestCase {
    func testAProcessThatIsKilledInAnyPhaseLosesNothing() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let directory = try temporaryDirectory()
        let phases = ["pulling", "applying", "pushing"]
        for phase in phases {
            let doomed = try ChildProcess(
                programs.appendingPathComponent("Doomed"),
                [directory.path, clinic.url, clinic.authority.path]
                    + [Tablet.noor.email, Tablet.noor.password, phase])
            defer { doomed.kill() }
            let said = String(decoding: try doomed.line(), as: UTF8.self)
            XCTAssertEqual(said, phase)
            XCTAssertEqual(doomed.kill(), SIGKILL)
        }
        let vault = try await openVault(config: Tablet.config(directory))
        let count = UInt64(phases.count)
        let kept = try await vault.count(table: "patients", query: "{}")
        let pending = try await vault.status().pending
        XCTAssertEqual([kept, pending], [count, count])
        let pushed = try await vault.sync(listener: nil, cancel: nil, fullPull: false).pushed
        XCTAssertEqual(pushed, count)
        let left = try await vault.status().pending
        XCTAssertEqual(left, 0)

        // Each has arrived, and once.
        let other = try await Tablet()
        _ = try await other.signIn(clinic, Tablet.sami)
        _ = try await other.sync()
        let arrived = try await other.count("patients")
        XCTAssertEqual(arrived, count)
        _ = try await vault.sync(listener: nil, cancel: nil, fullPull: false)
        let ours = try await vault.digest().filter { $0.table != Tablet.own }
        let theirs = try await other.digest()
        XCTAssertEqual(ours, theirs)
        try await other.end()
        try await vault.shutdown()
        try FileManager.default.removeItem(at: directory)
    }

    /// Where the package's programs are.
    private var programs: URL {
        #if os(macOS)
            Bundle(for: KillTests.self).bundleURL.deletingLastPathComponent()
        #else
            Bundle.main.bundleURL
        #endif
    }
}
