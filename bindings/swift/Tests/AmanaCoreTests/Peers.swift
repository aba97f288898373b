import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A program as a process of its own, which says lines.
final class ChildProcess {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ program: URL, _ arguments: [String]) throws {
        process.executableURL = program
        process.arguments = arguments
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    /// The next line that it says.
    func line() throws -> Data {
        var line = Data()
        let handle = output.fileHandleForReading
        while let byte = try handle.read(upToCount: 1), let first = byte.first {
            if first == UInt8(ascii: "\n") { return line }
            line.append(first)
        }
        throw Missing(what: "a line of the process")
    }

    /// Closes its input, and waits until it has ended for that. Once more is nothing.
    func stop() {
        guard process.isRunning else { return }
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Ends it as a power cut does. The signal that has ended it, or its exit code.
    @discardableResult
    func kill() -> Int32 {
        if process.isRunning { Foundation.kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// A reference peer; it ends when its input is closed.
final class PeerProcess {
    private let process: ChildProcess
    private let said: [String: Any]

    init(_ arguments: [String]) throws {
        guard let program = ProcessInfo.processInfo.environment["AMANA_PEER"] else {
            throw Missing(what: "AMANA_PEER names the reference server's program")
        }
        process = try ChildProcess(
            URL(fileURLWithPath: program), arguments + ["--until-stdin-closes"])
        said = try JSONSerialization.jsonObject(with: process.line()) as? [String: Any] ?? [:]
    }

    /// A text of the line that the process says once it is ready.
    func field(_ name: String) throws -> String {
        guard let text = said[name] as? String else {
            throw Missing(what: "\(name) in the server's first line")
        }
        return text
    }

    func stop() { process.stop() }

    func kill() { process.kill() }
}

/// The reference server, which can go away and come back at the same address.
final class Clinic {
    let url: String
    let clinicId: String
    let authority: URL
    let authorityPem: String
    private let directory: URL
    private let database: URL
    private var process: PeerProcess

    /// `faults`: switches that are set from the start.
    init(faults: String...) throws {
        directory = try temporaryDirectory()
        database = directory.appendingPathComponent("database")
        try FileManager.default.createDirectory(at: database, withIntermediateDirectories: true)
        authority = directory.appendingPathComponent("ca.pem")
        process = try Clinic.run(directory, port: 0, faults)
        url = try process.field("url")
        clinicId = try process.field("clinic_id")
        authorityPem = try String(contentsOf: authority, encoding: .utf8)
    }

    private static func run(
        _ directory: URL, port: Int, _ faults: [String] = []
    ) throws -> PeerProcess {
        let path = { (name: String) in directory.appendingPathComponent(name).path }
        return try PeerProcess([
            "--db", path("database/cloud.db"), "--tls", path("tls"), "--ca-out", path("ca.pem"),
            "--port", "\(port)", "--no-rate-limit",
        ] + faults.flatMap { ["--faults", $0] })
    }

    func goAway() { process.stop() }

    func comeBack() throws {
        guard let port = URL(string: url)?.port else { throw Missing(what: "the server's port") }
        process = try Clinic.run(directory, port: port)
    }

    /// Stops for a copy of all that it holds.
    func backUp(_ name: String) throws -> URL {
        goAway()
        let backup = directory.appendingPathComponent(name)
        try FileManager.default.copyItem(at: database, to: backup)
        try comeBack()
        return backup
    }

    /// Stops, and comes back with what it held when the backup was made.
    func comeBack(from backup: URL) throws {
        goAway()
        try FileManager.default.removeItem(at: database)
        try FileManager.default.copyItem(at: backup, to: database)
        try comeBack()
    }

    func stop() {
        goAway()
        try? FileManager.default.removeItem(at: directory)
    }
}

/// The reference hub. Alone, with the same people as the reference server; with a cloud, with what it
/// got at the meeting that it begins with.
final class Hub {
    let url: String
    let id: String
    let clinicId: String
    /// What its QR code says.
    let code: String
    private let process: PeerProcess

    init(_ arguments: String..., cloud: Clinic? = nil) throws {
        var link: [String] = []
        if let cloud {
            link = ["--cloud", cloud.url, "--cloud-ca", cloud.authority.path, "--meet", "--admin"]
        }
        process = try PeerProcess(["hub"] + arguments + link)
        url = try process.field("url")
        id = try process.field("id")
        clinicId = try process.field("clinic_id")
        code = try process.field("qr")
    }

    /// Its name as a peer.
    var peer: String { "hub:\(id)" }

    /// One meeting with the cloud; what came of it.
    func meet() async throws -> String { try await post("cloud", "{}") }

    /// Sets switches of a hub that was started with --admin.
    func faults(_ switches: String) async throws { _ = try await post("faults", switches) }

    func kill() { process.kill() }

    func stop() { process.stop() }

    /// The reply of a route below /__peer/. The cloud's are not asked from here: its authority is its
    /// own, and on Linux a URLSession trusts only those of the system.
    private func post(_ route: String, _ body: String) async throws -> String {
        guard let address = URL(string: "\(url)/__peer/\(route)") else {
            throw Missing(what: "the hub's address")
        }
        var request = URLRequest(url: address)
        request.httpMethod = "POST"
        request.httpBody = Data(body.utf8)
        let (data, response) = try await URLSession.shared.data(for: request)
        guard (response as? HTTPURLResponse)?.statusCode == 200 else {
            throw Missing(what: "the hub's reply to \(route)")
        }
        return String(decoding: data, as: UTF8.self)
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
