import Foundation

/// The module that React Native calls: one line a method over `CoreBridge`. Amana.mm adds what only
/// C++ can say; there the compiler compares these methods with the contract.
///
/// Texts, lists and numbers that may be null come as whatever JavaScript gave: React Native hands on what
/// is of another type, and to take it for a text would end the app.
@objc(Amana) public final class AmanaModule: NSObject {
    /// What React Native hands a promise's answer to; the same blocks as its own.
    public typealias Resolve = (Any?) -> Void
    public typealias Reject = (String?, String?, (any Error)?) -> Void

    private let bridge: CoreBridge
    private let emitter: Emitter
    private let phone: PhoneLife
    private let lines = Lines()

    @objc public override init() {
        let emitter = Emitter()
        let platform = PhonePlatform()
        bridge = CoreBridge(platform: platform) { emitter.send($0, $1) }
        phone = PhoneLife(bridge)
        self.emitter = emitter
        super.init()
    }

    /// Where events go; set by React Native before it calls anything else.
    @objc public func setEmit(_ emit: @escaping (String, [String: Any]) -> Void) { emitter.set(emit) }

    @objc public static func requiresMainQueueSetup() -> Bool { false }

    /// The app's JavaScript is gone: running calls are cancelled, every handle is closed.
    @objc public func invalidate() {
        emitter.end()
        phone.end()
        Task { [bridge] in await bridge.close() }
    }

    @objc public func attachVault(
        _ configJson: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.attach(text(configJson)) }
    }

    @objc public func closeVault(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.life.close(handle) }
    }

    @objc public func vaultState(_ handle: Double) -> String {
        bridge.life.state(handle)
    }

    @objc public func vaultGlance(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.glance(handle) }
    }

    @objc public func openForDevice(
        _ handle: Double, recoveryKey: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.life.openForDevice(handle, optionalText(recoveryKey)) }
    }

    @objc public func createForPerson(
        _ handle: Double, person: Any?, pin: Any?, recoveryKey: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject, pin) {
            try await $0.life.createForPerson(handle, text(person), $1, optionalText(recoveryKey))
        }
    }

    @objc public func lock(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.life.lock(handle) }
    }

    @objc public func unlockWithPin(
        _ handle: Double, person: Any?, pin: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject, pin) {
            try await $0.life.unlockWithPin(handle, text(person), $1)
        }
    }

    @objc public func unlockWithPresence(
        _ handle: Double, title: Any?, cancelText: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        follow(handle, resolve, reject) {
            try await $0.life.unlockWithPresence(handle, text(title), text(cancelText))
        }
    }

    @objc public func makeRecoveryRequest(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.makeRecoveryRequest(handle) }
    }

    @objc public func unlockWithRecovery(
        _ handle: Double, answer: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.life.unlockWithRecovery(handle, text(answer))
        }
    }

    @objc public func replaceDeviceSlot(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.replaceDeviceSlot(handle) }
    }

    @objc public func keySlots(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.slots(handle) }
    }

    @objc public func pinStanding(
        _ handle: Double, person: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.pinStanding(handle, text(person)) }
    }

    @objc public func addPin(
        _ handle: Double, person: Any?, pin: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, pin) { try await $0.life.addPin(handle, text(person), $1) }
    }

    @objc public func changePin(
        _ handle: Double, person: Any?, oldPin: Any?, newPin: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, oldPin, newPin) {
            try await $0.life.changePin(handle, text(person), $1, $2)
        }
    }

    @objc public func resetPin(
        _ handle: Double, person: Any?, pin: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, pin) { try await $0.life.resetPin(handle, text(person), $1) }
    }

    @objc public func removePin(
        _ handle: Double, person: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.removePin(handle, text(person)) }
    }

    @objc public func addPresence(
        _ handle: Double, title: Any?, cancelText: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.addPresence(handle, text(title), text(cancelText)) }
    }

    @objc public func removeSlot(
        _ handle: Double, slotId: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.removeSlot(handle, text(slotId)) }
    }

    @objc public func rotateRootKey(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.life.rotate(handle) }
    }

    @objc public func wipe(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.life.wipe(handle) }
    }

    @objc public func lastRefusal(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await orNull($0.care.lastRefusal(handle)) }
    }

    @objc public func quarantineVault(
        _ handle: Double, acknowledgedUnsynced: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await $0.care.quarantine(handle, optionalNumber(acknowledgedUnsynced))
        }
    }

    @objc public func quarantinedVaults(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.care.quarantined(handle) }
    }

    @objc public func salvage(
        _ handle: Double, person: Any?, pin: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, pin) { try await $0.care.salvage(handle, optionalText(person), $1) }
    }

    @objc public func salvageWithPresence(
        _ handle: Double, title: Any?, cancelText: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await $0.care.salvageWithPresence(handle, text(title), text(cancelText))
        }
    }

    @objc public func salvageWithRecovery(
        _ handle: Double, answer: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.care.salvageWithRecovery(handle, text(answer)) }
    }

    @objc public func diagnose(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.care.diagnose(handle) }
    }

    @objc public func integrity(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await orNull($0.care.integrity(handle)) }
    }

    @objc public func runKeyStoreSelfTest(
        _ optionsJson: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.care.selfTest(text(optionsJson)) }
    }

    @objc public func kvGetSync(_ handle: Double, space: Any?, key: Any?) -> String {
        tagged { try bridge.keyValues.getNow(handle, text(space), text(key)) }
    }

    @objc public func kvGet(
        _ handle: Double, space: Any?, key: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await orNull($0.keyValues.get(handle, text(space), text(key))) }
    }

    @objc public func kvMultiGetSync(_ handle: Double, space: Any?, keys: Any?) -> String {
        tagged { try bridge.keyValues.multiGetNow(handle, text(space), list(keys)) }
    }

    @objc public func kvMultiGet(
        _ handle: Double, space: Any?, keys: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await $0.keyValues.multiGet(handle, text(space), list(keys))
        }
    }

    @objc public func kvKeysSync(
        _ handle: Double, space: Any?, prefix: Any?, after: Any?, limit: Double
    ) -> String {
        tagged {
            try bridge.keyValues.keysNow(handle, text(space), text(prefix), optionalText(after), limit)
        }
    }

    @objc public func kvKeys(
        _ handle: Double, space: Any?, prefix: Any?, after: Any?, limit: Double,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await $0.keyValues.keys(handle, text(space), text(prefix), optionalText(after), limit)
        }
    }

    @objc public func kvSet(
        _ handle: Double, space: Any?, key: Any?, value: Any?, expiresInMs: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.keyValues.set(
                handle, text(space), text(key), text(value), optionalNumber(expiresInMs))
        }
    }

    @objc public func kvMultiSet(
        _ handle: Double, space: Any?, entriesJson: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.keyValues.multiSet(handle, text(space), text(entriesJson))
        }
    }

    @objc public func kvRemove(
        _ handle: Double, space: Any?, key: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.keyValues.remove(handle, text(space), text(key)) }
    }

    @objc public func kvMultiRemove(
        _ handle: Double, space: Any?, keys: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.keyValues.multiRemove(handle, text(space), list(keys))
        }
    }

    @objc public func kvClear(
        _ handle: Double, space: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.keyValues.clear(handle, text(space)) }
    }

    @objc public func kvCompareAndSet(
        _ handle: Double, space: Any?, key: Any?, expected: Any?, next: Any?, expiresInMs: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.keyValues.compareAndSet(
                handle, text(space), text(key), optionalText(expected), optionalText(next),
                optionalNumber(expiresInMs))
        }
    }

    @objc public func createRecord(
        _ handle: Double, table: Any?, fieldsJson: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.records.create(handle, text(table), text(fieldsJson))
        }
    }

    @objc public func updateRecord(
        _ handle: Double, table: Any?, recordId: Any?, fieldsJson: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.records.update(handle, text(table), text(recordId), text(fieldsJson))
        }
    }

    @objc public func deleteRecord(
        _ handle: Double, table: Any?, recordId: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.records.delete(handle, text(table), text(recordId))
        }
    }

    @objc public func batchRecords(
        _ handle: Double, operationsJson: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.records.batch(handle, text(operationsJson)) }
    }

    @objc public func findRecordSync(
        _ handle: Double, table: Any?, recordId: Any?
    ) -> String {
        tagged { try bridge.records.findNow(handle, text(table), text(recordId)) }
    }

    @objc public func findRecord(
        _ handle: Double, table: Any?, recordId: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) {
            try await orNull($0.records.find(handle, text(table), text(recordId)))
        }
    }

    @objc public func queryRecords(
        _ handle: Double, table: Any?, queryJson: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.records.query(handle, text(table), text(queryJson)) }
    }

    @objc public func countRecords(
        _ handle: Double, table: Any?, queryJson: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.records.count(handle, text(table), text(queryJson)) }
    }

    @objc public func signIn(
        _ handle: Double, url: Any?, privateCaPem: Any?, email: Any?, password: Any?, operation: Double,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, password) {
            try await $0.peers.signIn(
                handle, text(url), optionalText(privateCaPem), text(email), $1, operation)
        }
    }

    @objc public func signOut(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        follow(handle, resolve, reject) { try await $0.peers.signOut(handle) }
    }

    @objc public func pairHub(
        _ handle: Double, qrText: Any?, operation: Double,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.pairHub(handle, text(qrText), operation) }
    }

    @objc public func signInAtHub(
        _ handle: Double, peer: Any?, email: Any?, password: Any?, operation: Double,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject, password) {
            try await $0.peers.signInAtHub(handle, text(peer), text(email), $1, operation)
        }
    }

    @objc public func hubs(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.hubs(handle) }
    }

    @objc public func moveHub(
        _ handle: Double, peer: Any?, url: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.moveHub(handle, text(peer), text(url)) }
    }

    @objc public func forgetPeer(
        _ handle: Double, peer: Any?, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.forget(handle, text(peer)) }
    }

    @objc public func sync(
        _ handle: Double, peer: Any?, fullPull: Bool, operation: Double,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        follow(handle, resolve, reject) {
            try await $0.peers.sync(handle, optionalText(peer), fullPull, operation)
        }
    }

    @objc public func syncStatus(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.status(handle) }
    }

    @objc public func recordStanding(
        _ handle: Double, table: Any?, recordId: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.standing(handle, text(table), text(recordId)) }
    }

    @objc public func conflicts(
        _ handle: Double, after: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.conflicts(handle, after) }
    }

    @objc public func undoConflict(
        _ handle: Double, conflictId: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.peers.undoConflict(handle, conflictId) }
    }

    @objc public func quarantinedRecords(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.quarantined(handle) }
    }

    @objc public func releaseRecord(
        _ handle: Double, table: Any?, recordId: Any?,
        resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) {
            try await $0.peers.release(handle, text(table), text(recordId))
        }
    }

    @objc public func releaseAllRecords(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        write(handle, resolve, reject) { try await $0.peers.releaseAll(handle) }
    }

    @objc public func digest(
        _ handle: Double, resolve: @escaping Resolve, reject: @escaping Reject
    ) {
        settle(resolve, reject) { try await $0.peers.digest(handle) }
    }

    @objc public func cancelOperation(_ operation: Double) {
        bridge.operations.cancel(operation)
    }

    private func settle<T>(
        _ resolve: @escaping Resolve, _ reject: @escaping Reject,
        _ call: @escaping (CoreBridge) async throws -> T
    ) {
        Task { await carryOut(resolve, reject, call) }
    }

    /// After what was called before for this handle: the last of two values is the second, and what was
    /// written before a vault is locked is in it.
    private func write<T>(
        _ handle: Double, _ resolve: @escaping Resolve, _ reject: @escaping Reject,
        _ call: @escaping (CoreBridge) async throws -> T
    ) {
        lines.enter(handle) { await self.carryOut(resolve, reject, call) }
    }

    private func write<T>(
        _ handle: Double, _ resolve: @escaping Resolve, _ reject: @escaping Reject, _ secret: Any?,
        _ call: @escaping (CoreBridge, Secret) async throws -> T
    ) {
        write(handle, resolve, reject) { try await call($0, Secret(list(secret))) }
    }

    /// The same for what may take long, or waits for a person: what comes after it does not wait for it.
    private func follow<T>(
        _ handle: Double, _ resolve: @escaping Resolve, _ reject: @escaping Reject,
        _ call: @escaping (CoreBridge) async throws -> T
    ) {
        lines.follow(handle) { await self.carryOut(resolve, reject, call) }
    }

    private func settle<T>(
        _ resolve: @escaping Resolve, _ reject: @escaping Reject, _ secret: Any?,
        _ call: @escaping (CoreBridge, Secret) async throws -> T
    ) {
        settle(resolve, reject) { try await call($0, Secret(list(secret))) }
    }

    private func settle<T>(
        _ resolve: @escaping Resolve, _ reject: @escaping Reject, _ first: Any?, _ second: Any?,
        _ call: @escaping (CoreBridge, Secret, Secret) async throws -> T
    ) {
        settle(resolve, reject) { try await call($0, Secret(list(first)), Secret(list(second))) }
    }

    private func carryOut<T>(
        _ resolve: @escaping Resolve, _ reject: @escaping Reject,
        _ call: @escaping (CoreBridge) async throws -> T
    ) async {
        do {
            let value = try await bridge.operations.count { try await call(bridge) }
            resolve(value is Void ? nil : value)
        } catch {
            let failure = Failure.of(error)
            let info = NSError(domain: "Amana", code: 0, userInfo: failure.info)
            reject(failure.code, failure.detail, info)
        }
    }
}

/// Takes events to JavaScript, from when React Native has said where that is until it takes it away.
private final class Emitter: @unchecked Sendable {
    private let lock = NSLock()
    private var emit: ((String, [String: Any]) -> Void)?

    func set(_ emit: @escaping (String, [String: Any]) -> Void) { lock.withLock { self.emit = emit } }

    /// Afterwards nothing is sent any more, and nothing is being sent: what takes it goes away.
    func end() { lock.withLock { emit = nil } }

    func send(_ name: String, _ value: [String: Any]) { lock.withLock { emit?(name, value) } }
}
