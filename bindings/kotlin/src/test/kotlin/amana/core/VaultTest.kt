package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.nio.file.Files
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** The vault's calls from coroutines: errors, callbacks, many at once. */
class VaultTest {
    @Test
    fun errorsAreTypedAndNameThePlaceButNoValue() = Tablet.withOne { tablet ->
        val wrongType =
            failure { tablet.vault.insert("patients", """{"sex":"CanaryValue-longer-than-24-characters"}""") }
        assertEquals(ErrorCode.INVALID_INPUT, wrongType.code)
        assertEquals("patients.sex", wrongType.at)
        assertFalse(wrongType.toString().contains("Canary"))
        assertEquals(ErrorCode.FORBIDDEN_TABLE, failure { tablet.vault.insert("users", "{}") }.code)
        assertEquals(ErrorCode.NOT_FOUND, failure { tablet.vault.delete("patients", "nobody") }.code)
        assertEquals(ErrorCode.NOT_SIGNED_IN, failure { tablet.sync() }.code)
        val notHttps = failure { tablet.vault.signIn("http://clinic.example", null, "a@b", "x".toByteArray(), null) }
        assertEquals(ErrorCode.INVALID_INPUT, notHttps.code)
    }

    @Test
    fun lockedMeansLockedAndEverythingIsThereAfterUnlocking() = Tablet.withOne { tablet ->
        val id = tablet.vault.insert("patients", """{"given_name":"Amal"}""")
        tablet.vault.lock()
        assertEquals(VaultState.LOCKED, tablet.vault.state())
        assertEquals(ErrorCode.LOCKED, failure { tablet.vault.get("patients", id) }.code)
        tablet.vault.unlock()
        assertContains(assertNotNull(tablet.vault.get("patients", id)), "Amal")
    }

    @Test
    fun aVaultThatNobodyUsesLocksItself() = runBlocking {
        val directory = Files.createTempDirectory("amana-idle").toFile()
        val config = Tablet.config(directory).copy(idleLockMs = 20uL)
        val vault = openVault(config)
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (vault.state() != VaultState.LOCKED && System.nanoTime() < end) Thread.onSpinWait()
        assertEquals(ErrorCode.LOCKED, failure { vault.count("patients", "{}") }.code)
        vault.unlock()
        vault.shutdown()
        vault.close()
        directory.deleteRecursively()
        Unit
    }

    @Test
    fun aSecondOpenIsTheSameVault() = Tablet.withOne { tablet ->
        val id = tablet.vault.insert("patients", """{"given_name":"Amal"}""")
        val again = openVault(Tablet.config(tablet.directory))
        assertNotNull(again.get("patients", id))
        again.close()
    }

    @Test
    fun syncReportsProgressAndCanBeCancelled() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val phases = CopyOnWriteArrayList<String>()
            val listener =
                object : SyncListener {
                    override fun progress(progress: SyncProgress) {
                        phases.add(progress.phase)
                    }
                }
            tablet.vault.sync(listener, null, false)
            assertTrue(phases.containsAll(listOf("pulling", "applying", "finished")), "$phases")

            val cancelled = CancelHandle()
            cancelled.cancel()
            assertEquals(ErrorCode.CANCELLED, failure { tablet.vault.sync(null, cancelled, false) }.code)
            cancelled.close()

            tablet.vault.insert("patients", """{"given_name":"Amal"}""")
            for (phase in listOf("pulling", "pushing")) {
                CancelHandle().use { cancel ->
                    val heard = Heard(phase, cancel)
                    assertEquals(ErrorCode.CANCELLED, failure { tablet.vault.sync(heard, cancel, false) }.code)
                    assertEquals(phase, heard.phases.last())
                }
            }
            assertEquals(1uL, tablet.vault.sync(null, null, false).pushed)

            val wrong = failure { tablet.signIn(clinic, Tablet.NOOR, "wrong") }
            assertEquals(ErrorCode.UNAUTHORIZED, wrong.code)
            tablet.vault.signOut()
            assertEquals(ErrorCode.NOT_SIGNED_IN, failure { tablet.sync() }.code)
        }
    }

    @Test
    fun aListenerThatWouldWaitForItsSyncHearsThatItIsBusy() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val heard = CopyOnWriteArrayList<ErrorCode>()
            val listener =
                object : SyncListener {
                    override fun progress(progress: SyncProgress) {
                        heard += runBlocking { code { tablet.vault.lock() } }
                        heard += runBlocking { code { tablet.vault.shutdown() } }
                        heard += runBlocking { code { tablet.vault.signOut() } }
                        heard += runBlocking { code { tablet.vault.sync(null, null, false) } }
                    }
                }
            tablet.vault.sync(listener, null, false)
            assertEquals(setOf(ErrorCode.BUSY), heard.toSet())
            assertEquals(VaultState.UNLOCKED, tablet.vault.state())
            tablet.vault.lock()
        }
    }

    @Test
    fun twoHundredCallsAtOnce() = Tablet.withOne { tablet ->
        val ids =
            withContext(Dispatchers.Default) {
                (1..200).map { n ->
                    async {
                        val id = tablet.vault.insert("patients", """{"given_name":"P$n"}""")
                        assertContains(assertNotNull(tablet.vault.get("patients", id)), "\"P$n\"")
                        id
                    }
                }.awaitAll()
            }
        assertEquals(200, ids.toSet().size)
        assertEquals(200uL, tablet.vault.count("patients", "{}"))
        val page = tablet.vault.query("patients", """{"limit":150}""")
        assertContains(page, "\"next_offset\":150")
    }
}
