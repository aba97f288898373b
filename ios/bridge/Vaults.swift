import Foundation

/// A handle: the vault, how it was asked for, and what tells JavaScript of its changes.
final class OpenVault: @unchecked Sendable {
    let handle: Int64
    let name: String
    let keyStore: KeyStoreOptions
    let vault: Vault
    /// Set once, before anybody else has this object.
    private var observations: [Observation] = []
    private let teller: Teller

    private static let numbers = Numbers()

    init(_ request: OpenRequest, _ vault: Vault, events: @escaping Events) {
        handle = OpenVault.numbers.next()
        teller = Teller(handle: handle, events: events)
        name = request.name
        keyStore = request.keyStore
        self.vault = vault
    }

    func watch() {
        observations = [
            vault.observe(observer: ChangeTeller(teller)),
            vault.kvObserve(observer: KvTeller(teller)),
            vault.observeState(observer: StateTeller(teller)),
            vault.observeDamage(observer: DamageTeller(teller)),
        ]
    }

    /// The files of a strict vault cannot be read any more, or can again; those of others always can.
    func protectedData(isGone: Bool) async {
        if !keyStore.strict { return }
        if isGone { try? await vault.protectedDataGone() } else { vault.protectedDataBack() }
    }

    /// Ends the observation, and tells that the handle is closed, whatever became of the vault.
    func release() {
        observations.forEach { $0.stop() }
        teller.tell(.closed)
    }
}

/// Never used twice in a process, also not by a module that was made anew.
private final class Numbers: @unchecked Sendable {
    private let lock = NSLock()
    private var last: Int64 = 0

    func next() -> Int64 {
        lock.withLock {
            last += 1
            return last
        }
    }
}

private final class Teller: @unchecked Sendable {
    let handle: Int64
    let events: Events
    private let lock = NSLock()
    private var hasToldClosed = false

    init(handle: Int64, events: @escaping Events) {
        self.handle = handle
        self.events = events
    }

    /// That it is closed is told once: by the vault, or by the handle that lets go of it.
    func tell(_ state: VaultState) {
        let isTold = lock.withLock {
            defer { if state == .closed { hasToldClosed = true } }
            return state == .closed && hasToldClosed
        }
        if !isTold { events("onVaultState", ["handle": handle, "state": snake(state)]) }
    }
}

private final class ChangeTeller: ChangeObserver {
    private let teller: Teller
    init(_ teller: Teller) { self.teller = teller }
    func changed(change: Change) { teller.events("onChange", Told.change(teller.handle, change)) }
}

private final class KvTeller: KvObserver {
    private let teller: Teller
    init(_ teller: Teller) { self.teller = teller }
    func changed(change: KvChange) { teller.events("onKvChange", Told.kvChange(teller.handle, change)) }
}

private final class StateTeller: StateObserver {
    private let teller: Teller
    init(_ teller: Teller) { self.teller = teller }
    func changed(state: VaultState) { teller.tell(state) }
}

private final class DamageTeller: DamageObserver {
    private let teller: Teller
    init(_ teller: Teller) { self.teller = teller }
    func damageFound() { teller.events("onDamage", ["handle": teller.handle]) }
}

/// The open handles. Several may be of one vault, also with those of another module, as when the app's
/// JavaScript is loaded anew; the last one that goes closes it.
final class Vaults: @unchecked Sendable {
    private let lock = NSLock()
    private var open: [Int64: OpenVault] = [:]
    // Opening and ending in turn: a vault must not be closed or wiped while another handle of it is
    // being made.
    private let turn = Turn()
    private let telling = Turn()
    private var isProtectedDataGone = false
    private var isEnding = false

    func require(_ handle: Double) throws -> OpenVault {
        guard let found = find(handle) else { throw Failure.closed }
        return found
    }

    func find(_ handle: Double) -> OpenVault? {
        guard let number = Int64(exactly: handle) else { return nil }
        return lock.withLock { open[number] }
    }

    func all() -> [OpenVault] { lock.withLock { Array(open.values) } }

    func add(_ make: () async throws -> OpenVault) async throws -> OpenVault {
        try await turn.take {
            if lock.withLock({ isEnding }) { throw Failure.closed }
            let opened = try await make()
            lock.withLock { open[opened.handle] = opened }
            await tellProtectedData()
            return opened
        }
    }

    /// Lets go of a handle; none, and one that is gone, is no error.
    func remove(_ handle: Double) async throws {
        try await turn.take {
            guard let gone = find(handle) else { return }
            lock.withLock { open[gone.handle] = nil }
            defer { gone.release() }
            try await gone.vault.detach()
        }
    }

    /// Destroys a vault, and lets go of every handle of it; of none where it is not destroyed.
    func wipe(_ handle: Double) async throws {
        try await turn.take {
            let wiped = try require(handle)
            try await wiped.vault.wipe()
            let gone = all().filter { $0.name == wiped.name }
            lock.withLock { gone.forEach { open[$0.handle] = nil } }
            gone.forEach { $0.release() }
        }
    }

    /// Whether the files of strict vaults cannot be read: to be told next.
    func noteProtectedData(isGone: Bool) { lock.withLock { isProtectedDataGone = isGone } }

    /// Tells every vault what was noted last.
    func tellProtectedData() async {
        await telling.take {
            for opened in all() {
                await opened.protectedData(isGone: lock.withLock { isProtectedDataGone })
            }
        }
    }

    /// The app will be stopped: no vault works by itself once this returns.
    func rest() async {
        for opened in all() { try? await opened.vault.rest() }
    }

    func wake() {
        for opened in all() { opened.vault.wake() }
    }

    /// Lets go of all handles, for good: also of one that is just being made.
    func removeAll() async {
        await turn.take { lock.withLock { isEnding = true } }
        for opened in all() { try? await remove(Double(opened.handle)) }
    }
}

/// One after the other, in the order in which they came. (An actor lets others in at each `await`.)
final class Turn: @unchecked Sendable {
    private let lock = NSLock()
    private var isTaken = false
    private var queue: [CheckedContinuation<Void, Never>] = []

    func take<T>(_ call: () async throws -> T) async rethrows -> T {
        await withCheckedContinuation { continuation in
            let isMine = lock.withLock {
                if isTaken { queue.append(continuation) }
                defer { isTaken = true }
                return !isTaken
            }
            if isMine { continuation.resume() }
        }
        defer {
            let next = lock.withLock {
                if queue.isEmpty { isTaken = false }
                return queue.isEmpty ? nil : queue.removeFirst()
            }
            next?.resume()
        }
        return try await call()
    }
}
