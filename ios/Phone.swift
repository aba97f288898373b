import UIKit

/// An iPhone or iPad: where vaults are, how their files are protected, what the system tells of them.
final class PhonePlatform: Platform {
    let presence: any PresencePrompt = LibraryPresence()

    /// Application Support, which the user does not see and the system does not clear.
    var vaults: URL {
        FileManager.default.urls(for: .applicationSupportDirectory, in: .userDomainMask)[0]
            .appendingPathComponent("amana", isDirectory: true)
    }

    func keyStore(_ options: KeyStoreOptions) -> KeyStoreKind { .platform(options: options) }

    func protect(_ directory: URL, strict: Bool) throws {
        // A file gets the class of its directory when it is made.
        let usual = FileProtectionType.completeUntilFirstUserAuthentication
        try make(vaults, usual)
        try make(directory, strict ? .complete : usual)
    }

    private func make(_ directory: URL, _ protection: FileProtectionType) throws {
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true,
            attributes: [.protectionKey: protection])
        try FileManager.default.setAttributes(
            [.protectionKey: protection], ofItemAtPath: directory.path)
        var excluded = directory
        var values = URLResourceValues()
        values.isExcludedFromBackup = true
        try excluded.setResourceValues(values)
    }
}

/// What the system tells an app, and what follows for its vaults.
final class PhoneLife: @unchecked Sendable {
    private let center = NotificationCenter.default
    private var observers: [NSObjectProtocol] = []

    init(_ bridge: CoreBridge) {
        let time = PhoneTime()
        let suspension = bridge.suspension(time)
        hear(UIApplication.didEnterBackgroundNotification) { suspension.appLeft() }
        hear(UIApplication.willEnterForegroundNotification) { suspension.appReturned() }
        hear(UIApplication.protectedDataDidBecomeAvailableNotification) {
            bridge.protectedData(isAvailable: true)
        }
        hear(UIApplication.protectedDataWillBecomeUnavailableNotification) {
            let end = time.begin {}
            let told = bridge.protectedData(isAvailable: false)
            Task {
                await told.value
                end()
            }
        }
        DispatchQueue.main.async {
            MainActor.assumeIsolated {
                // Until the system has said so, it is: the core sees by itself what it may not read.
                _ = bridge.protectedData(
                    isAvailable: UIApplication.shared.isProtectedDataAvailable)
                // An app that the system starts in the background hears of no leaving.
                if UIApplication.shared.applicationState == .background { suspension.appLeft() }
            }
        }
    }

    func end() {
        observers.forEach { center.removeObserver($0) }
        observers = []
    }

    /// On the main thread, where the system posts.
    private func hear(_ name: Notification.Name, _ then: @escaping @Sendable () -> Void) {
        observers.append(center.addObserver(forName: name, object: nil, queue: .main) { _ in then() })
    }
}

/// The system's background tasks.
private final class PhoneTime: BackgroundTime {
    func begin(expiring: @escaping @Sendable () -> Void) -> @Sendable () -> Void {
        let grant = Grant()
        let begin: @Sendable () -> Void = { MainActor.assumeIsolated { grant.begin(expiring) } }
        if Thread.isMainThread { begin() } else { DispatchQueue.main.async(execute: begin) }
        return { DispatchQueue.main.async { MainActor.assumeIsolated { grant.end() } } }
    }
}

/// One background task, given back once.
@MainActor private final class Grant {
    private var task = UIBackgroundTaskIdentifier.invalid

    nonisolated init() {}

    func begin(_ expiring: @escaping @Sendable () -> Void) {
        task = UIApplication.shared.beginBackgroundTask(withName: "Amana") {
            expiring()
            MainActor.assumeIsolated { self.end() }
        }
    }

    func end() {
        if task == .invalid { return }
        UIApplication.shared.endBackgroundTask(task)
        task = .invalid
    }
}
