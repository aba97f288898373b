import Foundation
import XCTest

@testable import AmanaCore

/// What stands in for a phone on a host: everything else is the bridge as it ships.
final class DesktopPlatform: Platform, @unchecked Sendable {
    let home: URL
    var presence: any PresencePrompt = NobodyThere()
    private let lock = NSLock()
    private var wished: [String: Bool] = [:]

    init(_ home: URL) { self.home = home }

    var vaults: URL { home.appendingPathComponent("vaults", isDirectory: true) }

    /// The directories that were protected, and whether strictly.
    var protected: [String: Bool] { lock.withLock { wished } }

    func keyStore(_ options: KeyStoreOptions) -> KeyStoreKind {
        .hostFile(directory: home.appendingPathComponent("keys").path)
    }

    func protect(_ directory: URL, strict: Bool) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        lock.withLock { wished[directory.lastPathComponent] = strict }
    }
}

struct NobodyThere: PresencePrompt {
    func make(_ request: PresenceRequest, options: KeyStoreOptions) async throws -> KeyStoreLevel {
        throw Failure(code: "unsupported", detail: "this device has no prompt")
    }

    func derive(_ request: PresenceRequest, title: String, cancelText: String) async throws
        -> PresenceOutcome
    { .unavailable }
}

/// A person who shows a finger, or does not.
struct SomebodyThere: PresencePrompt {
    var outcome: PresenceOutcome?

    func make(_ request: PresenceRequest, options: KeyStoreOptions) async throws -> KeyStoreLevel {
        .trustedEnvironment
    }

    func derive(_ request: PresenceRequest, title: String, cancelText: String) async throws
        -> PresenceOutcome
    { outcome ?? .derived(bytes: Data(request.input.reversed())) }
}

/// The events that the bridge sent, in their order.
final class ToldEvents: @unchecked Sendable {
    private let lock = NSLock()
    private var all: [(name: String, value: [String: Any])] = []

    func add(_ name: String, _ value: [String: Any]) { lock.withLock { all.append((name, value)) } }

    func named(_ name: String) -> [[String: Any]] {
        lock.withLock { all.filter { $0.name == name }.map(\.value) }
    }

    /// The first that fits. Ends after a limit, for a test that fails.
    func first(_ name: String, where fits: ([String: Any]) -> Bool = { _ in true }) async
        -> [String: Any]?
    {
        let end = Date(timeIntervalSinceNow: 30)
        while Date() < end {
            if let found = named(name).first(where: fits) { return found }
            await Task.yield()
        }
        return nil
    }
}

/// A bridge over vaults in a temporary directory.
final class Desk {
    let directory: URL
    let platform: DesktopPlatform
    let heard = ToldEvents()
    let bridge: CoreBridge

    init() throws {
        directory = try temporaryDirectory()
        platform = DesktopPlatform(directory)
        let heard = heard
        bridge = CoreBridge(platform: platform) { heard.add($0, $1) }
    }

    func attach(_ name: String = "clinic", _ more: String = "") async throws -> Double {
        let attached = try await bridge.life.attach(#"{"name":"\#(name)"\#(more)}"#)
        return Double(try XCTUnwrap(attached["handle"] as? Int64))
    }

    /// A vault of the device, made and open.
    func open(_ name: String = "clinic") async throws -> Double {
        let handle = try await attach(name)
        let isMade = try await bridge.life.openForDevice(handle, nil)
        XCTAssertTrue(isMade)
        return handle
    }

    func end() async throws {
        await bridge.close()
        try FileManager.default.removeItem(at: directory)
    }
}

func secret(_ text: String) throws -> Secret { try Secret(text.utf8.map { Int($0) }) }

/// The call has to be refused, with this code.
func assertRefused(
    _ code: String, file: StaticString = #filePath, line: UInt = #line,
    _ call: () async throws -> some Any
) async {
    do {
        _ = try await call()
        XCTFail("the call should have been refused", file: file, line: line)
    } catch {
        XCTAssertEqual(Failure.of(error).code, code, file: file, line: line)
    }
}
