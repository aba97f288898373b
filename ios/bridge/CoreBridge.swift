import Foundation

/// Everything behind the module: plain Swift over the generated bindings. Takes and gives plain data
/// (text, numbers, truths, arrays, dictionaries, NSNull) in the form that the TypeScript contract
/// describes, and throws `Failure` or what becomes one. Knows nothing of React Native and of iOS.
///
/// These files and the generated bindings are one module, in the pod as in the tests on the host.
final class CoreBridge: Sendable {
    let operations: Operations
    let life: Life
    let care: Care
    let keyValues: KeyValues
    let records: Records
    let peers: Peers
    let vaults: Vaults

    init(platform: any Platform, events: @escaping Events) {
        vaults = Vaults()
        operations = Operations()
        life = Life(platform: platform, vaults: vaults, events: events)
        care = Care(platform: platform, vaults: vaults)
        keyValues = KeyValues(vaults: vaults)
        records = Records(vaults: vaults)
        peers = Peers(vaults: vaults, operations: operations, events: events)
    }

    /// The vault of a handle; none of one that is closed.
    func vault(of handle: Double) -> Vault? { vaults.find(handle)?.vault }

    /// Running calls are cancelled, every handle is closed.
    func close() async {
        operations.cancelAll()
        await vaults.removeAll()
    }

    /// Whether files that only an unlocked device may read can be read: where they soon cannot, strict
    /// vaults are locked before that, and refuse until they can. Takes note at once, so that the last
    /// call counts; what is returned ends when every vault knows.
    @discardableResult
    func protectedData(isAvailable: Bool) -> Task<Void, Never> {
        vaults.noteProtectedData(isGone: !isAvailable)
        return Task { [vaults] in await vaults.tellProtectedData() }
    }

    /// What sees to it that nothing runs when the system stops the app.
    func suspension(_ time: any BackgroundTime) -> Suspension {
        Suspension(operations, vaults, time: time)
    }
}

/// Takes what JavaScript is told without having asked: the event's name, and its value.
typealias Events = @Sendable (_ name: String, _ value: [String: Any]) -> Void
