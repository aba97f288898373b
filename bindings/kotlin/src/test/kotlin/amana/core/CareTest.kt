package amana.core

import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Diagnosis and salvage from coroutines. */
class CareTest {
    @Test
    fun aVaultWithoutItsFilesIsLockedAndRefusesUntilTheyAreBack() = runBlocking {
        val tablet = Tablet.make()
        val vault = tablet.vault
        vault.insert("patients", """{"given_name":"Amal"}""")
        vault.protectedDataGone()
        assertEquals(VaultState.LOCKED, vault.state())
        assertEquals(ErrorCode.LOCKED, code { vault.count("patients", "{}") })
        assertEquals(ErrorCode.KEY_TEMPORARILY_UNAVAILABLE, code { vault.unlock() })
        assertEquals(ErrorCode.KEY_TEMPORARILY_UNAVAILABLE, code { vault.glance() })
        vault.protectedDataBack()
        vault.unlock()
        assertEquals(1uL, vault.count("patients", "{}"))
        vault.rest()
        assertEquals(1uL, vault.glance().unsynced)
        vault.insert("patients", "{}")
        vault.wake()
        tablet.end()
    }

    @Test
    fun salvageTakesEveryWayToOpen() = runBlocking {
        val tablet = Tablet.make()
        val vault = tablet.vault
        val slot = "0".repeat(32)
        assertEquals(
            ErrorCode.INVALID_INPUT,
            code { vault.salvageWithPresence(slot, PresenceOutcome.Denied) },
            "an unlocked vault is not salvaged",
        )
        vault.lock()
        assertEquals(ErrorCode.NOT_FOUND, code { vault.salvageWithRecovery(byteArrayOf(1)) })
        assertEquals(
            ErrorCode.NOT_FOUND,
            code { vault.salvageWithPresence(slot, PresenceOutcome.Derived(ByteArray(32))) },
        )
        tablet.end()
    }

    @Test
    fun aDiagnosisTellsStatesAndNobodysName() = runBlocking {
        val tablet = Tablet.make()
        tablet.vault.insert("patients", """{"given_name":"CanaryPatient"}""")
        val open = tablet.vault.diagnose()
        assertContains(open, "\"journal_mode\":\"wal\"")
        assertContains(open, "\"kind\":\"device\"")
        tablet.vault.lock()
        val locked = tablet.vault.diagnose()
        assertContains(locked, "\"open\":null")
        assertContains(locked, "\"database\":\"encrypted\"")
        val text = diagnoseDirectory(File(tablet.directory, "vault").path)
        assertContains(text, "\"state\":\"active\"")
        for (told in listOf(open, locked, text)) {
            assertFalse(told.contains("Canary"))
            assertFalse(told.contains(tablet.directory.path))
        }
        tablet.end()
    }

    @Test
    fun nothingIsThereToTellOfAnEmptyDirectory() = runBlocking {
        val empty = Files.createTempDirectory("amana-none").toFile()
        assertContains(diagnoseDirectory(empty.path), "\"database\":\"missing\"")
        empty.deleteRecursively()
        Unit
    }

    @Test
    fun aDamagedDatabaseIsSalvaged() = runBlocking {
        val tablet = Tablet.make()
        tablet.vault.insert("patients", """{"given_name":"Amal"}""")
        tablet.vault.lock()
        val database = File(tablet.directory, "vault/database")
        val bytes = database.readBytes()
        bytes[1000] = (bytes[1000].toInt() xor 1).toByte()
        database.writeBytes(bytes)
        try {
            tablet.vault.unlock()
            error("a damaged database opened")
        } catch (failure: AmanaException.Failure) {
            assertEquals(ErrorCode.DATABASE_DAMAGED, failure.code)
        }
        val report = tablet.vault.salvage()
        assertFalse(report.complete)
        assertTrue(report.fullPullDue)
        assertTrue(File(report.copyDirectory, "database").readBytes().contentEquals(bytes))
        tablet.vault.unlock()
        assertEquals(0uL, tablet.vault.count("patients", "{}"))
        tablet.end()
    }
}
