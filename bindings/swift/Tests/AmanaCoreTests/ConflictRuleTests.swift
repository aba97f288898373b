import XCTest

@testable import AmanaCore

/// An app's own rule for conflicts: what it is asked, what becomes of its answers, and of none.
final class ConflictRuleTests: XCTestCase {
    private var clinic: Clinic!

    override func setUpWithError() throws { clinic = try Clinic() }
    override func tearDown() { clinic.stop() }

    private func rules(_ rule: Rule) -> SyncRules {
        SyncRules(
            conflicts: [TableRule(table: "patients", rule: .remote, appRule: "joined")],
            appRules: [AppRule(name: "joined", resolver: rule)])
    }

    /// A patient whose phone two tablets have changed; the second meets the conflict, and asks the rule.
    private func conflict(_ rule: Rule, look: (Tablet, String) async throws -> Void) async throws {
        let one = try await Tablet()
        let two = try await Tablet(rules(rule))
        rule.vault = two.vault
        for tablet in [one, two] { _ = try await tablet.signIn(clinic, Tablet.noor) }
        let patient = try await one.vault.insert(
            table: "patients", fields: #"{"given_name":"Amal"}"#)
        _ = try await one.sync()
        _ = try await two.sync()
        try await one.vault.update(table: "patients", id: patient, fields: #"{"phone":"111"}"#)
        try await two.vault.update(table: "patients", id: patient, fields: #"{"phone":"222"}"#)
        _ = try await one.sync()
        let conflicts = try await two.sync().conflicts
        XCTAssertEqual(conflicts, 1)
        try await look(two, patient)
        rule.vault = nil
        try await one.end()
        try await two.end()
    }

    private func phone(_ tablet: Tablet, _ patient: String) async throws -> String? {
        let record = try await tablet.vault.get(table: "patients", id: patient)
        let json = try JSONSerialization.jsonObject(with: Data(try XCTUnwrap(record).utf8))
        return (json as? [String: Any])?["phone"] as? String
    }

    func testWhatTheRuleMakesOfBothIsStoredAndPushed() async throws {
        let rule = Rule { _, _ in #"{"phone":{"value":"222 / 111"}}"# }
        try await conflict(rule) { tablet, patient in
            let phone = try await self.phone(tablet, patient)
            XCTAssertEqual(phone, "222 / 111")
            let ledger = try await tablet.vault.conflicts(after: 0)
            XCTAssertEqual(ledger.map(\.kept), ["rule"])
            let asked = try XCTUnwrap(rule.asked.first)
            let question = try XCTUnwrap(
                try JSONSerialization.jsonObject(with: Data(asked.utf8)) as? [String: Any])
            XCTAssertEqual(question["table"] as? String, "patients")
            XCTAssertEqual(question["record_id"] as? String, patient)
            XCTAssertNotNil(question["remote_at_ms"] as? Int)
            let column = try XCTUnwrap((question["columns"] as? [[String: Any]])?.first)
            XCTAssertEqual(column["local"] as? String, "222")
            XCTAssertEqual(column["remote"] as? String, "111")
            XCTAssertTrue(column["base"] is NSNull)
            _ = try await tablet.sync()
            XCTAssertEqual(rule.asked.count, 1, "it is not asked again")
        }
    }

    func testARuleThatFailsInWhateverWayLeavesItToTheUsualOne() async throws {
        struct Odd: Error {}
        let failing = [
            Rule { _, _ in throw Odd() }, Rule { _, _ in "no JSON" },
            Rule { _, _ in #"{"phone":{"value":7}}"# }, Rule { _, _ in #"{"other":"local"}"# },
        ]
        for rule in failing {
            try await conflict(rule) { tablet, patient in
                let phone = try await self.phone(tablet, patient)
                XCTAssertEqual(phone, "111")
                let ledger = try await tablet.vault.conflicts(after: 0)
                XCTAssertEqual(ledger.map(\.kind), ["rule_failed"])
                XCTAssertEqual(ledger.first?.local, "\"222\"")
            }
        }
    }

    func testARuleThatCallsItsVaultHearsThatItIsBusy() async throws {
        let rule = Rule { vault, _ in
            // What it throws goes on as it came: the vault's own refusal.
            _ = try vault?.getNow(table: "patients", id: "x")
            return "{}"
        }
        try await conflict(rule) { tablet, patient in
            XCTAssertEqual(rule.heard, [.busy])
            let phone = try await self.phone(tablet, patient)
            XCTAssertEqual(phone, "111")
            let ledger = try await tablet.vault.conflicts(after: 0)
            XCTAssertEqual(ledger.map(\.kind), ["rule_failed"])
        }
    }

    func testANameThatNoRuleHasIsRefusedBeforeAnythingOpens() async throws {
        let unknown = SyncRules(
            conflicts: [TableRule(table: "patients", rule: .local, appRule: "unknown")])
        await assertFails(.invalidInput) { _ = try await Tablet(unknown) }
    }

    func testKeysThatAreNotPinnedAreInTheStatus() async throws {
        let zeros = String(repeating: "A", count: 42)
        let pins = CloudPins(
            pins: [zeros + "A=", "B" + zeros + "="], expiresMs: Int64.max, reportOnly: true)
        let tablet = try await Tablet(SyncRules(cloudPins: pins))
        let before = try await tablet.vault.syncStatus().pinMismatches
        XCTAssertEqual(before, 0)
        _ = try await tablet.signIn(clinic, Tablet.noor)
        let after = try await tablet.vault.syncStatus().pinMismatches
        XCTAssertGreaterThan(after, 0)
        try await tablet.end()
    }

    func testATokenIsEnoughToSync() async throws {
        let tablet = try await Tablet(SyncRules(cloudToken: true))
        let noor = try await tablet.signIn(clinic, Tablet.noor)
        XCTAssertEqual(noor.name, "Dr Noor Haddad")
        _ = try await tablet.vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        let pushed = try await tablet.sync().pushed
        XCTAssertEqual(pushed, 1)
        try await tablet.end()
    }
}

private final class Rule: ConflictResolver, @unchecked Sendable {
    private let lock = NSLock()
    private let answer: (Vault?, String) throws -> String
    private var questions: [String] = []
    private var codes: [ErrorCode] = []
    /// The vault that asks.
    var vault: Vault?

    init(_ answer: @escaping (Vault?, String) throws -> String) { self.answer = answer }

    var asked: [String] { lock.withLock { questions } }
    var heard: [ErrorCode] { lock.withLock { codes } }

    func resolve(question: String) throws -> String {
        lock.withLock { questions.append(question) }
        do {
            return try answer(vault, question)
        } catch let AmanaError.Failure(code, retryable, retryAfterMs, detail, at) {
            lock.withLock { codes.append(code) }
            throw AmanaError.Failure(
                code: code, retryable: retryable, retryAfterMs: retryAfterMs, detail: detail, at: at)
        }
    }
}
