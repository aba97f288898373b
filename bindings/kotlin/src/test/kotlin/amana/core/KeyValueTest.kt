package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** The key-value store: reads at once, writes from coroutines. */
class KeyValueTest {
    private val settings = KvNamespace.Stored("settings")
    private val form = KvNamespace.Session("form")

    private fun withVault(test: suspend (Vault) -> Unit) = runBlocking {
        val tablet = Tablet.make()
        try {
            test(tablet.vault)
        } finally {
            tablet.end()
        }
    }

    @Test
    fun whatWasSetIsReadAtOnceAndKeepsItsType() = withVault { vault ->
        for (space in listOf(settings, form)) {
            vault.kvSet(space, "text", KvValue.Text("a\u0000🩺"))
            vault.kvSet(space, "bytes", KvValue.Bytes(byteArrayOf(0, -1)))
            assertEquals("a\u0000🩺", vault.kvGetText(space, "text"))
            assertContentEquals(byteArrayOf(0, -1), vault.kvGetBytes(space, "bytes"))
            assertEquals(KvValue.Text("a\u0000🩺"), vault.kvGet(space, "text"))
            assertEquals(KvValue.Text("a\u0000🩺"), vault.kvGetAsync(space, "text"))
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvGetText(space, "bytes") })
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvGetBytes(space, "text") })
            assertNull(vault.kvGet(space, "missing"))
            assertTrue(vault.kvRemove(space, "text"))
            assertFalse(vault.kvRemove(space, "text"))
            assertNull(vault.kvGetText(space, "text"))
        }
    }

    @Test
    fun severalAtOnceAndPagesOfKeys() = withVault { vault ->
        for (space in listOf(settings, form)) {
            vault.kvMultiSet(space, (1..5).map { KvEntry("k/$it", KvValue.Text("$it")) })
            val wanted = listOf(KvValue.Text("2"), null, KvValue.Text("1"))
            assertEquals(wanted, vault.kvMultiGet(space, listOf("k/2", "other", "k/1")))
            assertEquals(wanted, vault.kvMultiGetAsync(space, listOf("k/2", "other", "k/1")))
            val first = vault.kvKeys(space, "k/", null, 3u)
            assertEquals(listOf("k/1", "k/2", "k/3"), first.keys)
            val second = vault.kvKeysAsync(space, "k/", first.next, 3u)
            assertEquals(listOf("k/4", "k/5"), second.keys)
            assertNull(second.next)

            val bad = listOf(KvEntry("k/1", KvValue.Text("CanaryValue")), KvEntry("", KvValue.Text("")))
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvMultiSet(space, bad) })
            assertEquals("1", vault.kvGetText(space, "k/1"))
            assertEquals(5uL, vault.kvClear(space))
        }
    }

    @Test
    fun limitsAreTyped() = withVault { vault ->
        val value = KvValue.Text("CanaryValue")
        for (key in listOf("", "Canary\u0000", "Canary".repeat(2_000_000))) {
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvGet(settings, key) })
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvSet(settings, key, value) })
            val space = KvNamespace.Stored(key)
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvSet(space, "k", value) })
        }
        assertEquals(ErrorCode.INVALID_INPUT, code { vault.kvSet(settings, "k", value, 0uL) })
        val large = KvValue.Bytes(ByteArray((16 shl 20) + 1))
        assertEquals(ErrorCode.VALUE_TOO_LARGE, code { vault.kvSet(settings, "k", large) })
        assertNull(vault.kvGet(settings, "k"))
    }

    @Test
    fun compareAndSetLosesNoStep() = withVault { vault ->
        assertTrue(vault.kvCompareAndSet(settings, "n", null, KvValue.Text("0")))
        assertFalse(vault.kvCompareAndSet(settings, "n", null, KvValue.Text("7")))
        withContext(Dispatchers.Default) {
            (1..20).map {
                async {
                    do {
                        val old = assertNotNull(vault.kvGetText(settings, "n"))
                        val new = KvValue.Text("${old.toInt() + 1}")
                    } while (!vault.kvCompareAndSet(settings, "n", KvValue.Text(old), new))
                }
            }.awaitAll()
        }
        assertEquals("20", vault.kvGetText(settings, "n"))
        assertTrue(vault.kvCompareAndSet(settings, "n", KvValue.Text("20"), null))
        assertNull(vault.kvGet(settings, "n"))
    }

    @Test
    fun anExpiredValueIsMissing() = withVault { vault ->
        vault.kvSet(settings, "token", KvValue.Text("t"), 3_600_000uL)
        assertEquals("t", vault.kvGetText(settings, "token"))
        vault.kvSet(settings, "token", KvValue.Text("t"), 1uL)
        // the device's clock is the real one here: it is read until it has moved
        while (vault.kvGet(settings, "token") != null) Thread.onSpinWait()
        assertEquals(emptyList(), vault.kvKeys(settings, "", null, 10u).keys)
    }

    @Test
    fun lockingWipesTheSessionAndKeepsTheRest() = withVault { vault ->
        vault.kvSet(settings, "k", KvValue.Text("kept"))
        vault.kvSet(form, "k", KvValue.Text("lost"))
        vault.lock()
        for (space in listOf(settings, form)) {
            assertEquals(ErrorCode.LOCKED, code { vault.kvGet(space, "k") })
            assertEquals(ErrorCode.LOCKED, code { vault.kvSet(space, "k", KvValue.Text("CanaryValue")) })
        }
        vault.unlock()
        assertEquals("kept", vault.kvGetText(settings, "k"))
        assertNull(vault.kvGet(form, "k"))
    }

    @Test
    fun observersHearOfEachTransactionOnce() = withVault { vault ->
        val heard = LinkedBlockingQueue<KvChange>()
        val observation =
            vault.kvObserve(
                object : KvObserver {
                    override fun changed(change: KvChange) {
                        heard.add(change)
                    }
                },
            )
        suspend fun next() = assertNotNull(withContext(Dispatchers.IO) { heard.poll(30, TimeUnit.SECONDS) })
        for (space in listOf(settings, form)) {
            vault.kvMultiSet(space, listOf(KvEntry("b", KvValue.Text("1")), KvEntry("a", KvValue.Text("1"))))
            assertEquals(KvChange(space, listOf("a", "b")), next())
            vault.kvRemove(space, "missing")
            vault.kvClear(space)
            assertEquals(KvChange(space, null), next())
        }
        observation.stop()
        observation.close()
    }
}
