import XCTest

@testable import AmanaCore

/// The call has to fail with this code, and to say no value: those that tests give begin with Canary.
func assertFails(
    _ expected: ErrorCode, file: StaticString = #filePath, line: UInt = #line,
    _ call: () async throws -> Void
) async {
    do {
        try await call()
        XCTFail("the call should have failed", file: file, line: line)
    } catch let error as AmanaError {
        guard case let .Failure(code, _, _, _, _) = error else { return XCTFail("one variant") }
        XCTAssertEqual(code, expected, file: file, line: line)
        XCTAssertFalse("\(error)".contains("Canary"), file: file, line: line)
    } catch {
        XCTFail("another error than Amana's", file: file, line: line)
    }
}
