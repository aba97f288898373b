import Foundation

@testable import AmanaCore

/// A vault in a temporary directory, on a key store in a file.
struct Tablet {
    static let cloud = "cloud"
    /// The table of which each holds only its own person's rows.
    static let own = "user_clinic_permissions"
    static let noor = (email: "noor@clinic-a.example", password: "Cedar-River-7")
    static let sami = (email: "sami@clinic-a.example", password: "Olive-Stone-4")

    let vault: Vault
    let directory: URL

    init(_ rules: SyncRules? = nil) async throws {
        directory = try temporaryDirectory()
        vault = try await openVault(config: Tablet.config(directory, rules))
    }

    static func config(_ directory: URL, _ rules: SyncRules? = nil) -> VaultConfig {
        VaultConfig(
            directory: directory.appendingPathComponent("vault").path,
            keyStore: .hostFile(directory: directory.appendingPathComponent("keys").path),
            sync: rules)
    }

    func signIn(_ clinic: Clinic, _ who: (email: String, password: String)) async throws -> Person {
        try await vault.signIn(
            url: clinic.url, privateCaPem: clinic.authorityPem, email: who.email,
            password: Data(who.password.utf8), cancel: nil)
    }

    /// Pairs with a hub and signs in there.
    func join(_ hub: Hub, _ who: (email: String, password: String)) async throws -> Person {
        let paired = try await vault.pairHub(code: hub.code, cancel: nil)
        return try await vault.signInAtHub(
            peer: paired.peer, email: who.email, password: Data(who.password.utf8), cancel: nil)
    }

    func sync(with peer: String) async throws -> SyncResult {
        try await vault.syncWith(peer: peer, listener: nil, cancel: nil, fullPull: false)
    }

    func sync() async throws -> SyncResult {
        try await vault.sync(listener: nil, cancel: nil, fullPull: false)
    }

    /// Asks for everything.
    func syncFully() async throws -> SyncResult {
        try await vault.sync(listener: nil, cancel: nil, fullPull: true)
    }

    /// A patient with the least that one has.
    func patient() async throws -> String {
        try await vault.insert(table: "patients", fields: #"{"given_name":"Amal"}"#)
    }

    /// Where the vault stands with a peer.
    func peer(_ name: String) async throws -> PeerStatus {
        guard let found = try await vault.syncStatus().peers.first(where: { $0.peer == name }) else {
            throw Missing(what: "the status of \(name)")
        }
        return found
    }

    func pending(_ peer: String) async throws -> [TablePending] { try await self.peer(peer).pending }

    func standing(_ patient: String) async throws -> RecordStanding {
        try await vault.standing(table: "patients", id: patient)
    }

    func count(_ table: String) async throws -> UInt64 {
        try await vault.count(table: table, query: "{}")
    }

    /// What it holds, without the own permissions of its person.
    func digest() async throws -> [TableDigest] {
        try await vault.digest().filter { $0.table != Tablet.own }
    }

    func end() async throws {
        try await vault.shutdown()
        try FileManager.default.removeItem(at: directory)
    }
}
