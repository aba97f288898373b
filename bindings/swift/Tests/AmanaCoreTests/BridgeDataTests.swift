import XCTest

@testable import AmanaCore

/// Key–value store and records through the bridge of the React Native module.
final class BridgeDataTests: XCTestCase {
    private var desk: Desk!
    private var handle = 0.0

    override func setUp() async throws {
        desk = try Desk()
        handle = try await desk.open()
    }
    override func tearDown() async throws { try await desk.end() }

    private var kv: KeyValues { desk.bridge.keyValues }
    private var records: Records { desk.bridge.records }

    private func error(_ tagged: String) throws -> [String: Any] {
        XCTAssertEqual(tagged.first, "!")
        let json = try JSONSerialization.jsonObject(with: Data(tagged.dropFirst().utf8))
        return try XCTUnwrap(json as? [String: Any])
    }

    func testValuesComeBackAsTheyWereInBothForms() async throws {
        // The tag and a combining mark would be one character.
        for value in ["t", "tسلمى 👶", "t\u{301}x", "bAAEC/w==", "b"] {
            try await kv.set(handle, "stored:a", "k", value, nil)
            let now = kv.getNow(handle, "stored:a", "k")
            XCTAssertEqual(Array(now.unicodeScalars), Array(value.unicodeScalars))
            let later = try await kv.get(handle, "stored:a", "k")
            XCTAssertEqual(later, value)
        }
        XCTAssertEqual(kv.getNow(handle, "stored:a", "none"), "-")
        let none = try await kv.get(handle, "session:a", "k")
        XCTAssertNil(none)
    }

    func testManyValuesAtOnceAndKeysInPages() async throws {
        try await kv.multiSet(
            handle, "stored:a",
            #"[{"key":"a","value":"t1"},{"key":"b","value":"t\"2\"","expiresInMs":60000},{"key":"c","value":"t3"}]"#
        )
        XCTAssertEqual(
            kv.multiGetNow(handle, "stored:a", ["b", "x"]), #"j["t\"2\"",null]"#)
        let later = try await kv.multiGet(handle, "stored:a", ["a", "x"])
        XCTAssertEqual(later.first as? String, "t1")
        XCTAssertTrue(later.last is NSNull)
        let page = try await kv.keys(handle, "stored:a", "", nil, 2)
        XCTAssertEqual(page["keys"] as? [String], ["a", "b"])
        XCTAssertEqual(page["next"] as? String, "b")
        let now = kv.keysNow(handle, "stored:a", "", "b", 2)
        let json = try JSONSerialization.jsonObject(with: Data(now.dropFirst().utf8))
        let rest = try XCTUnwrap(json as? [String: Any])
        XCTAssertEqual(rest["keys"] as? [String], ["c"])
        XCTAssertTrue(rest["next"] is NSNull)
        let isReplaced = try await kv.compareAndSet(handle, "stored:a", "a", "t1", "t9", nil)
        XCTAssertTrue(isReplaced)
        let isOther = try await kv.compareAndSet(handle, "stored:a", "a", "t1", nil, nil)
        XCTAssertFalse(isOther)
        let isGone = try await kv.remove(handle, "stored:a", "a")
        XCTAssertTrue(isGone)
        let gone = try await kv.multiRemove(handle, "stored:a", ["a", "b"])
        XCTAssertEqual(gone, 1)
        let cleared = try await kv.clear(handle, "stored:a")
        XCTAssertEqual(cleared, 1)
    }

    func testWhatIsNoValueIsRefusedAndAnAnswerAtOnceSaysSo() async throws {
        for (space, value, expiry): (String, String, Double?) in [
            ("a", "t1", nil), ("stored:a", "x1", nil), ("stored:a", "", nil), ("stored:a", "bé", nil),
            ("stored:a", "t1", 0), ("stored:a", "t1", 1.5), ("stored:a", "t1", .nan),
            ("stored:a", "t1", 9_007_199_254_740_994),
        ] {
            await assertRefused("invalid_input") {
                try await self.kv.set(self.handle, space, "k", value, expiry)
            }
        }
        for limit in [0, 1001, 1.5, .nan, -1] {
            await assertRefused("invalid_input") {
                try await self.kv.keys(self.handle, "stored:a", "", nil, limit)
            }
        }
        for json in ["", "{}", #"[{"key":1}]"#, #"[{"key":"a","value":"t","expiresInMs":"1"}]"#] {
            await assertRefused("invalid_input") {
                try await self.kv.multiSet(self.handle, "stored:a", json)
            }
        }
        await assertRefused("invalid_input") {
            try await self.kv.multiGet(self.handle, "stored:a", ["a", 1])
        }
        await assertRefused("value_too_large") {
            try await self.kv.set(
                self.handle, "stored:a", "k", "t" + String(repeating: "x", count: 20 << 20), nil)
        }
        XCTAssertEqual(try error(kv.getNow(77, "stored:a", "k"))["code"] as? String, "closed")
        let refused = try error(kv.getNow(handle, "none", "k"))
        XCTAssertEqual(refused["code"] as? String, "invalid_input")
        XCTAssertEqual(refused["retryable"] as? Bool, false)
        XCTAssertTrue(refused["retryAfterMs"] is NSNull)
        XCTAssertTrue(refused["at"] is NSNull)
        XCTAssertFalse((refused["detail"] as? String ?? "").isEmpty)
        try await desk.bridge.life.lock(handle)
        XCTAssertEqual(try error(kv.getNow(handle, "stored:a", "k"))["code"] as? String, "locked")
        XCTAssertEqual(
            try error(records.findNow(handle, "patients", "x"))["code"] as? String, "locked")
    }

    func testARecordIsMadeFoundChangedAndDeleted() async throws {
        let id = try await records.create(handle, "patients", #"{"given_name":"Amal"}"#)
        XCTAssertTrue(records.findNow(handle, "patients", id).hasPrefix("j{"))
        try await records.update(handle, "patients", id, #"{"surname":"Haddad"}"#)
        let found = try await records.find(handle, "patients", id)
        XCTAssertTrue(found?.contains("Haddad") ?? false)
        let page = try await records.query(handle, "patients", "{}")
        XCTAssertTrue(page.contains(#""columns""#))
        let ids = try await records.batch(
            handle, #"[{"op":"delete","table":"patients","id":"\#(id)"}]"#)
        XCTAssertEqual(ids, [id])
        XCTAssertEqual(records.findNow(handle, "patients", id), "-")
        await assertRefused("not_found") {
            try await self.records.delete(self.handle, "patients", id)
        }
        let count = try await records.count(handle, "patients", "{}")
        XCTAssertEqual(count, 0)
    }

    func testARefusalNamesThePlaceAndNoValue() async throws {
        do {
            _ = try await records.create(
                handle, "patients", #"{"sex":"CanaryValue-longer-than-24-characters"}"#)
            XCTFail("the call should have been refused")
        } catch {
            let failure = Failure.of(error)
            XCTAssertEqual(failure.code, "invalid_input")
            XCTAssertEqual(failure.info["at"] as? String, "patients.sex")
            XCTAssertFalse(failure.tagged.contains("Canary"))
        }
        let unexpected = Failure.of(Missing(what: "Canary"))
        XCTAssertEqual(unexpected.code, "internal")
        XCTAssertFalse(unexpected.tagged.contains("Canary"))
    }

    func testWritesReachTheCoreInTheOrderOfTheirCalls() async throws {
        let lines = Lines()
        let (kv, handle) = (kv, handle)
        let done = expectation(description: "all were carried out")
        done.expectedFulfillmentCount = 50
        for n in 1...50 {
            lines.enter(handle) {
                try? await kv.set(handle, "stored:a", "k", "t\(n)", nil)
                done.fulfill()
            }
        }
        await fulfillment(of: [done], timeout: 60)
        XCTAssertEqual(kv.getNow(handle, "stored:a", "k"), "t50")
    }
}
