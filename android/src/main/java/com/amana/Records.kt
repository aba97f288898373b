package com.amana

/** Records. They cross as JSON text, which the core checks. */
internal class Records(private val vaults: Vaults) {
    suspend fun create(handle: Double, table: String, fieldsJson: String): String =
        vaults.use(handle) { it.insert(table, fieldsJson) }

    suspend fun update(handle: Double, table: String, id: String, fieldsJson: String) =
        vaults.use(handle) { it.update(table, id, fieldsJson) }

    suspend fun delete(handle: Double, table: String, id: String) = vaults.use(handle) { it.delete(table, id) }

    suspend fun batch(handle: Double, operationsJson: String): List<String> =
        vaults.use(handle) { it.batch(operationsJson) }

    fun findNow(handle: Double, table: String, id: String): String = tagged {
        val opened = vaults.require(handle)
        Tagged.answer(DirectCalls.find(opened.handle, table.utf8(), id.utf8()))
    }

    suspend fun find(handle: Double, table: String, id: String): String? = vaults.use(handle) { it.get(table, id) }

    suspend fun query(handle: Double, table: String, queryJson: String): String =
        vaults.use(handle) { it.query(table, queryJson) }

    suspend fun count(handle: Double, table: String, queryJson: String): Long =
        vaults.use(handle) { it.count(table, queryJson) }.toLong()
}
