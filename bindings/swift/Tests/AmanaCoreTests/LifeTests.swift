import XCTest

@testable import AmanaCore

/// A vault's life from tasks: PINs, presence, recovery, the root key, wipe, quarantine.
final class LifeTests: XCTestCase {
    private var directory: URL!

    override func setUpWithError() throws { directory = try temporaryDirectory() }
    override func tearDownWithError() throws { try FileManager.default.removeItem(at: directory) }

    private var keys: URL { directory.appendingPathComponent("keys") }

    private func config(_ name: String, idleLockMs: UInt64 = 300_000) -> VaultConfig {
        VaultConfig(
            directory: directory.path, name: name, keyStore: .hostFile(directory: keys.path),
            idleLockMs: idleLockMs)
    }

    private func patients(recoveryKey: Data? = nil) async throws -> Vault {
        let vault = try await attachVault(config: config("patients"))
        try await vault.createForPerson(person: "ama", pin: pin("1111"), recoveryKey: recoveryKey)
        _ = try await vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        return vault
    }

    private func pin(_ text: String) -> Data { Data(text.utf8) }

    private func count(_ vault: Vault) async throws -> UInt64 {
        try await vault.count(table: "patients", query: "{}")
    }

    func testAPinOpensAndAWrongOneIsToldCountedAndDelayed() async throws {
        let vault = try await patients()
        try await vault.addPin(person: "kofi", pin: pin("2222"))
        try await vault.lock()
        let listed = try await vault.slots()
        XCTAssertFalse(listed.proven)
        XCTAssertEqual(listed.slots.map(\.kind), [.pin(person: "ama"), .pin(person: "kofi")])
        await assertFails(.presenceRequired) { try await vault.unlock() }
        for failures in 1...5 {
            await assertFails(.wrongPin) {
                try await vault.unlockWithPin(person: "ama", pin: self.pin("0000"))
            }
            XCTAssertEqual(try vault.lastRefusal()?.failures, UInt32(failures))
        }
        await assertFails(.pinDelayed) {
            try await vault.unlockWithPin(person: "ama", pin: self.pin("1111"))
        }
        let standing = try await vault.pinStanding(person: "ama")
        XCTAssertTrue((1...30_000).contains(standing.delayMs))
        try await vault.unlockWithPin(person: "kofi", pin: pin("2222"))
        XCTAssertNil(try vault.lastRefusal())
        let patients = try await count(vault)
        XCTAssertEqual(patients, 1)
        try await vault.changePin(person: "kofi", oldPin: pin("2222"), newPin: pin("3333"))
        try await vault.removePin(person: "ama")
        try await vault.lock()
        try await vault.unlockWithPin(person: "kofi", pin: pin("3333"))
        await assertFails(.notFound) {
            try await vault.unlockWithPin(person: "ama", pin: self.pin("1111"))
        }
        try await vault.shutdown()
    }

    func testAnIdleVaultOfPersonsWantsItsPinAgain() async throws {
        try await patients().shutdown()
        let vault = try await attachVault(config: config("patients", idleLockMs: 20))
        try await vault.unlockWithPin(person: "ama", pin: pin("1111"))
        let end = Date(timeIntervalSinceNow: 30)
        while vault.state() != .locked && Date() < end { await Task.yield() }
        await assertFails(.locked) { _ = try await self.count(vault) }
        await assertFails(.presenceRequired) { try await vault.unlock() }
        try await vault.shutdown()
    }

    func testAKeyStoreThatCannotAnswerNowDoesLater() async throws {
        let vault = try await openVault(config: config("settings"))
        let settings = KvNamespace.stored(name: "settings")
        try await vault.kvSet(
            namespace: settings, key: "language", value: .text(text: "ar"), expiresInMs: nil)
        try await vault.lock()
        let marker = keys.appendingPathComponent("unavailable")
        try Data().write(to: marker)
        await assertFails(.keyTemporarilyUnavailable) { try await vault.unlock() }
        try FileManager.default.removeItem(at: marker)
        try await vault.unlock()
        XCTAssertEqual(try vault.kvGet(namespace: settings, key: "language"), .text(text: "ar"))
        try await vault.shutdown()
    }

    func testPresenceOpensInTwoPhases() async throws {
        let vault = try await patients()
        let request = try await vault.beginAddPresence()
        // Stands in for the platform's key store, which derives only after it has seen the person.
        let derived = Data(request.input.reversed())
        try await vault.finishAddPresence(
            slot: request.slot, derived: derived, level: .trustedEnvironment)
        try await vault.lock()
        let asked = try await vault.beginPresence()
        XCTAssertEqual(asked, [request])
        await assertFails(.presenceRequired) {
            try await vault.unlockWithPresence(slot: request.slot, outcome: .denied)
        }
        try await vault.unlockWithPresence(slot: request.slot, outcome: .derived(bytes: derived))
        try await vault.removeSlot(slot: request.slot)
        let slots = try await vault.slots().slots
        XCTAssertEqual(slots.count, 1)
        try await vault.shutdown()
    }

    func testTheRootKeyIsChangedUnderAnOpenVault() async throws {
        let vault = try await patients()
        try await vault.addPin(person: "kofi", pin: pin("2222"))
        try await vault.removePin(person: "kofi")
        let due = try await vault.slots().rotationDue
        XCTAssertTrue(due)
        try await vault.rotate()
        let after = try await vault.slots()
        XCTAssertTrue(after.proven && !after.rotationDue)
        try await vault.lock()
        try await vault.unlockWithPin(person: "ama", pin: pin("1111"))
        let patients = try await count(vault)
        XCTAssertEqual(patients, 1)
        try await vault.shutdown()
    }

    func testAfterAWipeNothingOpens() async throws {
        let settings = try await openVault(config: config("settings"))
        let vault = try await patients()
        try await vault.wipe()
        XCTAssertEqual(vault.state(), .closed)
        let again = try await attachVault(config: config("patients"))
        let presence = try await again.glance().presence
        XCTAssertEqual(presence, .nothing)
        await assertFails(.notFound) {
            try await again.unlockWithPin(person: "ama", pin: self.pin("1111"))
        }
        // Another vault of the app knows nothing of it.
        let others = try await count(settings)
        XCTAssertEqual(others, 0)
        try await again.shutdown()
        try await settings.shutdown()
    }

    func testAVaultWhoseKeyIsLostIsPutAsideOnlyWhenTheLossIsAcknowledged() async throws {
        let vault = try await openVault(config: config("settings"))
        _ = try await vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
        try await vault.lock()
        try FileManager.default.removeItem(at: keys)
        try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
        await assertFails(.keyLost) { try await vault.unlock() }
        let report = try XCTUnwrap(vault.lastRefusal())
        XCTAssertEqual(report.keyLost, .absent)
        XCTAssertEqual(report.unsynced, 1)
        XCTAssertEqual(report.remedies, [.tryLater, .quarantine])
        await assertFails(.invalidInput) {
            _ = try await vault.quarantine(acknowledgedUnsynced: 0)
        }
        let aside = try await vault.quarantine(acknowledgedUnsynced: report.unsynced)
        let list = try await vault.quarantined()
        XCTAssertEqual(list, [aside])
        let fresh = try await openVault(config: config("settings"))
        let records = try await count(fresh)
        XCTAssertEqual(records, 0)
        try await fresh.shutdown()
    }

    func testTheOrganisationOpensWhatALostKeyCannot() async throws {
        let organisation = try Organisation(directory)
        let vault = try await patients(recoveryKey: try organisation.publicKey)
        try await vault.lock()
        try FileManager.default.removeItem(at: keys)
        try FileManager.default.createDirectory(at: keys, withIntermediateDirectories: true)
        await assertFails(.keyLost) {
            try await vault.unlockWithPin(person: "ama", pin: self.pin("1111"))
        }
        let answer = try organisation.answer(try await vault.makeRecoveryRequest())
        await assertFails(.invalidInput) {
            try await vault.unlockWithRecovery(answer: answer.prefix(9))
        }
        try await vault.unlockWithRecovery(answer: answer)
        try await vault.resetPin(person: "ama", pin: pin("2222"))
        try await vault.lock()
        try await vault.unlockWithPin(person: "ama", pin: pin("2222"))
        let patients = try await count(vault)
        XCTAssertEqual(patients, 1)
        try await vault.shutdown()
    }

    func testWhatCannotBeAPersonAPinOrASlotIsRefused() async throws {
        let vault = try await patients()
        for person in ["", "a\0b", String(repeating: "x", count: 10_000_000)] {
            await assertFails(.invalidInput) {
                try await vault.addPin(person: person, pin: self.pin("1111"))
            }
        }
        for bad in [Data(), Data(count: 3), Data(count: 10_000_000)] {
            await assertFails(.invalidInput) { try await vault.addPin(person: "kofi", pin: bad) }
        }
        for slot in ["", "zz", String(repeating: "\0", count: 32)] {
            await assertFails(.invalidInput) { try await vault.removeSlot(slot: slot) }
        }
        for name in ["", "../x", "A"] {
            await assertFails(.invalidInput) {
                _ = try await attachVault(config: self.config(name))
            }
        }
        try await vault.shutdown()
    }
}

/// The organisation's side of a recovery: the program that scripts/recovery runs.
private struct Organisation {
    let directory: URL

    private var keys: URL { directory.appendingPathComponent("organisation") }

    init(_ directory: URL) throws {
        self.directory = directory
        try run(["make-key", keys.path])
    }

    var publicKey: Data {
        get throws {
            let file = keys.appendingPathComponent("organisation.public")
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            var (key, rest) = (Data(), lines[1])
            while let byte = UInt8(rest.prefix(2), radix: 16) {
                key.append(byte)
                rest = rest.dropFirst(2)
            }
            return key
        }
    }

    /// Answers a request once somebody has read its fingerprint aloud.
    func answer(_ request: RecoveryRequest) throws -> Data {
        let asked = directory.appendingPathComponent("request")
        let answer = directory.appendingPathComponent("answer")
        try request.bytes.write(to: asked)
        let key = keys.appendingPathComponent("organisation.private").path
        try run(
            ["answer", "--key", key, "--fingerprint", request.fingerprint, asked.path, answer.path])
        return try Data(contentsOf: answer)
    }

    private func run(_ command: [String]) throws {
        guard let program = ProcessInfo.processInfo.environment["AMANA_RECOVERY"] else {
            throw Missing(what: "AMANA_RECOVERY")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = command
        process.standardOutput = Pipe()
        try process.run()
        process.waitUntilExit()
        XCTAssertEqual(process.terminationStatus, 0)
    }
}
