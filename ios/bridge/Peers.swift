import Foundation

/// Peers and sync.
struct Peers: Sendable {
    let vaults: Vaults
    let operations: Operations
    let events: Events

    private static let cloud = "cloud"

    private func vault(_ handle: Double) throws -> Vault { try vaults.require(handle).vault }

    func signIn(
        _ handle: Double, _ url: String, _ privateCaPem: String?, _ email: String, _ password: Secret,
        _ operation: Double
    ) async throws -> [String: Any] {
        let vault = try vault(handle)
        return try await operations.run(operation) { cancel in
            try await password.use {
                ToldOfPeers.person(
                    try await vault.signIn(
                        url: url, privateCaPem: privateCaPem, email: email, password: $0,
                        cancel: cancel))
            }
        }
    }

    func signOut(_ handle: Double) async throws { try await vault(handle).signOut() }

    func pairHub(_ handle: Double, _ qrText: String, _ operation: Double) async throws -> [String: Any] {
        let vault = try vault(handle)
        return try await operations.run(operation) {
            ToldOfPeers.hub(try await vault.pairHub(code: qrText, cancel: $0))
        }
    }

    func signInAtHub(
        _ handle: Double, _ peer: String, _ email: String, _ password: Secret, _ operation: Double
    ) async throws -> [String: Any] {
        let vault = try vault(handle)
        return try await operations.run(operation) { cancel in
            try await password.use {
                ToldOfPeers.person(
                    try await vault.signInAtHub(
                        peer: peer, email: email, password: $0, cancel: cancel))
            }
        }
    }

    func hubs(_ handle: Double) async throws -> [[String: Any]] {
        try await vault(handle).hubs().map(ToldOfPeers.hub)
    }

    func moveHub(_ handle: Double, _ peer: String, _ url: String) async throws {
        try await vault(handle).moveHub(peer: peer, url: url)
    }

    func forget(_ handle: Double, _ peer: String) async throws {
        try await vault(handle).forgetPeer(peer: peer)
    }

    func sync(
        _ handle: Double, _ peer: String?, _ isFullPull: Bool, _ operation: Double
    ) async throws -> [String: Any] {
        let opened = try vaults.require(handle)
        let peer = peer ?? Peers.cloud
        let teller = ProgressTeller(opened.handle, operation, peer, events)
        return try await operations.run(operation) {
            ToldOfPeers.report(
                peer,
                try await opened.vault.syncWith(
                    peer: peer, listener: teller, cancel: $0, fullPull: isFullPull))
        }
    }

    func status(_ handle: Double) async throws -> [String: Any] {
        let vault = try vault(handle)
        return ToldOfPeers.status(try await vault.status(), try await vault.syncStatus())
    }

    func standing(_ handle: Double, _ table: String, _ id: String) async throws -> [String: Any] {
        ToldOfPeers.standing(try await vault(handle).standing(table: table, id: id))
    }

    func conflicts(_ handle: Double, _ after: Double) async throws -> [[String: Any]] {
        try await vault(handle).conflicts(after: whole(after, "an entry's id"))
            .map(ToldOfPeers.conflict)
    }

    func undoConflict(_ handle: Double, _ id: Double) async throws -> String {
        try await vault(handle).undoConflict(entry: whole(id, "an entry's id"))
    }

    func quarantined(_ handle: Double) async throws -> [[String: Any]] {
        try await vault(handle).quarantinedRecords().map(ToldOfPeers.quarantined)
    }

    func release(_ handle: Double, _ table: String, _ id: String) async throws {
        try await vault(handle).releaseRecord(table: table, id: id)
    }

    func releaseAll(_ handle: Double) async throws -> UInt64 {
        try await vault(handle).releaseAllRecords()
    }

    func digest(_ handle: Double) async throws -> [[String: Any]] {
        try await vault(handle).digest().map(ToldOfPeers.digest)
    }
}

/// Tells the app how far a sync is.
private final class ProgressTeller: SyncListener {
    private let handle: Int64
    private let operation: Double
    private let peer: String
    private let events: Events

    init(_ handle: Int64, _ operation: Double, _ peer: String, _ events: @escaping Events) {
        self.handle = handle
        self.operation = operation
        self.peer = peer
        self.events = events
    }

    func progress(progress: SyncProgress) {
        events("onSyncProgress", ToldOfPeers.progress(handle, operation, peer, progress))
    }
}
