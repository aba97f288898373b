package com.amana

import amana.core.KvEntry
import org.json.JSONArray
import org.json.JSONException

/** The key–value store. Reads that answer at once go straight into the library. */
internal class KeyValues(private val vaults: Vaults) {
    fun getNow(handle: Double, space: String, key: String): String = tagged {
        val opened = vaults.require(handle)
        Tagged.answer(DirectCalls.kvGet(opened.handle, space.utf8(), key.utf8()))
    }

    fun multiGetNow(handle: Double, space: String, keys: List<String>): String = tagged {
        val values = vaults.use(handle) { it.kvMultiGet(Tagged.namespace(space), keys) }
        "j" + JSONArray(values.map { it?.let(Tagged::text) })
    }

    fun keysNow(handle: Double, space: String, prefix: String, after: String?, limit: Double): String = tagged {
        val page = vaults.use(handle) { it.kvKeys(Tagged.namespace(space), prefix, after, pageSize(limit)) }
        "j" + org.json.JSONObject()
            .put("keys", JSONArray(page.keys))
            .put("next", page.next ?: org.json.JSONObject.NULL)
    }

    suspend fun get(handle: Double, space: String, key: String): String? =
        vaults.use(handle) { it.kvGetAsync(Tagged.namespace(space), key) }?.let(Tagged::text)

    suspend fun multiGet(handle: Double, space: String, keys: List<String>): List<String?> =
        vaults.use(handle) { it.kvMultiGetAsync(Tagged.namespace(space), keys) }.map { it?.let(Tagged::text) }

    suspend fun keys(handle: Double, space: String, prefix: String, after: String?, limit: Double): Map<String, Any?> =
        Told.keys(vaults.use(handle) { it.kvKeysAsync(Tagged.namespace(space), prefix, after, pageSize(limit)) })

    suspend fun set(handle: Double, space: String, key: String, value: String, expiresInMs: Double?) =
        vaults.use(handle) { it.kvSet(Tagged.namespace(space), key, Tagged.value(value), expiry(expiresInMs)) }

    suspend fun multiSet(handle: Double, space: String, entriesJson: String) =
        vaults.use(handle) { it.kvMultiSet(Tagged.namespace(space), entries(entriesJson)) }

    suspend fun remove(handle: Double, space: String, key: String): Boolean =
        vaults.use(handle) { it.kvRemove(Tagged.namespace(space), key) }

    suspend fun multiRemove(handle: Double, space: String, keys: List<String>): Long =
        vaults.use(handle) { it.kvMultiRemove(Tagged.namespace(space), keys) }.toLong()

    suspend fun clear(handle: Double, space: String): Long =
        vaults.use(handle) { it.kvClear(Tagged.namespace(space)) }.toLong()

    suspend fun compareAndSet(
        handle: Double,
        space: String,
        key: String,
        expected: String?,
        next: String?,
        expiresInMs: Double?,
    ): Boolean = vaults.use(handle) {
        it.kvCompareAndSet(
            Tagged.namespace(space),
            key,
            expected?.let(Tagged::value),
            next?.let(Tagged::value),
            expiry(expiresInMs),
        )
    }

    private fun expiry(expiresInMs: Double?): ULong? = expiresInMs?.let {
        if (it <= 0) throw Failure.invalid("a value expires after more than 0 milliseconds")
        count(it, "the time to expiry")
    }

    private fun pageSize(limit: Double): UInt {
        if (limit != Math.rint(limit) || limit < 1 || limit > 1000) throw Failure.invalid("a page has 1 to 1000 keys")
        return limit.toInt().toUInt()
    }

    private fun entries(json: String): List<KvEntry> = try {
        val entries = JSONArray(json)
        List(entries.length()) { i ->
            val entry = entries.getJSONObject(i)
            val expiry = if (entry.isNull("expiresInMs")) null else entry.getDouble("expiresInMs")
            KvEntry(entry.getString("key"), Tagged.value(entry.getString("value")), expiry(expiry))
        }
    } catch (_: JSONException) {
        throw Failure.invalid("a list of entries is expected")
    }
}

/** A lone surrogate has no UTF-8: [java.nio.charset.CharacterCodingException] instead of a replacement. */
internal fun String.utf8(): ByteArray = encodeToByteArray(throwOnInvalidSequence = true)

/** For calls that answer at once: whatever goes wrong is an answer, too. */
internal inline fun tagged(answer: () -> String): String = try {
    answer()
} catch (cause: Throwable) {
    Failure.of(cause).tagged()
}
