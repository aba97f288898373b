import Foundation

/// Records. They cross as JSON text, which the core checks.
struct Records: Sendable {
    let vaults: Vaults

    private func vault(_ handle: Double) throws -> Vault { try vaults.require(handle).vault }

    func create(_ handle: Double, _ table: String, _ fieldsJson: String) async throws -> String {
        try await vault(handle).insert(table: table, fields: fieldsJson)
    }

    func update(_ handle: Double, _ table: String, _ id: String, _ fieldsJson: String) async throws {
        try await vault(handle).update(table: table, id: id, fields: fieldsJson)
    }

    func delete(_ handle: Double, _ table: String, _ id: String) async throws {
        try await vault(handle).delete(table: table, id: id)
    }

    func batch(_ handle: Double, _ operationsJson: String) async throws -> [String] {
        try await vault(handle).batch(operations: operationsJson)
    }

    func findNow(_ handle: Double, _ table: String, _ id: String) -> String {
        tagged { try vault(handle).getNow(table: table, id: id).map { "j" + $0 } ?? "-" }
    }

    func find(_ handle: Double, _ table: String, _ id: String) async throws -> String? {
        try await vault(handle).get(table: table, id: id)
    }

    func query(_ handle: Double, _ table: String, _ queryJson: String) async throws -> String {
        try await vault(handle).query(table: table, query: queryJson)
    }

    func count(_ handle: Double, _ table: String, _ queryJson: String) async throws -> UInt64 {
        try await vault(handle).count(table: table, query: queryJson)
    }
}
