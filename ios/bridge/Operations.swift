import Foundation

/// Running calls: those that JavaScript gave a number, so that it can cancel them, and all of them, so
/// that an app that is about to sleep can wait until none is left.
final class Operations: @unchecked Sendable {
    private static let mostEarly = 64
    private let lock = NSLock()
    private var numbered: [Int64: CancelHandle] = [:]
    /// Cancelled before they began: JavaScript may cancel at once, and a call begins on another thread.
    private var early: [Int64] = []
    private var unnumbered: [ObjectIdentifier: CancelHandle] = [:]
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var starting: (@Sendable () -> Void)?

    /// Is called whenever the first of some calls begins, before it does.
    func onStart(_ call: @escaping @Sendable () -> Void) { lock.withLock { starting = call } }

    /// Runs a call that can be cancelled by its number; for 0 only by `cancelAll`.
    func run<T>(_ operation: Double, _ call: (CancelHandle) async throws -> T) async throws -> T {
        let number = try whole(operation, "the operation")
        if number < 0 { throw Failure.invalid("an operation is above 0") }
        let handle = CancelHandle()
        let isNew = lock.withLock {
            if number == 0 {
                unnumbered[ObjectIdentifier(handle)] = handle
                return true
            }
            if numbered[number] != nil { return false }
            numbered[number] = handle
            if let place = early.firstIndex(of: number) {
                early.remove(at: place)
                handle.cancel()
            }
            return true
        }
        if !isNew { throw Failure.invalid("an operation's number is used once") }
        defer {
            lock.withLock {
                if number == 0 {
                    unnumbered[ObjectIdentifier(handle)] = nil
                } else {
                    numbered[number] = nil
                }
            }
        }
        return try await call(handle)
    }

    /// No error where there is none, or it is done.
    func cancel(_ operation: Double) {
        guard let number = Int64(exactly: operation) else { return }
        let handle = lock.withLock {
            if let handle = numbered[number] { return Optional(handle) }
            // Most of these are over, and never asked for again: only the last ones are kept.
            early = early.suffix(Self.mostEarly - 1) + [number]
            return nil
        }
        handle?.cancel()
    }

    func cancelAll() {
        let handles = lock.withLock { Array(numbered.values) + Array(unnumbered.values) }
        handles.forEach { $0.cancel() }
    }

    /// Counts a call as running until it has ended. A write ends with its transaction.
    func count<T>(_ call: () async throws -> T) async rethrows -> T {
        let isFirst = lock.withLock {
            running += 1
            return running == 1
        }
        if isFirst { lock.withLock { starting }?() }
        defer {
            let ready = lock.withLock {
                running -= 1
                defer { if running == 0 { waiting = [] } }
                return running == 0 ? waiting : []
            }
            ready.forEach { $0.resume() }
        }
        return try await call()
    }

    var isIdle: Bool { lock.withLock { running == 0 } }

    /// Returns as soon as no counted call is running.
    func idle() async {
        await withCheckedContinuation { continuation in
            let isIdle = lock.withLock {
                if running > 0 { waiting.append(continuation) }
                return running == 0
            }
            if isIdle { continuation.resume() }
        }
    }
}

/// Calls that change something, one after the other for each handle, in the order in which JavaScript
/// made them: `enter` and `follow` are called at once, on the thread on which they come.
final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var last: [Int64: (number: UInt64, task: Task<Void, Never>)] = [:]
    private var number: UInt64 = 0

    func enter(_ handle: Double, _ call: @escaping () async -> Void) {
        // what names no vault is refused in any order
        let handle = Int64(exactly: handle) ?? 0
        lock.withLock {
            number += 1
            let mine = number
            let before = last[handle]?.task
            let task = Task {
                await before?.value
                await call()
                self.leave(handle, mine)
            }
            last[handle] = (mine, task)
        }
    }

    /// After what came before, which does not wait for it in turn: for calls that may take long, as a sync,
    /// or that wait for a person.
    func follow(_ handle: Double, _ call: @escaping () async -> Void) {
        let handle = Int64(exactly: handle) ?? 0
        let before = lock.withLock { last[handle]?.task }
        Task {
            await before?.value
            await call()
        }
    }

    private func leave(_ handle: Int64, _ mine: UInt64) {
        lock.withLock { if last[handle]?.number == mine { last[handle] = nil } }
    }
}
