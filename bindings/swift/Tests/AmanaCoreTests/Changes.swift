import XCTest

@testable import AmanaCore

/// What an observer was told of one change: tables with their records, sorted; nil where they are not
/// named.
struct Told: Equatable {
    let fromPeer: Bool
    let tables: [String: [String]?]

    init(fromPeer: Bool = false, _ tables: [String: [String]?]) {
        self.fromPeer = fromPeer
        self.tables = tables.mapValues { $0?.sorted() }
    }

    init(_ change: Change) {
        self.init(
            fromPeer: change.fromPeer,
            Dictionary(uniqueKeysWithValues: change.tables.map { ($0.table, $0.ids) }))
    }
}

/// Hears of changes; with a gate it goes on from each call only once the gate is open.
final class Changes: ChangeObserver, @unchecked Sendable {
    private let lock = NSLock()
    private let gate: DispatchSemaphore?
    private var heard: [Change] = []

    init(_ gate: DispatchSemaphore? = nil) { self.gate = gate }

    func changed(change: Change) {
        lock.withLock { heard.append(change) }
        guard let gate else { return }
        // Opened by itself at some time, so that whoever waits for it in vain fails instead of hanging.
        _ = gate.wait(timeout: .now() + 30)
        gate.signal()
    }

    /// What has been told by now, and was not taken.
    var soFar: [Change] { lock.withLock { heard } }

    /// Takes the next change. Ends after a limit, for a test that fails.
    func next() async throws -> Change {
        let end = Date(timeIntervalSinceNow: 30)
        while Date() < end {
            if let change = lock.withLock({ heard.isEmpty ? nil : heard.removeFirst() }) {
                return change
            }
            await Task.yield()
        }
        throw Missing(what: "a change that is told")
    }

    /// Takes all that is told before a write that is made now, which has to be told as well: what comes
    /// in order is complete by then.
    func until(_ tablet: Tablet) async throws -> [Change] {
        let mark = Told(["patients": [try await tablet.patient()]])
        var before: [Change] = []
        while true {
            let change = try await next()
            if Told(change) == mark { return before }
            before.append(change)
        }
    }
}
