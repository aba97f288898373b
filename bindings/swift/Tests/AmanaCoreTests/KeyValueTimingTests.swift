import Dispatch
import Foundation
import XCTest

@testable import AmanaCore

/// Says what reads and writes of the key-value store take from Swift. Nothing depends on the figures.
final class KeyValueTimingTests: XCTestCase {
    private let settings = KvNamespace.stored(name: "settings")

    private func ms(since begin: DispatchTime) -> Double {
        Double(DispatchTime.now().uptimeNanoseconds - begin.uptimeNanoseconds) / 1e6
    }

    private func say(_ what: String, _ ms: Double) {
        print("kv through Swift: \(what) \(String(format: "%.3f", ms)) ms")
    }

    func testReadsAndWritesTellWhatTheyTake() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let keys = (1...1_000).map { "k/\($0)" }
        let entries = keys.map { KvEntry(key: $0, value: .text(text: "value of \($0)")) }
        try await vault.kvMultiSet(namespace: settings, entries: entries)
        func readAll() throws -> Int {
            try keys.reduce(0) { sum, key in
                let text = try vault.kvGetText(namespace: settings, key: key)
                return try sum + XCTUnwrap(text).utf8.count
            }
        }
        XCTAssertEqual(try readAll(), keys.reduce(0) { $0 + "value of \($1)".utf8.count })
        // the middle of some: the mood of machine and disk is not the library's
        let reads = try (1...21).map { _ in
            let begin = DispatchTime.now()
            _ = try readAll()
            return ms(since: begin)
        }
        say("1,000 hot reads", reads.sorted()[10])
        var sets: [Double] = []
        for n in 1...21 {
            let begin = DispatchTime.now()
            try await vault.kvSet(namespace: settings, key: "one", value: .text(text: "\(n)"))
            sets.append(ms(since: begin))
        }
        say("one set", sets.sorted()[10])
        XCTAssertEqual(try vault.kvGetText(namespace: settings, key: "one"), "21")
        let begin = DispatchTime.now()
        try await vault.kvMultiSet(namespace: settings, entries: entries)
        say("one batch of 1,000 sets", ms(since: begin))
        let cleared = try await vault.kvClear(namespace: settings)
        XCTAssertEqual(cleared, 1_001)
        try await tablet.end()
    }
}
