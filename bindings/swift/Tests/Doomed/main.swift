// A tablet in a process of its own, for a test that kills it: it syncs until it comes to a phase, says
// so, and stays there.
//   Doomed DIRECTORY URL AUTHORITY EMAIL PASSWORD PHASE
import AmanaCore
import Foundation

final class Stays: SyncListener, @unchecked Sendable {
    private let phase: String

    init(_ phase: String) { self.phase = phase }

    func progress(progress: SyncProgress) {
        guard progress.phase == phase else { return }
        FileHandle.standardOutput.write(Data("\(phase)\n".utf8))
        DispatchSemaphore(value: 0).wait()
    }
}

let given = CommandLine.arguments.dropFirst().map { $0 }
let (phase, place) = (given[5], URL(fileURLWithPath: given[0]))
let vault = try await openVault(
    config: VaultConfig(
        directory: place.appendingPathComponent("vault").path,
        keyStore: .hostFile(directory: place.appendingPathComponent("keys").path)))
if try await vault.status().person == nil {
    _ = try await vault.signIn(
        url: given[1], privateCaPem: String(contentsOfFile: given[2], encoding: .utf8),
        email: given[3], password: Data(given[4].utf8), cancel: nil)
}
_ = try await vault.insert(table: "patients", fields: #"{"given_name":"\#(phase)"}"#)
_ = try await vault.sync(listener: Stays(phase), cancel: nil, fullPull: false)
FileHandle.standardOutput.write(Data("the sync has ended\n".utf8))
