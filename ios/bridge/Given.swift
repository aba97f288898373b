import Foundation

// What JavaScript gave, as plain data, or the typed refusal.

/// Whole numbers up to 2^53: beyond that JavaScript itself no longer tells them apart.
private let largestWhole = 9_007_199_254_740_991.0

func whole(_ number: Double, _ what: String) throws -> Int64 {
    guard abs(number) <= largestWhole, let whole = Int64(exactly: number) else {
        throw Failure.invalid("\(what) is not a whole number")
    }
    return whole
}

func wholeCount(_ number: Double, _ what: String) throws -> UInt64 {
    let whole = try whole(number, what)
    if whole < 0 { throw Failure.invalid("\(what) is below 0") }
    return UInt64(whole)
}

func text(_ given: Any?) throws -> String {
    guard let text = given as? String else { throw Failure.invalid("a text is expected") }
    return text
}

func optionalText(_ given: Any?) throws -> String? { isNull(given) ? nil : try text(given) }

func optionalNumber(_ given: Any?) throws -> Double? {
    if isNull(given) { return nil }
    guard let number = given.flatMap(number), !isTruth(given as Any) else {
        throw Failure.invalid("a number is expected")
    }
    return number
}

func list(_ given: Any?) throws -> [Any] {
    guard let list = given as? [Any] else { throw Failure.invalid("a list is expected") }
    return list
}

private func isNull(_ given: Any?) -> Bool { given == nil || given is NSNull }

private func number(_ given: Any) -> Double? {
    if let number = given as? Double { return number }
    if let number = given as? Int { return Double(number) }
    return (given as? NSNumber)?.doubleValue
}

/// A truth is a number, too, for Objective-C.
private func isTruth(_ given: Any) -> Bool {
    if type(of: given) == Bool.self { return true }
    guard let number = given as? NSNumber else { return false }
    return String(cString: number.objCType) == "c"
}

func texts(_ given: [Any]) throws -> [String] {
    guard let texts = given as? [String] else { throw Failure.invalid("a list of texts is expected") }
    return texts
}

/// The bytes of a secret that a person typed, in memory of its own that is wiped when the last holder
/// lets go. What the generated bindings copy on the way to the library is theirs, and is freed unwiped.
final class Secret: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer

    /// Reads a list of bytes, as JavaScript gives a secret.
    init(_ given: [Any]) throws {
        memory = .allocate(byteCount: given.count, alignment: 1)
        for (at, element) in given.enumerated() {
            guard !isTruth(element), let number = number(element), number >= 0,
                let byte = UInt8(exactly: number)
            else { throw Failure.invalid("a secret is a list of bytes") }
            memory[at] = byte
        }
    }

    // Also where `init` throws: by then there is nothing left to set.
    deinit {
        if let start = memory.baseAddress { wipe(start, memory.count) }
        memory.deallocate()
    }

    var isEmpty: Bool { memory.count == 0 }

    /// A view of the bytes, not a copy: it must not outlive the call.
    func use<T>(_ call: (Data) async throws -> T) async rethrows -> T {
        defer { withExtendedLifetime(self) {} }
        guard let start = memory.baseAddress, memory.count > 0 else { return try await call(Data()) }
        return try await call(Data(bytesNoCopy: start, count: memory.count, deallocator: .none))
    }
}

/// Writes zeros that the compiler may not leave out.
private func wipe(_ start: UnsafeMutableRawPointer, _ count: Int) {
    #if canImport(Darwin)
        memset_s(start, count, 0, count)
    #else
        explicit_bzero(start, count)
    #endif
}

/// Runs with bytes that were derived, and wipes them, whatever happens. In their own place: a copy is
/// made of data that is changed while somebody else holds it. Nobody may use them afterwards.
func wiped<T>(_ bytes: Data, _ use: (Data) async throws -> T) async rethrows -> T {
    defer {
        bytes.withUnsafeBytes {
            if let start = $0.baseAddress { wipe(UnsafeMutableRawPointer(mutating: start), $0.count) }
        }
    }
    return try await use(bytes)
}
