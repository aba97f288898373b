package com.amana

/** Records. They cross as JSON text, which the core checks. */
internal class Records(private val vaults: Vaults) {
    private fun vault(handle: Double) = vaults.require(handle).vault

    suspend fun create(handle: Double, table: String, fieldsJson: String): String =
        vault(handle).insert(table, fieldsJson)

    suspend fun update(handle: Double, table: String, id: String, fieldsJson: String) =
        vault(handle).update(table, id, fieldsJson)

    suspend fun delete(handle: Double, table: String, id: String) = vault(handle).delete(table, id)

    suspend fun batch(handle: Double, operationsJson: String): List<String> = vault(handle).batch(operationsJson)

    fun findNow(handle: Double, table: String, id: String): String = tagged {
        val opened = vaults.require(handle)
        Tagged.answer(DirectCalls.find(opened.handle, table.utf8(), id.utf8()))
    }

    suspend fun find(handle: Double, table: String, id: String): String? = vault(handle).get(table, id)

    suspend fun query(handle: Double, table: String, queryJson: String): String =
        vault(handle).query(table, queryJson)

    suspend fun count(handle: Double, table: String, queryJson: String): Long =
        vault(handle).count(table, queryJson).toLong()
}
