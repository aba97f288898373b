import Foundation

/// Values of the key–value store as they cross: `t` and the text, or `b` and base64.
enum Tagged {
    static func text(_ value: KvValue) -> String {
        switch value {
        case .text(let text): return "t" + text
        case .bytes(let bytes): return "b" + bytes.base64EncodedString()
        }
    }

    static func value(_ tagged: String) throws -> KvValue {
        switch tagged.utf8.first {
        case UInt8(ascii: "t"): return .text(text: rest(tagged))
        case UInt8(ascii: "b"): return .bytes(bytes: try bytes(rest(tagged)))
        default: throw Failure.invalid("a value begins with t or b")
        }
    }

    static func bytes(_ base64: String) throws -> Data {
        guard let bytes = Data(base64Encoded: base64) else { throw Failure.invalid("not base64") }
        return bytes
    }

    /// An organisation's public key; also looked at where the vault is there already and has no use for it.
    static func recoveryKey(_ base64: String) throws -> Data {
        let key = try bytes(base64)
        guard key.count == 32 else { throw Failure.invalid("a recovery key is 32 bytes in base64") }
        return key
    }

    /// `stored:NAME` or `session:NAME`.
    static func namespace(_ space: String) throws -> KvNamespace {
        if let name = rest(space, after: "stored:") { return .stored(name: name) }
        if let name = rest(space, after: "session:") { return .session(name: name) }
        throw Failure.invalid("a namespace is stored:NAME or session:NAME")
    }

    // By bytes and not by characters: a character may be the tag and a combining mark behind it.

    private static func rest(_ tagged: String) -> String {
        String(decoding: tagged.utf8.dropFirst(), as: UTF8.self)
    }

    private static func rest(_ text: String, after head: String) -> String? {
        guard text.utf8.starts(with: head.utf8) else { return nil }
        return String(decoding: text.utf8.dropFirst(head.utf8.count), as: UTF8.self)
    }
}
