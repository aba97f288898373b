package amana.core

import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Key stores by kind, and the self-test that an app runs on its own device. */
class KeyStoreTest {
    private fun withDirectory(test: suspend (File) -> Unit) = runBlocking {
        val directory = Files.createTempDirectory("amana-keys").toFile()
        try {
            test(directory)
        } finally {
            directory.deleteRecursively()
        }
    }

    private fun secrets(directory: File) = directory.list().orEmpty().filter { it.startsWith("amana.") }

    @Test
    fun selfTestReportsEachStepAndLeavesNothing() = withDirectory { directory ->
        val report = runKeyStoreSelfTest(KeyStoreKind.HostFile(directory.path))
        assertTrue(report.passed, "$report")
        assertEquals(KeyStoreLevel.UNPROTECTED, report.level)
        assertTrue(report.steps.size >= 14)
        report.steps.forEach { step ->
            assertTrue(step.passed, step.name)
            assertNull(step.failure)
        }
        assertEquals("nothing is left behind", report.steps.last().name)
        assertEquals(emptyList(), secrets(directory))
    }

    @Test
    fun selfTestLeavesTheVaultsSecretAlone() = withDirectory { directory ->
        val keys = File(directory, "keys")
        val config = Tablet.config(directory)
        val vault = openVault(config)
        val id = vault.insert("patients", """{"given_name":"Amal"}""")
        val before = secrets(keys)
        assertTrue(runKeyStoreSelfTest(KeyStoreKind.HostFile(keys.path)).passed)
        assertEquals(before, secrets(keys))
        vault.lock()
        vault.unlock()
        assertTrue(vault.get("patients", id).orEmpty().contains("Amal"))
        vault.shutdown()
        vault.close()
    }

    @Test
    fun aStoreThatCannotWriteFailsTheTestAndSaysAtWhichStep() = withDirectory { directory ->
        // where the store would keep its lock there is a folder
        assertTrue(File(directory, "lock").mkdir())
        val report = runKeyStoreSelfTest(KeyStoreKind.HostFile(directory.path))
        assertFalse(report.passed)
        assertNull(report.level)
        val create = report.steps.first { it.name == "create makes a secret" }
        assertFalse(create.passed)
        assertEquals("the secure hardware failed", create.failure)
    }

    @Test
    fun aPhonesKeyStoreIsNotClaimedOnAHost() = runBlocking {
        val phone = KeyStoreKind.Platform(KeyStoreOptions(strict = true))
        val config = VaultConfig(directory = "/nonexistent", keyStore = phone)
        assertEquals(ErrorCode.UNSUPPORTED, code { openVault(config) })
        assertEquals(ErrorCode.UNSUPPORTED, code { runKeyStoreSelfTest(KeyStoreKind.Platform(KeyStoreOptions())) })
    }
}
