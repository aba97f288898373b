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
