import XCTest

@testable import AmanaCore

/// What observers of changes are told: each transaction once, whole, and in order; and what a slow one
/// costs.
final class ObserverTests: XCTestCase {
    private func visit(_ patient: String) -> String {
        #"{"op":"insert","table":"visits","fields":{"patient_id":"\#(patient)"}}"#
    }

    private func assertGrow(
        _ changes: [Change], file: StaticString = #filePath, line: UInt = #line
    ) {
        let revisions = changes.map(\.revision)
        XCTAssertEqual(revisions, Set(revisions).sorted(), file: file, line: line)
    }

    func testObserversHearOfEachTransactionOnce() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let one = Changes()
        let other = Changes()
        let first = vault.observe(observer: one)
        let second = vault.observe(observer: other)
        let patient = try await tablet.patient()
        let phone =
            #"{"op":"update","table":"patients","id":"\#(patient)","fields":{"phone":"1"}}"#
        let made = try await vault.batch(
            operations: "[\(visit(patient)),\(visit(patient)),\(phone)]")
        let visits = Array(made.prefix(2))
        try await vault.update(
            table: "visits", id: visits[0], fields: #"{"provider_name":"Dr Noor"}"#)
        // What is rolled back is no change.
        let bad = #"{"op":"update","table":"patients","id":"\#(patient)","fields":{"phone":7}}"#
        await assertFails(.invalidInput) {
            _ = try await vault.batch(operations: "[\(self.visit(patient)),\(bad)]")
        }
        try await vault.delete(table: "visits", id: visits[1])
        let expected = [
            Told(["patients": [patient]]),
            Told(["patients": [patient], "visits": visits]),
            Told(["visits": [visits[0]]]),
            Told(["visits": [visits[1]]]),
        ]
        let heard = try await one.until(tablet)
        XCTAssertEqual(heard.map { Told($0) }, expected)
        assertGrow(heard)
        // The other one has heard the same, and the mark.
        let others = try await other.until(tablet)
        XCTAssertEqual(others.map { Told($0) }.dropLast(), expected[...])
        // Its mark is told to both.
        _ = try await one.next()

        first.stop()
        let last = try await tablet.patient()
        let later = try await other.until(tablet)
        XCTAssertEqual(later.map { Told($0) }, [Told(["patients": [last]])])
        XCTAssertEqual(one.soFar, [], "nothing since it was stopped")
        second.stop()
        try await tablet.end()
    }

    func testAPullIsToldAsOneTransactionAndOneThatChangesNothingNotAtAll() async throws {
        let clinic = try Clinic()
        defer { clinic.stop() }
        let one = try await Tablet()
        let two = try await Tablet()
        _ = try await one.signIn(clinic, Tablet.noor)
        _ = try await two.signIn(clinic, Tablet.sami)
        let changes = Changes()
        let observation = two.vault.observe(observer: changes)
        var patients: [String] = []
        for _ in 1...3 { patients.append(try await one.patient()) }
        let visits = try await one.vault.batch(
            operations: "[\(visit(patients[0])),\(visit(patients[1]))]")
        _ = try await one.sync()

        _ = try await two.sync()
        let first = try await changes.until(two).map { Told($0) }
        XCTAssertEqual(first.count, 1)
        let whole = try XCTUnwrap(first.first)
        XCTAssertTrue(whole.fromPeer)
        XCTAssertEqual(whole.tables["patients"], patients.sorted())
        XCTAssertEqual(whole.tables["visits"], visits.sorted())
        // The rest of it is all that the tablet now holds, but for the mark, which is not from the pull.
        for digest in try await two.vault.digest() {
            let told = (whole.tables[digest.table] ?? [])?.count ?? 0
            let own = digest.table == "patients" ? 1 : 0
            XCTAssertEqual(digest.rows, UInt64(told + own), digest.table)
        }

        try await one.vault.update(table: "patients", id: patients[0], fields: #"{"phone":"111"}"#)
        try await one.vault.update(
            table: "visits", id: visits[1], fields: #"{"provider_name":"Dr Noor"}"#)
        try await one.vault.delete(table: "patients", id: patients[2])
        _ = try await one.sync()
        _ = try await two.sync()
        let second = try await changes.until(two).map { Told($0) }
        let pull = Told(
            fromPeer: true, ["patients": [patients[0], patients[2]], "visits": [visits[1]]])
        XCTAssertEqual(second, [pull])

        // The same rows come again, since pulls overlap, and are as they were.
        let unchanged = try await two.sync().unchanged
        XCTAssertGreaterThan(unchanged, 0)
        let third = try await changes.until(two)
        XCTAssertEqual(third, [])
        observation.stop()
        try await one.end()
        try await two.end()
    }

    func testASlowObserverHoldsUpNobodyAndIsToldAllInFewCalls() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let gate = DispatchSemaphore(value: 0)
        let slow = Changes(gate)
        let observation = vault.observe(observer: slow)
        let held = try await tablet.patient()
        let first = try await slow.next()
        XCTAssertEqual(Told(first), Told(["patients": [held]]))
        // It has not returned. Whoever writes goes on, and so do live queries.
        var written: [String] = []
        for _ in 1...300 { written.append(try await tablet.patient()) }
        let operations = (1...1_001).map { _ in visit(held) }.joined(separator: ",")
        let many = try await vault.batch(operations: "[\(operations)]")
        XCTAssertEqual(many.count, 1_001)
        let pages = Pages()
        let live = try vault.watchQuery(
            table: "patients", query: #"{"limit":500}"#, observer: pages)
        let page = try await pages.next()
        XCTAssertTrue(page.contains(try XCTUnwrap(written.last)))
        XCTAssertEqual(slow.soFar, [], "it is held")
        gate.signal()

        // 64 wait one by one, and what comes then is drawn together with the last of them.
        let rest = try await slow.until(tablet)
        let told = rest.map { Told($0) }
        XCTAssertEqual(told.count, 64)
        XCTAssertEqual(told.prefix(63), written.prefix(63).map { Told(["patients": [$0]]) }[...])
        // More than 1,000 records of a table are not named.
        let unnamed: [String]? = nil
        XCTAssertEqual(
            told.last, Told(["patients": Array(written.dropFirst(63)), "visits": unnamed]))
        assertGrow(rest)
        observation.stop()
        live.stop()
        try await tablet.end()
    }
}

private final class Pages: QueryObserver, @unchecked Sendable {
    private let lock = NSLock()
    private var heard: [String] = []

    func changed(page: String) { lock.withLock { heard.append(page) } }

    func failed(error: AmanaError) { XCTFail("\(error)") }

    /// The first page. Ends after a limit, for a test that fails.
    func next() async throws -> String {
        let end = Date(timeIntervalSinceNow: 30)
        while Date() < end {
            if let page = lock.withLock({ heard.first }) { return page }
            await Task.yield()
        }
        throw Missing(what: "a page")
    }
}
