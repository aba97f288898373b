import XCTest

@testable import AmanaCore

/// Live queries: when a page comes, and when none does.
final class LiveQueryTests: XCTestCase {
    func testAPageComesAtTheStartAndAfterWritesToItsTableAlone() async throws {
        let tablet = try await Tablet()
        let recorder = QueryRecorder()
        let observation = try tablet.vault.watchQuery(
            table: "patients", query: "{}", observer: recorder)
        await heard(recorder, [.names([])])
        let id = try await patient("a", tablet)
        await heard(recorder, [.names([]), .names(["a"])])
        _ = try await tablet.vault.insert(table: "visits", fields: #"{"patient_id":"\#(id)"}"#)
        _ = try await patient("b", tablet)
        // The very next one: none came for the visit.
        await heard(recorder, [.names([]), .names(["a"]), .names(["a", "b"])])
        observation.stop()
        try await tablet.end()
    }

    func testWhatIsWrittenWhileTheObserverWorksComesAsOnePage() async throws {
        let tablet = try await Tablet()
        let gate = DispatchSemaphore(value: 0)
        let recorder = QueryRecorder(gate)
        let observation = try tablet.vault.watchQuery(
            table: "patients", query: "{}", observer: recorder)
        await heard(recorder, [.names([])])
        let names = (10...59).map { "\($0)" }
        // No write waits for the observer, which has not returned.
        for name in names { _ = try await patient(name, tablet) }
        gate.signal()
        await heard(recorder, [.names([]), .names(names)])
        _ = try await patient("last", tablet)
        gate.signal()
        await heard(recorder, [.names([]), .names(names), .names(names + ["last"])])
        gate.signal()
        observation.stop()
        try await tablet.end()
    }

    func testAfterStopNoPageComes() async throws {
        let tablet = try await Tablet()
        let stopped = QueryRecorder()
        let observation = try tablet.vault.watchQuery(
            table: "patients", query: "{}", observer: stopped)
        await heard(stopped, [.names([])])
        observation.stop()
        observation.stop()
        let other = QueryRecorder()
        let goesOn = try tablet.vault.watchQuery(table: "patients", query: "{}", observer: other)
        await heard(other, [.names([])])
        _ = try await patient("a", tablet)
        await heard(other, [.names([]), .names(["a"])])
        _ = try await patient("b", tablet)
        await heard(other, [.names([]), .names(["a"]), .names(["a", "b"])])
        XCTAssertEqual(stopped.heard, [.names([])])
        goesOn.stop()
        try await tablet.end()
    }

    func testALockedVaultIsAFailureAndAfterUnlockingItGoesOn() async throws {
        let tablet = try await Tablet()
        _ = try await patient("a", tablet)
        try await tablet.vault.lock()
        let recorder = QueryRecorder()
        let observation = try tablet.vault.watchQuery(
            table: "patients", query: "{}", observer: recorder)
        await recorder.wait { !$0.isEmpty }
        XCTAssertEqual(recorder.heard.first, .failed(.locked))
        try await tablet.vault.unlock()
        await recorder.wait { $0.last != .failed(.locked) }
        // News of the write may have come after the lock: then it has failed once more.
        XCTAssertEqual(recorder.heard.filter { $0 != .failed(.locked) }, [.names(["a"])])
        observation.stop()
        try await tablet.end()
    }

    func testAQueryEndsWithItsVaultAndLetsGoOfItsObserver() async throws {
        for wipes in [false, true] {
            let tablet = try await Tablet()
            var recorder: QueryRecorder? = QueryRecorder()
            weak var held = recorder
            let observation = try tablet.vault.watchQuery(
                table: "patients", query: "{}", observer: recorder!)
            await recorder!.wait { !$0.isEmpty }
            if wipes { try await tablet.vault.wipe() } else { try await tablet.vault.shutdown() }
            await recorder!.wait { $0.last == .failed(.closed) }
            XCTAssertEqual(recorder!.heard.last, .failed(.closed))
            recorder = nil
            // Its thread has ended: nobody else holds it.
            let end = Date(timeIntervalSinceNow: 30)
            while held != nil && Date() < end { await Task.yield() }
            XCTAssertNil(held)
            observation.stop()
            try await tablet.end()
        }
    }

    func testWhatIsNoQueryIsRefusedAtOnce() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let recorder = QueryRecorder()
        let unknown = #"{"where":{"column":"CanaryColumn","op":"eq","value":1}}"#
        for (table, query) in [
            ("nothing", "{}"), ("patients", #"{"wher":{}}"#), ("patients", unknown),
        ] {
            await assertFails(.invalidInput) {
                _ = try vault.watchQuery(table: table, query: query, observer: recorder)
            }
        }
        await assertFails(.forbiddenTable) {
            _ = try vault.watchQuery(table: "users", query: "{}", observer: recorder)
        }
        XCTAssertEqual(recorder.heard, [])
        try await tablet.end()
    }

    private func patient(_ name: String, _ tablet: Tablet) async throws -> String {
        try await tablet.vault.insert(
            table: "patients", fields: #"{"given_name":"P-\#(name)"}"#)
    }

    /// Waits until as much was heard, and compares.
    private func heard(
        _ recorder: QueryRecorder, _ expected: [QueryRecorder.Heard],
        file: StaticString = #filePath, line: UInt = #line
    ) async {
        await recorder.wait { $0.count >= expected.count }
        XCTAssertEqual(recorder.heard, expected, file: file, line: line)
    }
}

/// Hears; with a gate it returns only when it is let through, once for each call.
private final class QueryRecorder: QueryObserver, @unchecked Sendable {
    enum Heard: Equatable {
        /// The names on a page, sorted.
        case names([String])
        case failed(ErrorCode)
    }

    private let lock = NSLock()
    private let gate: DispatchSemaphore?
    private var all: [Heard] = []

    init(_ gate: DispatchSemaphore? = nil) { self.gate = gate }

    var heard: [Heard] { lock.withLock { all } }

    /// Until it has heard what is meant, or for 30 seconds.
    func wait(_ enough: ([Heard]) -> Bool) async {
        let end = Date(timeIntervalSinceNow: 30)
        while !enough(heard) && Date() < end { await Task.yield() }
    }

    func changed(page: String) {
        let pieces = page.components(separatedBy: "\"P-").dropFirst()
        hear(.names(pieces.map { String($0.prefix { $0 != "\"" }) }.sorted()))
    }

    func failed(error: AmanaError) {
        if case let .Failure(code, _, _, _, _) = error { hear(.failed(code)) }
    }

    private func hear(_ heard: Heard) {
        lock.withLock { all.append(heard) }
        gate?.wait()
    }
}
