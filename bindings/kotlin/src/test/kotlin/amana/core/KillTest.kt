package amana.core

import kotlinx.coroutines.runBlocking
import java.nio.file.Files
import kotlin.test.Test
import kotlin.test.assertEquals

/** A process that is killed while it syncs. */
class KillTest {
    private val sigkill = 128 + 9

    @Test
    fun aProcessThatIsKilledInAnyPhaseLosesNothing() = runBlocking {
        val directory = Files.createTempDirectory("amana-doomed").toFile()
        Clinic().use { clinic ->
            val phases = listOf("pulling", "applying", "pushing")
            for (phase in phases) {
                Doomed(directory, clinic, phase).use { doomed ->
                    assertEquals(phase, doomed.said())
                    assertEquals(sigkill, doomed.kill())
                }
            }
            val vault = openVault(Tablet.config(directory))
            assertEquals(phases.size.toULong(), vault.count("patients", "{}"))
            assertEquals(phases.size.toULong(), vault.status().pending)
            assertEquals(phases.size.toULong(), vault.sync(null, null, false).pushed)
            assertEquals(0uL, vault.status().pending)

            // Each has arrived, and once.
            val other = Tablet.make()
            other.signIn(clinic, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
            other.sync()
            assertEquals(phases.size.toULong(), other.vault.count("patients", "{}"))
            vault.sync(null, null, false)
            val own = vault.digest().filter { it.table != Tablet.OWN }
            assertEquals(own, other.digest())
            other.end()
            vault.shutdown()
            vault.close()
        }
        directory.deleteRecursively()
        Unit
    }
}
