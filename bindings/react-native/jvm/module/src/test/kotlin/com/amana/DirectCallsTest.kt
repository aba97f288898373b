package com.amana

import amana.core.KvNamespace
import amana.core.KvValue
import org.json.JSONObject
import kotlin.test.Test
import kotlin.test.assertEquals

/** The look-ups by JNI, without the module around them. Runs by itself, under `-Xcheck:jni`. */
class DirectCallsTest {
    private fun code(answer: ByteArray): String {
        assertEquals('!'.code.toByte(), answer[0])
        return JSONObject(String(answer, 1, answer.size - 1, Charsets.UTF_8)).getString("code")
    }

    @Test
    fun answersAreTagged() = withVault { vault, handle ->
        val app = KvNamespace.Stored("app")
        val space = "stored:app".utf8()
        vault.kvSet(app, "text", KvValue.Text("سلمى"))
        vault.kvSet(app, "bytes", KvValue.Bytes(byteArrayOf(0, -1)))
        assertEquals("tسلمى", String(DirectCalls.kvGet(handle, space, "text".utf8()), Charsets.UTF_8))
        assertEquals(listOf<Byte>(98, 0, -1), DirectCalls.kvGet(handle, space, "bytes".utf8()).toList())
        assertEquals("-", String(DirectCalls.kvGet(handle, space, "none".utf8())))
        val id = vault.insert("patients", """{"given_name":"Amal"}""")
        val found = String(DirectCalls.find(handle, "patients".utf8(), id.utf8()), Charsets.UTF_8)
        assertEquals("j" + vault.getNow("patients", id), found)
        assertEquals(1, DirectCalls.state(handle))
        vault.lock()
        assertEquals(0, DirectCalls.state(handle))
        assertEquals("locked", code(DirectCalls.find(handle, "patients".utf8(), id.utf8())))
    }

    @Test
    fun whatIsNoInputIsRefused() = withVault { _, handle ->
        val space = "stored:app".utf8()
        val noText = byteArrayOf(-1, -2)
        assertEquals("invalid_input", code(DirectCalls.kvGet(handle, noText, noText)))
        assertEquals("invalid_input", code(DirectCalls.kvGet(handle, space, noText)))
        assertEquals("invalid_input", code(DirectCalls.kvGet(handle, "else:app".utf8(), space)))
        assertEquals("invalid_input", code(DirectCalls.find(handle, noText, space)))
        assertEquals("closed", code(DirectCalls.kvGet(Long.MAX_VALUE, space, space)))
        assertEquals("closed", code(DirectCalls.find(-1, space, space)))
        assertEquals(2, DirectCalls.state(0))
        // what Kotlin's types forbid, and Java would let through
        val bytes = ByteArray::class.java
        val kvGet = DirectCalls::class.java.getMethod("kvGet", Long::class.java, bytes, bytes)
        assertEquals("invalid_input", code(kvGet.invoke(null, handle, null, space) as ByteArray))
    }
}
