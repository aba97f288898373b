import XCTest

@testable import AmanaCore

/// The key-value store: reads at once, writes from tasks.
final class KeyValueTests: XCTestCase {
    private let settings = KvNamespace.stored(name: "settings")
    private let form = KvNamespace.session(name: "form")

    func testWhatWasSetIsReadAtOnceAndKeepsItsType() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        for space in [settings, form] {
            try await vault.kvSet(namespace: space, key: "text", value: .text(text: "a\0🩺"))
            try await vault.kvSet(
                namespace: space, key: "bytes", value: .bytes(bytes: Data([0, 255])))
            XCTAssertEqual(try vault.kvGetText(namespace: space, key: "text"), "a\0🩺")
            XCTAssertEqual(try vault.kvGetBytes(namespace: space, key: "bytes"), Data([0, 255]))
            XCTAssertEqual(try vault.kvGet(namespace: space, key: "text"), .text(text: "a\0🩺"))
            let twin = try await vault.kvGetAsync(namespace: space, key: "text")
            XCTAssertEqual(twin, .text(text: "a\0🩺"))
            await assertFails(.invalidInput) {
                _ = try vault.kvGetText(namespace: space, key: "bytes")
            }
            await assertFails(.invalidInput) {
                _ = try vault.kvGetBytes(namespace: space, key: "text")
            }
            XCTAssertNil(try vault.kvGet(namespace: space, key: "missing"))
            let removed = try await vault.kvRemove(namespace: space, key: "text")
            let again = try await vault.kvRemove(namespace: space, key: "text")
            XCTAssertTrue(removed && !again)
            XCTAssertNil(try vault.kvGetText(namespace: space, key: "text"))
        }
        try await tablet.end()
    }

    func testSeveralAtOnceAndPagesOfKeys() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        for space in [settings, form] {
            let entries = (1...5).map { KvEntry(key: "k/\($0)", value: .text(text: "\($0)")) }
            try await vault.kvMultiSet(namespace: space, entries: entries)
            let wanted: [KvValue?] = [.text(text: "2"), nil, .text(text: "1")]
            let keys = ["k/2", "other", "k/1"]
            XCTAssertEqual(try vault.kvMultiGet(namespace: space, keys: keys), wanted)
            let twin = try await vault.kvMultiGetAsync(namespace: space, keys: keys)
            XCTAssertEqual(twin, wanted)
            let first = try vault.kvKeys(namespace: space, prefix: "k/", after: nil, limit: 3)
            XCTAssertEqual(first.keys, ["k/1", "k/2", "k/3"])
            let second = try await vault.kvKeysAsync(
                namespace: space, prefix: "k/", after: first.next, limit: 3)
            XCTAssertEqual(second.keys, ["k/4", "k/5"])
            XCTAssertNil(second.next)

            await assertFails(.invalidInput) {
                try await vault.kvMultiSet(
                    namespace: space,
                    entries: [
                        KvEntry(key: "k/1", value: .text(text: "CanaryValue")),
                        KvEntry(key: "", value: .text(text: "")),
                    ])
            }
            XCTAssertEqual(try vault.kvGetText(namespace: space, key: "k/1"), "1")
            let cleared = try await vault.kvClear(namespace: space)
            XCTAssertEqual(cleared, 5)
        }
        try await tablet.end()
    }

    func testLimitsAreTyped() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let settings = settings
        let value = KvValue.text(text: "CanaryValue")
        for key in ["", "Canary\0", String(repeating: "Canary", count: 2_000_000)] {
            await assertFails(.invalidInput) {
                _ = try vault.kvGet(namespace: settings, key: key)
            }
            await assertFails(.invalidInput) {
                try await vault.kvSet(namespace: settings, key: key, value: value)
            }
            await assertFails(.invalidInput) {
                try await vault.kvSet(namespace: .stored(name: key), key: "k", value: value)
            }
        }
        await assertFails(.invalidInput) {
            try await vault.kvSet(namespace: settings, key: "k", value: value, expiresInMs: 0)
        }
        await assertFails(.valueTooLarge) {
            let large = Data(count: (16 << 20) + 1)
            try await vault.kvSet(namespace: settings, key: "k", value: .bytes(bytes: large))
        }
        XCTAssertNil(try vault.kvGet(namespace: settings, key: "k"))
        try await tablet.end()
    }

    func testCompareAndSetLosesNoStep() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let settings = settings
        let made = try await vault.kvCompareAndSet(
            namespace: settings, key: "n", expected: nil, newValue: .text(text: "0"))
        let again = try await vault.kvCompareAndSet(
            namespace: settings, key: "n", expected: nil, newValue: .text(text: "7"))
        XCTAssertTrue(made && !again)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 1...20 {
                group.addTask {
                    var done = false
                    while !done {
                        let text = try vault.kvGetText(namespace: settings, key: "n")
                        let old = try XCTUnwrap(text)
                        let new = try XCTUnwrap(Int(old)) + 1
                        done = try await vault.kvCompareAndSet(
                            namespace: settings, key: "n", expected: .text(text: old),
                            newValue: .text(text: "\(new)"))
                    }
                }
            }
            try await group.waitForAll()
        }
        XCTAssertEqual(try vault.kvGetText(namespace: settings, key: "n"), "20")
        try await tablet.end()
    }

    func testAnExpiredValueIsMissing() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        let value = KvValue.text(text: "t")
        try await vault.kvSet(
            namespace: settings, key: "token", value: value, expiresInMs: 3_600_000)
        XCTAssertEqual(try vault.kvGet(namespace: settings, key: "token"), value)
        try await vault.kvSet(namespace: settings, key: "token", value: value, expiresInMs: 1)
        // the device's clock is the real one here: it is read until it has moved
        while try vault.kvGet(namespace: settings, key: "token") != nil {}
        let page = try vault.kvKeys(namespace: settings, prefix: "", after: nil, limit: 10)
        XCTAssertEqual(page.keys, [])
        try await tablet.end()
    }

    func testLockingWipesTheSessionAndKeepsTheRest() async throws {
        let tablet = try await Tablet()
        let vault = tablet.vault
        try await vault.kvSet(namespace: settings, key: "k", value: .text(text: "kept"))
        try await vault.kvSet(namespace: form, key: "k", value: .text(text: "lost"))
        try await vault.lock()
        for space in [settings, form] {
            await assertFails(.locked) { _ = try vault.kvGet(namespace: space, key: "k") }
            await assertFails(.locked) {
                try await vault.kvSet(
                    namespace: space, key: "k", value: .text(text: "CanaryValue"))
            }
        }
        try await vault.unlock()
        XCTAssertEqual(try vault.kvGetText(namespace: settings, key: "k"), "kept")
        XCTAssertNil(try vault.kvGet(namespace: form, key: "k"))
        try await tablet.end()
    }

    func testObserversHearOfEachTransaction() async throws {
        let tablet = try await Tablet()
        let heard = expectation(description: "both changes of both namespaces are told")
        heard.expectedFulfillmentCount = 4
        let observer = KvRecorder(heard)
        let observation = tablet.vault.kvObserve(observer: observer)
        for space in [settings, form] {
            try await tablet.vault.kvMultiSet(
                namespace: space,
                entries: [
                    KvEntry(key: "b", value: .text(text: "1")),
                    KvEntry(key: "a", value: .text(text: "1")),
                ])
            _ = try await tablet.vault.kvRemove(namespace: space, key: "missing")
            _ = try await tablet.vault.kvClear(namespace: space)
        }
        await fulfillment(of: [heard], timeout: 30)
        XCTAssertEqual(
            observer.changes,
            [settings, form].flatMap {
                [KvChange(namespace: $0, keys: ["a", "b"]), KvChange(namespace: $0, keys: nil)]
            })
        observation.stop()
        try await tablet.end()
    }
}

private final class KvRecorder: KvObserver, @unchecked Sendable {
    private let lock = NSLock()
    private var seen: [KvChange] = []
    private let heard: XCTestExpectation

    init(_ heard: XCTestExpectation) { self.heard = heard }

    var changes: [KvChange] { lock.withLock { seen } }

    func changed(change: KvChange) {
        lock.withLock { seen.append(change) }
        heard.fulfill()
    }
}
