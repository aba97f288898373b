import Foundation

/// What the bridge needs of the phone. Tests on a host bring their own.
protocol Platform: Sendable {
    /// The directory that holds a directory for each vault.
    var vaults: URL { get }

    var presence: any PresencePrompt { get }

    func keyStore(_ options: KeyStoreOptions) -> KeyStoreKind

    /// Makes the directory of a vault where it is missing, keeps it out of backups, and gives it the
    /// data-protection class that its files will have: that of an unlocked device in strict mode, else
    /// that of a device that was unlocked once. The name has been checked.
    func protect(_ directory: URL, strict: Bool) throws
}

extension Platform {
    /// Asks the person about the first slot of presence of a locked vault: the slot, and the outcome.
    func answer(_ vault: Vault, _ title: String, _ cancelText: String) async throws
        -> (String, PresenceOutcome)
    {
        guard let request = try await vault.beginPresence().first else {
            throw Failure(code: "not_found", detail: "there is no such slot")
        }
        return (
            request.slot,
            try await presence.derive(request, title: title, cancelText: cancelText)
        )
    }
}

/// Asks the person in front of the phone for a finger or face.
protocol PresencePrompt: Sendable {
    /// Makes the secret that the prompt will need; the level it got.
    func make(_ request: PresenceRequest, options: KeyStoreOptions) async throws -> KeyStoreLevel

    /// Shows the prompt and derives; a refusal is an outcome. The texts are for systems that let an app
    /// choose them.
    func derive(_ request: PresenceRequest, title: String, cancelText: String) async throws
        -> PresenceOutcome
}

/// The library asks by itself: the system shows its prompt while it derives.
struct LibraryPresence: PresencePrompt {
    func make(_ request: PresenceRequest, options: KeyStoreOptions) async throws -> KeyStoreLevel {
        try await makePresenceSecret(alias: request.alias, options: options)
    }

    func derive(_ request: PresenceRequest, title: String, cancelText: String) async throws
        -> PresenceOutcome
    {
        try await deriveWithPresence(alias: request.alias, input: request.input)
    }
}
