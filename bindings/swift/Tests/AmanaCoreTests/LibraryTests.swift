import XCTest

@testable import AmanaCore

final class LibraryTests: XCTestCase {
    /// Compares the library's contract version and every function's checksum with the bindings.
    func testLibraryBelongsToTheseBindings() {
        uniffiEnsureAmanaFfiInitialized()
    }
}
