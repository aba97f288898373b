import Foundation

/// The key–value store.
struct KeyValues: Sendable {
    let vaults: Vaults

    private func vault(_ handle: Double) throws -> Vault { try vaults.require(handle).vault }

    func getNow(_ handle: Double, _ space: String, _ key: String) -> String {
        tagged {
            let vault = try vault(handle)
            return try vault.kvGet(namespace: Tagged.namespace(space), key: key).map(Tagged.text) ?? "-"
        }
    }

    func multiGetNow(_ handle: Double, _ space: String, _ keys: [Any]) -> String {
        tagged {
            let vault = try vault(handle)
            let values = try vault.kvMultiGet(namespace: Tagged.namespace(space), keys: texts(keys))
            return "j" + json(values.map { orNull($0.map(Tagged.text)) })
        }
    }

    func keysNow(
        _ handle: Double, _ space: String, _ prefix: String, _ after: String?, _ limit: Double
    ) -> String {
        tagged {
            let vault = try vault(handle)
            let page = try vault.kvKeys(
                namespace: Tagged.namespace(space), prefix: prefix, after: after,
                limit: pageSize(limit))
            return "j" + json(Told.keys(page))
        }
    }

    func get(_ handle: Double, _ space: String, _ key: String) async throws -> String? {
        try await vault(handle).kvGetAsync(namespace: Tagged.namespace(space), key: key)
            .map(Tagged.text)
    }

    func multiGet(_ handle: Double, _ space: String, _ keys: [Any]) async throws -> [Any] {
        try await vault(handle)
            .kvMultiGetAsync(namespace: Tagged.namespace(space), keys: texts(keys))
            .map { orNull($0.map(Tagged.text)) }
    }

    func keys(
        _ handle: Double, _ space: String, _ prefix: String, _ after: String?, _ limit: Double
    ) async throws -> [String: Any] {
        Told.keys(
            try await vault(handle).kvKeysAsync(
                namespace: Tagged.namespace(space), prefix: prefix, after: after,
                limit: pageSize(limit)))
    }

    func set(
        _ handle: Double, _ space: String, _ key: String, _ value: String, _ expiresInMs: Double?
    ) async throws {
        try await vault(handle).kvSet(
            namespace: Tagged.namespace(space), key: key, value: Tagged.value(value),
            expiresInMs: expiry(expiresInMs))
    }

    func multiSet(_ handle: Double, _ space: String, _ entriesJson: String) async throws {
        try await vault(handle).kvMultiSet(
            namespace: Tagged.namespace(space), entries: entries(entriesJson))
    }

    func remove(_ handle: Double, _ space: String, _ key: String) async throws -> Bool {
        try await vault(handle).kvRemove(namespace: Tagged.namespace(space), key: key)
    }

    func multiRemove(_ handle: Double, _ space: String, _ keys: [Any]) async throws -> UInt64 {
        try await vault(handle).kvMultiRemove(namespace: Tagged.namespace(space), keys: texts(keys))
    }

    func clear(_ handle: Double, _ space: String) async throws -> UInt64 {
        try await vault(handle).kvClear(namespace: Tagged.namespace(space))
    }

    func compareAndSet(
        _ handle: Double, _ space: String, _ key: String, _ expected: String?, _ next: String?,
        _ expiresInMs: Double?
    ) async throws -> Bool {
        try await vault(handle).kvCompareAndSet(
            namespace: Tagged.namespace(space), key: key, expected: expected.map(Tagged.value),
            newValue: next.map(Tagged.value), expiresInMs: expiry(expiresInMs))
    }

    private func expiry(_ expiresInMs: Double?) throws -> UInt64? {
        guard let expiresInMs else { return nil }
        if expiresInMs <= 0 { throw Failure.invalid("a value expires after more than 0 milliseconds") }
        return try wholeCount(expiresInMs, "the time to expiry")
    }

    private func pageSize(_ limit: Double) throws -> UInt32 {
        guard let size = UInt32(exactly: limit), (1...1000).contains(size) else {
            throw Failure.invalid("a page has 1 to 1000 keys")
        }
        return size
    }

    private struct Entry: Decodable {
        let key: String
        let value: String
        let expiresInMs: Double?
    }

    private func entries(_ json: String) throws -> [KvEntry] {
        guard let entries = try? JSONDecoder().decode([Entry].self, from: Data(json.utf8)) else {
            throw Failure.invalid("a list of entries is expected")
        }
        return try entries.map {
            KvEntry(
                key: $0.key, value: try Tagged.value($0.value), expiresInMs: try expiry($0.expiresInMs))
        }
    }
}
