import Foundation

@testable import AmanaCore

/// A reference peer as a process of its own; it ends when its input is closed.
final class PeerProcess {
    private let process = Process()
    private let input = Pipe()
    private let said: [String: Any]

    init(_ arguments: [String]) throws {
        guard let program = ProcessInfo.processInfo.environment["AMANA_PEER"] else {
            throw Missing(what: "AMANA_PEER names the reference server's program")
        }
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments + ["--until-stdin-closes"]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = try PeerProcess.firstLine(of: output.fileHandleForReading)
        said = try JSONSerialization.jsonObject(with: line) as? [String: Any] ?? [:]
    }

    /// A text of the line that the process says once it is ready.
    func field(_ name: String) throws -> String {
        guard let text = said[name] as? String else {
            throw Missing(what: "\(name) in the server's first line")
        }
        return text
    }

    func stop() {
        input.fileHandleForWriting.closeFile()
        process.waitUntilExit()
    }

    private static func firstLine(of handle: FileHandle) throws -> Data {
        var line = Data()
        while let byte = try handle.read(upToCount: 1), let first = byte.first {
            if first == UInt8(ascii: "\n") { return line }
            line.append(first)
        }
        throw Missing(what: "the server did not start")
    }
}

/// The reference server.
final class Clinic {
    let url: String
    let clinicId: String
    let authorityPem: String
    private let process: PeerProcess
    private let directory: URL

    init() throws {
        directory = try temporaryDirectory()
        let authority = directory.appendingPathComponent("ca.pem")
        process = try PeerProcess(["--ca-out", authority.path, "--no-rate-limit"])
        url = try process.field("url")
        clinicId = try process.field("clinic_id")
        authorityPem = try String(contentsOf: authority, encoding: .utf8)
    }

    func stop() {
        process.stop()
        try? FileManager.default.removeItem(at: directory)
    }
}

/// The reference hub, with the same people as the reference server.
final class Hub {
    let url: String
    let id: String
    let clinicId: String
    /// What its QR code says.
    let code: String
    private let process: PeerProcess

    init(_ arguments: String...) throws {
        process = try PeerProcess(["hub"] + arguments)
        url = try process.field("url")
        id = try process.field("id")
        clinicId = try process.field("clinic_id")
        code = try process.field("qr")
    }

    /// Its name as a peer.
    var peer: String { "hub:\(id)" }

    func stop() { process.stop() }
}

struct Missing: Error {
    let what: String
}

func temporaryDirectory() throws -> URL {
    let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("amana-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url
}

/// A vault in a temporary directory, on a key store in a file.
struct Tablet {
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

    func end() async throws {
        try await vault.shutdown()
        try FileManager.default.removeItem(at: directory)
    }
}
