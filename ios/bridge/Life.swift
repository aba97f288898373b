import Foundation

/// A vault's life: opened, locked, its slots, its root key, wiped.
struct Life: Sendable {
    let platform: any Platform
    let vaults: Vaults
    let events: Events
    // Two screens may open one vault at the same time: only one of them makes it.
    private let turn = Turn()

    init(platform: any Platform, vaults: Vaults, events: @escaping Events) {
        self.platform = platform
        self.vaults = vaults
        self.events = events
    }

    func attach(_ configJson: String) async throws -> [String: Any] {
        let request = try readOpenRequest(configJson: configJson)
        let opened = try await vaults.add {
            let vault = try await attachVault(config: config(request))
            let opened = OpenVault(request, vault, events: events)
            opened.watch()
            return opened
        }
        return ["handle": opened.handle, "state": snake(opened.vault.state())]
    }

    private func config(_ request: OpenRequest) -> VaultConfig {
        VaultConfig(
            directory: platform.vaults.path, name: request.name, schemaJson: request.schemaJson,
            keyStore: platform.keyStore(request.keyStore), idleLockMs: request.idleLockMs,
            dropPinAfter: request.dropPinAfter, sync: request.sync)
    }

    func close(_ handle: Double) async throws { try await vaults.remove(handle) }

    /// Answers at once.
    func state(_ handle: Double) -> String {
        vaults.find(handle).map { snake($0.vault.state()) } ?? "closed"
    }

    private func vault(_ handle: Double) throws -> Vault { try vaults.require(handle).vault }

    /// A vault that is about to be opened or made: its directory is there, protected and out of
    /// backups, before the first file is. A strict one refuses while its files cannot be read: then
    /// nothing is made either.
    private func opening(_ handle: Double) async throws -> Vault {
        let opened = try vaults.require(handle)
        let isStrict = opened.keyStore.strict
        if isStrict {
            do {
                _ = try await opened.vault.glance()
            } catch let error where Failure.of(error).code == Failure.protectedData.code {
                throw error
            } catch {
                // The opening says that, too, and what can be done about it.
            }
        }
        // the name was checked when the handle was made, so it is one directory's
        let directory = platform.vaults.appendingPathComponent(opened.name, isDirectory: true)
        do {
            try platform.protect(directory, strict: isStrict)
        } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
            throw Failure(code: "storage_full", detail: "no room for the vault", retryable: true)
        } catch {
            throw Failure.protectedData
        }
        return opened.vault
    }

    func glance(_ handle: Double) async throws -> [String: Any] {
        Told.glance(try await vault(handle).glance())
    }

    func openForDevice(_ handle: Double, _ recoveryKey: String?) async throws -> Bool {
        try await turn.take {
            let vault = try await opening(handle)
            let key = try recoveryKey.map(Tagged.recoveryKey)
            // What is half wiped or half made the library goes on with by itself.
            let isMade = try await vault.glance().presence == .nothing
            if isMade {
                try await vault.createForDevice(recoveryKey: key)
            } else {
                try await vault.unlock()
            }
            return isMade
        }
    }

    func createForPerson(
        _ handle: Double, _ person: String, _ pin: Secret, _ recoveryKey: String?
    ) async throws {
        let vault = try await opening(handle)
        let recoveryKey = try recoveryKey.map(Tagged.recoveryKey)
        try await pin.use {
            try await vault.createForPerson(person: person, pin: $0, recoveryKey: recoveryKey)
        }
    }

    func lock(_ handle: Double) async throws { try await vault(handle).lock() }

    func unlockWithPin(_ handle: Double, _ person: String, _ pin: Secret) async throws {
        let vault = try await opening(handle)
        try await pin.use { try await vault.unlockWithPin(person: person, pin: $0) }
    }

    func unlockWithPresence(_ handle: Double, _ title: String, _ cancelText: String) async throws {
        let vault = try await opening(handle)
        let (slot, outcome) = try await platform.answer(vault, title, cancelText)
        guard case .derived(let bytes) = outcome else {
            return try await vault.unlockWithPresence(slot: slot, outcome: outcome)
        }
        try await wiped(bytes) {
            try await vault.unlockWithPresence(slot: slot, outcome: .derived(bytes: $0))
        }
    }

    func makeRecoveryRequest(_ handle: Double) async throws -> [String: Any] {
        let request = try await vault(handle).makeRecoveryRequest()
        return [
            "request": request.bytes.base64EncodedString(), "fingerprint": request.fingerprint,
        ]
    }

    func unlockWithRecovery(_ handle: Double, _ answer: String) async throws {
        try await opening(handle).unlockWithRecovery(answer: Tagged.bytes(answer))
    }

    func replaceDeviceSlot(_ handle: Double) async throws {
        try await vault(handle).replaceDeviceSlot()
    }

    func pinStanding(_ handle: Double, _ person: String) async throws -> [String: Any] {
        Told.pinStanding(try await vault(handle).pinStanding(person: person))
    }

    func slots(_ handle: Double) async throws -> [String: Any] {
        Told.slots(try await vault(handle).slots())
    }

    func addPin(_ handle: Double, _ person: String, _ pin: Secret) async throws {
        let vault = try vault(handle)
        try await pin.use { try await vault.addPin(person: person, pin: $0) }
    }

    func changePin(_ handle: Double, _ person: String, _ old: Secret, _ new: Secret) async throws {
        let vault = try vault(handle)
        try await old.use { oldPin in
            try await new.use { newPin in
                try await vault.changePin(person: person, oldPin: oldPin, newPin: newPin)
            }
        }
    }

    func resetPin(_ handle: Double, _ person: String, _ pin: Secret) async throws {
        let vault = try vault(handle)
        try await pin.use { try await vault.resetPin(person: person, pin: $0) }
    }

    func removePin(_ handle: Double, _ person: String) async throws {
        try await vault(handle).removePin(person: person)
    }

    func addPresence(_ handle: Double, _ title: String, _ cancelText: String) async throws -> String {
        let opened = try vaults.require(handle)
        let request = try await opened.vault.beginAddPresence()
        let level = try await platform.presence.make(request, options: opened.keyStore)
        switch try await platform.presence.derive(request, title: title, cancelText: cancelText) {
        case .derived(let bytes):
            try await wiped(bytes) {
                try await opened.vault.finishAddPresence(
                    slot: request.slot, derived: $0, level: level)
            }
        case .denied:
            throw Failure(
                code: "presence_required", detail: "the person did not confirm", retryable: true)
        case .unavailable, .invalidated, .absent:
            throw Failure(
                code: "key_temporarily_unavailable", detail: "the platform made no secret",
                retryable: true)
        }
        return request.slot
    }

    func removeSlot(_ handle: Double, _ slot: String) async throws {
        try await vault(handle).removeSlot(slot: slot)
    }

    func rotate(_ handle: Double) async throws { try await vault(handle).rotate() }

    func wipe(_ handle: Double) async throws { try await vaults.wipe(handle) }
}
