package com.amana

import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import org.json.JSONObject
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Values and records through the module: promises, calls that answer at once, and events. */
class DataTest {
    private val space = "stored:app"

    @Test
    fun valuesAreTextOrBytes() = Phone().use { phone ->
        val handle = phone.open()
        assertEquals("-", phone.module.kvGetSync(handle, space, "k"))
        assertNull(phone.call { kvGet(handle, space, "k", it) })
        phone.call { kvSet(handle, space, "k", "tسلمى 👶", null, it) }
        assertEquals("tسلمى 👶", phone.module.kvGetSync(handle, space, "k"))
        phone.call { kvSet(handle, space, "b", "bAP8=", 60_000.0, it) }
        assertEquals("bAP8=", phone.module.kvGetSync(handle, space, "b"))
        assertEquals("bAP8=", phone.call { kvGet(handle, space, "b", it) })
        val keys = JavaOnlyArray.of("k", "none")
        assertEquals("j[\"tسلمى 👶\",null]", phone.module.kvMultiGetSync(handle, space, keys))
        val page = phone.call { kvKeys(handle, space, "", null, 1.0, it) } as ReadableMap
        assertEquals("b", page.getString("next"))
        assertEquals("b", page.getArray("keys")?.getString(0))
        assertEquals("j{\"keys\":[\"k\"],\"next\":null}", phone.module.kvKeysSync(handle, space, "", "b", 9.0))
        assertEquals(false, phone.call { kvCompareAndSet(handle, space, "k", "tx", "ty", null, it) })
        assertEquals(2.0, phone.call { kvMultiRemove(handle, space, JavaOnlyArray.of("k", "b", "c"), it) })
    }

    @Test
    fun whatIsCalledInTurnArrivesInTurn() = Phone().use { phone ->
        val handle = phone.open()
        val calls = List(200) { i -> phone.start { kvSet(handle, space, "k", "t$i", null, it) } }
        calls.forEach { it.get() }
        assertEquals("t199", phone.module.kvGetSync(handle, space, "k"))
    }

    @Test
    fun recordsAreFoundCountedAndTold() = Phone().use { phone ->
        val handle = phone.open()
        val id = phone.call { createRecord(handle, "patients", "{\"given_name\":\"Amal\"}", it) } as String
        val change = phone.event("onChange")
        assertEquals(handle, change.getDouble("handle"))
        assertEquals(false, change.getBoolean("fromPeer"))
        assertEquals("patients", change.getArray("tables")?.getMap(0)?.getString("table"))
        val found = phone.module.findRecordSync(handle, "patients", id)
        assertEquals("Amal", JSONObject(found.removePrefix("j")).getString("given_name"))
        assertEquals(found.removePrefix("j"), phone.call { findRecord(handle, "patients", id, it) })
        phone.call { updateRecord(handle, "patients", id, "{\"given_name\":\"Basma\"}", it) }
        assertEquals(1.0, phone.call { countRecords(handle, "patients", "{}", it) })
        assertTrue((phone.call { queryRecords(handle, "patients", "{}", it) } as String).contains("Basma"))
        val operations = "[{\"op\":\"insert\",\"table\":\"patients\",\"fields\":{}}]"
        assertEquals(1, (phone.call { batchRecords(handle, operations, it) } as ReadableArray).size())
        phone.call { deleteRecord(handle, "patients", id, it) }
        assertEquals("-", phone.module.findRecordSync(handle, "patients", id))
        phone.call { kvSet(handle, space, "k", "tv", null, it) }
        val kv = phone.event("onKvChange")
        assertEquals(space, kv.getString("space"))
        assertEquals("k", kv.getArray("keys")?.getString(0))
    }

    @Test
    fun aHandleReachesItsOwnVaultAlone() = Phone().use { phone ->
        val one = phone.open("one")
        val two = phone.open("two")
        val id = phone.call { createRecord(one, "patients", "{\"given_name\":\"Amal\"}", it) } as String
        phone.call { kvSet(one, space, "k", "tv", null, it) }
        assertEquals("-", phone.module.findRecordSync(two, "patients", id))
        assertEquals("-", phone.module.kvGetSync(two, space, "k"))
        assertEquals("not_found", phone.refused { updateRecord(two, "patients", id, "{\"surname\":\"x\"}", it) })
    }
}
