import XCTest

@testable import AmanaCore

/// A vault's life through the bridge of the React Native module.
final class BridgeLifeTests: XCTestCase {
    private var desk: Desk!

    override func setUpWithError() throws { desk = try Desk() }
    override func tearDown() async throws { try await desk.end() }

    private var life: Life { desk.bridge.life }

    func testAVaultIsAttachedMadeLockedAndOpenedAgain() async throws {
        let handle = try await desk.attach()
        XCTAssertGreaterThan(handle, 0)
        XCTAssertEqual(life.state(handle), "locked")
        let glance = try await life.glance(handle)
        XCTAssertEqual(glance["presence"] as? String, "nothing")
        XCTAssertTrue(glance["policy"] is NSNull)
        let isMade = try await life.openForDevice(handle, nil)
        XCTAssertTrue(isMade)
        XCTAssertEqual(life.state(handle), "unlocked")
        XCTAssertEqual(desk.platform.protected, ["clinic": false])
        try await life.lock(handle)
        XCTAssertEqual(life.state(handle), "locked")
        let isMadeAgain = try await life.openForDevice(handle, nil)
        XCTAssertFalse(isMadeAgain)
        let slots = try await life.slots(handle)
        let first = try XCTUnwrap((slots["slots"] as? [[String: Any]])?.first)
        XCTAssertEqual(first["kind"] as? String, "device")
        XCTAssertEqual(first["level"] as? String, "unprotected")
        XCTAssertTrue(first["person"] is NSNull)
        let there = FileManager.default.fileExists(
            atPath: desk.platform.vaults.appendingPathComponent("clinic").path)
        XCTAssertTrue(there)
    }

    func testHandlesOfOneVaultAreTwoAndTheLastClosesIt() async throws {
        let one = try await desk.open()
        let two = try await desk.attach()
        XCTAssertNotEqual(one, two)
        XCTAssertEqual(life.state(two), "unlocked")
        try await life.close(one)
        XCTAssertEqual(life.state(one), "closed")
        XCTAssertEqual(life.state(two), "unlocked")
        await assertRefused("closed") { try await self.life.lock(one) }
        try await life.close(two)
        try await life.close(two)
        let again = try await desk.attach()
        XCTAssertEqual(life.state(again), "locked")
        XCTAssertGreaterThan(again, two)
    }

    func testAWipedVaultLeavesNoHandleBehind() async throws {
        let other = try await desk.open("other")
        let one = try await desk.open()
        let two = try await desk.attach()
        XCTAssertEqual(desk.bridge.vaults.all().count, 3)
        try await life.wipe(one)
        XCTAssertEqual(desk.bridge.vaults.all().count, 1)
        for handle in [one, two] {
            XCTAssertEqual(life.state(handle), "closed")
            await assertRefused("closed") { try await self.life.glance(handle) }
            await assertRefused("closed") { try await self.life.wipe(handle) }
            try await life.close(handle)
            let closed = desk.heard.named("onVaultState").filter {
                $0["handle"] as? Int64 == Int64(handle) && $0["state"] as? String == "closed"
            }
            XCTAssertEqual(closed.count, 1)
        }
        XCTAssertEqual(life.state(other), "unlocked")
        let again = try await desk.attach()
        let glance = try await life.glance(again)
        XCTAssertEqual(glance["presence"] as? String, "nothing")
        XCTAssertEqual(desk.bridge.vaults.all().count, 2)
    }

    func testNothingIsOpenedOnceTheAppGoes() async throws {
        let handle = try await desk.open()
        async let late = desk.attach("late")
        await desk.bridge.close()
        XCTAssertEqual(life.state(handle), "closed")
        // It was in time, and then closed with the others; or it was refused.
        do {
            let handle = try await late
            XCTAssertEqual(life.state(handle), "closed")
        } catch {
            XCTAssertEqual(Failure.of(error).code, "closed")
        }
        await assertRefused("closed") { try await self.desk.attach("later") }
    }

    func testPinsOpenAndAreCountedAndChanged() async throws {
        let handle = try await desk.attach()
        try await life.createForPerson(handle, "ama", secret("1111"), nil)
        try await life.addPin(handle, "kofi", secret("2222"))
        try await life.lock(handle)
        await assertRefused("wrong_pin") {
            try await self.life.unlockWithPin(handle, "ama", secret("0000"))
        }
        let refusal = try XCTUnwrap(try desk.bridge.care.lastRefusal(handle))
        XCTAssertEqual(refusal["code"] as? String, "wrong_pin")
        XCTAssertEqual(refusal["failures"] as? UInt32, 1)
        XCTAssertTrue(refusal["keyLost"] is NSNull)
        let standing = try await life.pinStanding(handle, "ama")
        XCTAssertEqual(standing["failures"] as? UInt32, 1)
        await assertRefused("presence_required") { try await self.life.openForDevice(handle, nil) }
        try await life.unlockWithPin(handle, "kofi", secret("2222"))
        try await life.changePin(handle, "kofi", secret("2222"), secret("3333"))
        try await life.resetPin(handle, "ama", secret("4444"))
        try await life.removePin(handle, "kofi")
        try await life.lock(handle)
        try await life.unlockWithPin(handle, "ama", secret("4444"))
        XCTAssertNil(try desk.bridge.care.lastRefusal(handle))
    }

    func testPresenceOpensAndARefusalIsTold() async throws {
        let handle = try await desk.attach()
        try await life.createForPerson(handle, "ama", secret("1111"), nil)
        await assertRefused("unsupported") { try await self.life.addPresence(handle, "t", "c") }
        desk.platform.presence = SomebodyThere(outcome: .denied)
        await assertRefused("presence_required") { try await self.life.addPresence(handle, "t", "c") }
        desk.platform.presence = SomebodyThere()
        let slot = try await life.addPresence(handle, "Open the vault", "Cancel")
        XCTAssertEqual(slot.count, 32)
        try await life.lock(handle)
        try await life.unlockWithPresence(handle, "Open the vault", "Cancel")
        XCTAssertEqual(life.state(handle), "unlocked")
        try await life.removeSlot(handle, slot)
        try await life.lock(handle)
        await assertRefused("not_found") { try await self.life.unlockWithPresence(handle, "t", "c") }
    }

    func testAStrictVaultWaitsForTheDeviceToBeUnlocked() async throws {
        let handle = try await desk.attach("strict", #","keyStore":{"strict":true}"#)
        let usual = try await desk.open("usual")
        await desk.bridge.protectedData(isAvailable: false).value
        await assertRefused("key_temporarily_unavailable") {
            try await self.life.openForDevice(handle, nil)
        }
        await assertRefused("key_temporarily_unavailable") {
            try await self.life.createForPerson(handle, "ama", secret("1111"), nil)
        }
        XCTAssertNil(desk.platform.protected["strict"], "nothing was made meanwhile")
        // One that is attached meanwhile is told, too.
        let late = try await desk.attach("late", #","keyStore":{"strict":true}"#)
        await assertRefused("key_temporarily_unavailable") { try await self.life.glance(late) }
        let refusal = try desk.bridge.care.lastRefusal(handle)
        XCTAssertNil(refusal, "no opening was tried")
        await desk.bridge.protectedData(isAvailable: true).value
        _ = try await life.glance(late)
        _ = try await life.openForDevice(handle, nil)
        XCTAssertEqual(desk.platform.protected, ["strict": true, "usual": false])
        await desk.bridge.protectedData(isAvailable: false).value
        XCTAssertEqual(life.state(handle), "locked")
        XCTAssertEqual(life.state(usual), "unlocked", "its files stay readable")
        await assertRefused("locked") {
            try await self.desk.bridge.records.count(handle, "patients", "{}")
        }
        // The last word counts, however fast the device is locked and unlocked.
        for isAvailable in [true, false, true] {
            desk.bridge.protectedData(isAvailable: isAvailable)
        }
        await desk.bridge.protectedData(isAvailable: true).value
        _ = try await life.openForDevice(handle, nil)
        XCTAssertEqual(life.state(handle), "unlocked")
    }

    func testWhatIsWrongIsRefusedBeforeAnythingIsMade() async throws {
        for json in ["", "[]", #"{"name":"../up"}"#, #"{"name":""}"#, #"{"name":"a","more":1}"#] {
            await assertRefused("invalid_input") { try await self.life.attach(json) }
        }
        for handle in [0, -1, 1.5, .nan, .infinity, 9_007_199_254_740_994, 77] {
            XCTAssertEqual(life.state(handle), "closed")
            await assertRefused("closed") { try await self.life.lock(handle) }
            await assertRefused("closed") { try await self.desk.bridge.records.find(handle, "a", "b") }
        }
        XCTAssertEqual(desk.platform.protected, [:])
        XCTAssertFalse(FileManager.default.fileExists(atPath: desk.platform.vaults.path))
        let handle = try await desk.attach()
        await assertRefused("invalid_input") { try await self.life.openForDevice(handle, "no base64 é") }
        await assertRefused("invalid_input") {
            try await self.life.createForPerson(handle, "ama", secret("1"), nil)
        }
    }

    func testASecretIsAListOfBytesAndNothingElse() async throws {
        for given: [Any] in [[256], [-1], [1.5], [Double.nan], ["1"], [NSNull()], [true], [[1]]] {
            await assertRefused("invalid_input") { try Secret(given) }
        }
        let bytes = try await Secret([0, 1.0, NSNumber(value: 255)]).use { Array($0) }
        XCTAssertEqual(bytes, [0, 1, 255])
        let none = try await Secret([]).use { $0.count }
        XCTAssertEqual(none, 0)
    }

    func testWhatIsOfAnotherTypeIsRefused() async throws {
        for given: Any? in [nil, NSNull(), 1.0, true, ["a"], ["a": 1]] {
            await assertRefused("invalid_input") { try text(given) }
        }
        for given: Any? in [nil, NSNull(), 1.0, true, "a", ["a": 1]] {
            await assertRefused("invalid_input") { try list(given) }
        }
        for given: Any? in [true, "1", [1], ["a": 1]] {
            await assertRefused("invalid_input") { try optionalNumber(given) }
        }
        await assertRefused("invalid_input") { try optionalText(1.0) }
        XCTAssertNil(try optionalText(NSNull()))
        XCTAssertNil(try optionalNumber(nil))
        XCTAssertEqual(try optionalNumber(NSNumber(value: 1.5)), 1.5)
        XCTAssertEqual(try text("a"), "a")
        XCTAssertEqual(try list([1]).count, 1)
    }

    func testTwoThatOpenOneVaultAtOnceMakeItOnce() async throws {
        let one = try await desk.attach()
        let two = try await desk.attach()
        let life = life
        async let first = life.openForDevice(one, nil)
        async let second = life.openForDevice(two, nil)
        let made = try await [first, second].filter { $0 }
        XCTAssertEqual(made.count, 1)
    }

    func testWhatWasDerivedIsWipedInItsPlaceWhateverHappens() async throws {
        let bytes = Data(repeating: 7, count: 32)
        let seen = await wiped(bytes) { $0.reduce(0) { $0 + Int($1) } }
        XCTAssertEqual(seen, 7 * 32)
        XCTAssertEqual(bytes, Data(count: 32))
        let others = Data(repeating: 7, count: 32)
        await assertRefused("closed") { try await wiped(others) { _ in throw Failure.closed } }
        XCTAssertEqual(others, Data(count: 32))
    }

    func testCareTellsWhatIsAndPutsAside() async throws {
        let handle = try await desk.open()
        let care = desk.bridge.care
        let diagnosis = try await care.diagnose(handle)
        XCTAssertNotNil(try JSONSerialization.jsonObject(with: Data(diagnosis.utf8)))
        let integrity = try XCTUnwrap(try care.integrity(handle))
        XCTAssertEqual(integrity["damagedTrees"] as? UInt32, 0)
        await assertRefused("invalid_input") { try await care.quarantine(handle, -1) }
        await assertRefused("invalid_input") { try await care.quarantine(handle, .nan) }
        try await life.rotate(handle)
        let request = try await care.quarantined(handle)
        XCTAssertEqual(request.count, 0)
        let report = try await care.selfTest(#"{"strict":true}"#)
        XCTAssertEqual(report["passed"] as? Bool, true)
        await assertRefused("invalid_input") { try await care.selfTest("{") }
        try await life.wipe(handle)
        let again = try await desk.attach()
        let glance = try await life.glance(again)
        XCTAssertEqual(glance["presence"] as? String, "nothing")
    }

    func testADamagedDatabaseIsSalvagedOrPutAside() async throws {
        let handle = try await desk.open()
        _ = try await desk.bridge.records.create(handle, "patients", #"{"given_name":"Amal"}"#)
        try await life.lock(handle)
        await assertRefused("invalid_input") {
            try await self.desk.bridge.care.salvage(handle, nil, secret("1111"))
        }
        let report = try await desk.bridge.care.salvage(handle, nil, Secret([]))
        XCTAssertEqual(report["descriptionReadable"] as? Bool, true)
        let tables = try XCTUnwrap(report["tables"] as? [[String: Any]])
        let patients = try XCTUnwrap(tables.first { $0["table"] as? String == "patients" })
        XCTAssertEqual(patients["kind"] as? String, "records")
        XCTAssertEqual(patients["saved"] as? UInt64, 1)
        XCTAssertEqual(life.state(handle), "locked")
        _ = try await life.openForDevice(handle, nil)
        let count = try await desk.bridge.records.count(handle, "patients", "{}")
        XCTAssertEqual(count, 1)
    }

    func testSalvageAsksForWhatUnlockingAsksFor() async throws {
        let care = desk.bridge.care
        let handle = try await desk.attach()
        let key = Data(repeating: 9, count: 32).base64EncodedString()
        try await life.createForPerson(handle, "ama", secret("1111"), key)
        desk.platform.presence = SomebodyThere()
        _ = try await life.addPresence(handle, "t", "c")
        _ = try await desk.bridge.records.create(handle, "patients", "{}")
        await assertRefused("invalid_input") { try await care.salvageWithPresence(handle, "t", "c") }
        try await life.lock(handle)
        let report = try await care.salvageWithPresence(handle, "t", "c")
        let tables = try XCTUnwrap(report["tables"] as? [[String: Any]])
        let patients = try XCTUnwrap(tables.first { $0["table"] as? String == "patients" })
        XCTAssertEqual(patients["saved"] as? UInt64, 1)
        desk.platform.presence = SomebodyThere(outcome: .denied)
        await assertRefused("presence_required") {
            try await care.salvageWithPresence(handle, "t", "c")
        }
        let answer = Data([1, 2, 3]).base64EncodedString()
        await assertRefused("not_found") { try await care.salvageWithRecovery(handle, answer) }
        _ = try await life.makeRecoveryRequest(handle)
        await assertRefused("invalid_input") { try await care.salvageWithRecovery(handle, answer) }
        try await life.unlockWithPin(handle, "ama", secret("1111"))
        let count = try await desk.bridge.records.count(handle, "patients", "{}")
        XCTAssertEqual(count, 1)
    }

    func testEveryEventIsToldOnceAndClosedTooIfOnlyTheHandleGoes() async throws {
        let one = try await desk.open()
        let two = try await desk.attach()
        let id = try await desk.bridge.records.create(one, "patients", #"{"given_name":"Amal"}"#)
        let ours = { (value: [String: Any]) in value["handle"] as? Int64 == Int64(two) }
        let change = await desk.heard.first("onChange", where: ours)
        let tables = try XCTUnwrap(change?["tables"] as? [[String: Any]])
        XCTAssertEqual(tables.first { $0["table"] as? String == "patients" }?["ids"] as? [String], [id])
        XCTAssertEqual(change?["fromPeer"] as? Bool, false)
        try await desk.bridge.keyValues.set(one, "stored:a", "k", "tv", nil)
        let kv = await desk.heard.first("onKvChange", where: ours)
        XCTAssertEqual(kv?["space"] as? String, "stored:a")
        XCTAssertEqual(kv?["keys"] as? [String], ["k"])
        try await life.lock(one)
        let locked = await desk.heard.first("onVaultState") {
            ours($0) && $0["state"] as? String == "locked"
        }
        XCTAssertNotNil(locked)
        try await life.close(two)
        try await life.close(one)
        for handle in [one, two] {
            let closed = desk.heard.named("onVaultState").filter {
                $0["handle"] as? Int64 == Int64(handle) && $0["state"] as? String == "closed"
            }
            XCTAssertEqual(closed.count, 1)
        }
    }
}
