import Foundation

@testable import AmanaCore

/// The reference server as a process of its own; it ends when its input is closed.
final class Clinic {
    let url: String
    let clinicId: String
    let authorityPem: String
    private let process = Process()
    private let input = Pipe()
    private let directory: URL

    init() throws {
        guard let program = ProcessInfo.processInfo.environment["AMANA_PEER"] else {
            throw Missing(what: "AMANA_PEER names the reference server's program")
        }
        directory = try temporaryDirectory()
        let authority = directory.appendingPathComponent("ca.pem")
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "--ca-out", authority.path, "--until-stdin-closes", "--no-rate-limit",
        ]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        let line = try Clinic.firstLine(of: output.fileHandleForReading)
        guard let json = try JSONSerialization.jsonObject(with: line) as? [String: Any],
            let url = json["url"] as? String, let clinicId = json["clinic_id"] as? String
        else { throw Missing(what: "the server's first line") }
        self.url = url
        self.clinicId = clinicId
        authorityPem = try String(contentsOf: authority, encoding: .utf8)
    }

    func stop() {
        input.fileHandleForWriting.closeFile()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: directory)
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

    init() async throws {
        directory = try temporaryDirectory()
        vault = try await openVault(config: Tablet.config(directory))
    }

    static func config(_ directory: URL) -> VaultConfig {
        VaultConfig(
            directory: directory.appendingPathComponent("vault").path,
            keyStore: .hostFile(directory: directory.appendingPathComponent("keys").path))
    }

    func signIn(_ clinic: Clinic, _ who: (email: String, password: String)) async throws -> Person {
        try await vault.signIn(
            url: clinic.url, privateCaPem: clinic.authorityPem, email: who.email,
            password: Data(who.password.utf8), cancel: nil)
    }

    func sync() async throws -> SyncResult {
        try await vault.sync(listener: nil, cancel: nil, fullPull: false)
    }

    func end() async throws {
        try await vault.shutdown()
        try FileManager.default.removeItem(at: directory)
    }
}
