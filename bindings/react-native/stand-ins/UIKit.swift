// A stand-in for the parts of UIKit, and of Foundation on Apple's systems, that ios/*.swift use, written
// for scripts/check-ios: only so can those files be type-checked on Linux. Nothing of it ships.
import Foundation

@MainActor final class UIApplication {
    static let shared = UIApplication()
    nonisolated static let didEnterBackgroundNotification = Notification.Name("background")
    nonisolated static let willEnterForegroundNotification = Notification.Name("foreground")
    nonisolated static let didBecomeActiveNotification = Notification.Name("active")
    nonisolated static let protectedDataDidBecomeAvailableNotification = Notification.Name("available")
    nonisolated static let protectedDataWillBecomeUnavailableNotification = Notification.Name("going")

    enum State { case active, inactive, background }

    var applicationState: State { .active }

    var isProtectedDataAvailable: Bool { true }

    nonisolated func beginBackgroundTask(
        withName: String?, expirationHandler: (@MainActor @Sendable () -> Void)?
    ) -> UIBackgroundTaskIdentifier { .invalid }

    nonisolated func endBackgroundTask(_ task: UIBackgroundTaskIdentifier) {}
}

struct UIBackgroundTaskIdentifier: Equatable, Sendable {
    static let invalid = UIBackgroundTaskIdentifier()
}

struct FileProtectionType {
    static let complete = FileProtectionType()
    static let completeUntilFirstUserAuthentication = FileProtectionType()
}

extension FileAttributeKey {
    static let protectionKey = FileAttributeKey(rawValue: "protection")
}
