import Foundation

/// Time that the system grants an app that left the foreground.
protocol BackgroundTime: Sendable {
    /// Asks for it. `expiring` is called shortly before it ends, and must return soon; what is returned
    /// gives the time back, and may be called more than once.
    func begin(expiring: @escaping @Sendable () -> Void) -> @Sendable () -> Void
}

/// Sees to it that nothing is running when the system stops the app: it kills an app that is stopped
/// while it holds a lock on a file. Calls that run when the app leaves the foreground, and calls that
/// begin afterwards, go on while there is time; when it ends, syncs are cancelled, and what writes
/// comes to the end of its transaction. After the calls the vaults rest: what they do by themselves
/// ends, and begins again when the app returns.
final class Suspension: @unchecked Sendable {
    private let operations: Operations
    private let vaults: Vaults
    private let time: any BackgroundTime
    /// What the system waits for at the most after it has said that the time ends, in seconds.
    private let longestWait: TimeInterval
    private let lock = NSLock()
    private var isAway = false
    private var hasHeard = false

    init(
        _ operations: Operations, _ vaults: Vaults, time: any BackgroundTime,
        longestWait: TimeInterval = 3
    ) {
        self.operations = operations
        self.vaults = vaults
        self.time = time
        self.longestWait = longestWait
        operations.onStart { [weak self] in self?.callsBegan() }
    }

    /// Where the app was when the system could first be asked: one that begins in the background hears of
    /// no leaving. What was heard before counts more: the answer may be older.
    func appBegan(inBackground: Bool) {
        let isNews = lock.withLock {
            if hasHeard { return false }
            isAway = inBackground
            return inBackground
        }
        if isNews { hold() }
    }

    /// The app has left the foreground. Returns at once.
    func appLeft() {
        lock.withLock {
            hasHeard = true
            isAway = true
        }
        hold()
    }

    /// The app has come to the foreground; also where it was there. Returns at once.
    func appReturned() {
        let wasAway = lock.withLock {
            defer { isAway = false }
            hasHeard = true
            return isAway
        }
        if wasAway { vaults.wake() }
    }

    private func callsBegan() {
        if lock.withLock({ isAway }) { hold() }
    }

    private func hold() {
        let longestWait = longestWait
        let end = time.begin { [operations] in
            operations.cancelAll()
            let isDone = DispatchSemaphore(value: 0)
            Task {
                await self.comeToRest()
                isDone.signal()
            }
            _ = isDone.wait(timeout: .now() + longestWait)
        }
        Task {
            await comeToRest()
            end()
        }
    }

    private func comeToRest() async {
        await operations.idle()
        await vaults.rest()
        // It may have come back meanwhile, and woken them before they rested.
        if lock.withLock({ !isAway }) { vaults.wake() }
    }
}
