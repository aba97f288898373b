import Foundation

/// What JavaScript is told of a call that failed: a code of the closed list, and fixed text.
struct Failure: Error, Equatable {
    let code: String
    let detail: String
    var retryable = false
    var retryAfterMs: UInt64?
    var at: String?

    static func invalid(_ detail: String) -> Failure { Failure(code: "invalid_input", detail: detail) }

    static let closed = Failure(code: "closed", detail: "the handle is closed")

    static let protectedData = Failure(
        code: "key_temporarily_unavailable", detail: "the vault's files cannot be reached now",
        retryable: true)

    /// Whatever it was: text of an unexpected error may hold anything, and is not passed on.
    static func of(_ error: any Error) -> Failure {
        switch error {
        case let failure as Failure: return failure
        case let AmanaError.Failure(code, retryable, retryAfterMs, detail, at):
            return Failure(
                code: word(code), detail: detail, retryable: retryable, retryAfterMs: retryAfterMs,
                at: at)
        case is CancellationError:
            return Failure(code: "cancelled", detail: "the app is going", retryable: true)
        default: return Failure(code: "internal", detail: "the native module failed")
        }
    }

    /// What is told beside the code and the text.
    var info: [String: Any] {
        [
            "retryable": retryable, "retryAfterMs": orNull(retryAfterMs), "at": orNull(at),
        ]
    }

    /// The same for calls that answer at once, which do not throw.
    var tagged: String {
        "!" + json(info.merging(["code": code, "detail": detail]) { first, _ in first })
    }

    static func word(_ code: ErrorCode) -> String { snake(code) }
}

/// For calls that answer at once: whatever goes wrong is an answer, too.
func tagged(_ answer: () throws -> String) -> String {
    do {
        return try answer()
    } catch {
        return Failure.of(error).tagged
    }
}

/// A case without a value, as the contract spells it: `keyLost` is `key_lost`.
func snake(_ value: some Any) -> String {
    "\(value)".reduce(into: "") { text, character in
        if character.isUppercase {
            text += "_" + character.lowercased()
        } else {
            text.append(character)
        }
    }
}

/// JavaScript's null for what is not there.
func orNull(_ value: (some Any)?) -> Any {
    if let value { return value }
    return NSNull()
}

/// JSON text of plain data. Of what cannot be said in JSON, nothing gets here.
func json(_ value: Any) -> String {
    guard JSONSerialization.isValidJSONObject(value),
        let data = try? JSONSerialization.data(withJSONObject: value, options: [.withoutEscapingSlashes])
    else { return "null" }
    return String(decoding: data, as: UTF8.self)
}
