import Foundation

/// What helps where something is wrong: why it was refused, putting aside, salvage, diagnosis.
struct Care: Sendable {
    let platform: any Platform
    let vaults: Vaults

    private func vault(_ handle: Double) throws -> Vault { try vaults.require(handle).vault }

    func lastRefusal(_ handle: Double) throws -> [String: Any]? {
        try vault(handle).lastRefusal().map(Told.refusal)
    }

    func quarantine(_ handle: Double, _ acknowledgedUnsynced: Double?) async throws -> [String: Any] {
        let acknowledged = try acknowledgedUnsynced.map { try wholeCount($0, "the number of records") }
        return Told.quarantined(
            try await vault(handle).quarantine(acknowledgedUnsynced: acknowledged))
    }

    func quarantined(_ handle: Double) async throws -> [[String: Any]] {
        try await vault(handle).quarantined().map(Told.quarantined)
    }

    /// With the device's key, or a person's PIN.
    func salvage(_ handle: Double, _ person: String?, _ pin: Secret) async throws -> [String: Any] {
        let vault = try vault(handle)
        guard let person else {
            if !pin.isEmpty { throw Failure.invalid("a PIN is somebody's") }
            return Told.salvage(try await vault.salvage())
        }
        return Told.salvage(
            try await pin.use { try await vault.salvageWithPin(person: person, pin: $0) })
    }

    func salvageWithPresence(_ handle: Double, _ title: String, _ cancelText: String) async throws
        -> [String: Any]
    {
        let vault = try vault(handle)
        let (slot, outcome) = try await platform.answer(vault, title, cancelText)
        guard case .derived(let bytes) = outcome else {
            return Told.salvage(try await vault.salvageWithPresence(slot: slot, outcome: outcome))
        }
        return Told.salvage(
            try await wiped(bytes) {
                try await vault.salvageWithPresence(slot: slot, outcome: .derived(bytes: $0))
            })
    }

    func salvageWithRecovery(_ handle: Double, _ answer: String) async throws -> [String: Any] {
        Told.salvage(try await vault(handle).salvageWithRecovery(answer: Tagged.bytes(answer)))
    }

    func diagnose(_ handle: Double) async throws -> String { try await vault(handle).diagnose() }

    func integrity(_ handle: Double) throws -> [String: Any]? {
        try vault(handle).integrity().map(Told.integrity)
    }

    func selfTest(_ optionsJson: String) async throws -> [String: Any] {
        let options = try readKeyStoreOptions(optionsJson: optionsJson)
        return Told.keyStoreReport(
            try await runKeyStoreSelfTest(keyStore: platform.keyStore(options)))
    }
}
