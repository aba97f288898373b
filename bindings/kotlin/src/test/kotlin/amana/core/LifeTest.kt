package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.io.File
import java.nio.file.Files
import java.security.MessageDigest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A vault's life from coroutines: PINs, presence, recovery, the root key, wipe, quarantine. */
class LifeTest {
    private fun withDirectory(test: suspend (File) -> Unit) = runBlocking {
        val directory = Files.createTempDirectory("amana-life").toFile()
        try {
            test(directory)
        } finally {
            directory.deleteRecursively()
        }
    }

    private fun config(directory: File, name: String) =
        VaultConfig(
            directory = directory.path,
            name = name,
            keyStore = KeyStoreKind.HostFile(File(directory, "keys").path),
        )

    private suspend fun patients(directory: File, recoveryKey: ByteArray? = null): Vault {
        val vault = attachVault(config(directory, "patients"))
        vault.createForPerson("ama", pin("1111"), recoveryKey)
        vault.insert("patients", """{"given_name":"Amal"}""")
        return vault
    }

    private fun pin(text: String) = text.toByteArray()

    private suspend fun count(vault: Vault) = vault.count("patients", "{}")

    private suspend fun end(vault: Vault) {
        vault.shutdown()
        vault.close()
    }

    @Test
    fun aPinOpensAndAWrongOneIsToldCountedAndDelayed() = withDirectory { directory ->
        val vault = patients(directory)
        vault.addPin("kofi", pin("2222"))
        assertTrue(vault.slots().proven)
        vault.lock()
        assertFalse(vault.slots().proven)
        assertEquals(listOf("ama", "kofi"), vault.slots().slots.map { (it.kind as SlotKind.Pin).person })
        assertEquals(ErrorCode.PRESENCE_REQUIRED, code { vault.unlock() })
        assertEquals(ErrorCode.NOT_FOUND, code { vault.unlockWithPin("esi", pin("1111")) })
        for (failures in 1u..5u) {
            assertEquals(ErrorCode.WRONG_PIN, code { vault.unlockWithPin("ama", pin("0000")) })
            assertEquals(failures, assertNotNull(vault.lastRefusal()).failures)
        }
        val delayed = failure { vault.unlockWithPin("ama", pin("1111")) }
        assertEquals(ErrorCode.PIN_DELAYED, delayed.code)
        assertTrue(assertNotNull(delayed.retryAfterMs) in 1uL..30_000uL)
        assertTrue(vault.pinStanding("ama").delayMs in 1uL..30_000uL)
        // One person's delay is not another's.
        vault.unlockWithPin("kofi", pin("2222"))
        assertNull(vault.lastRefusal())
        assertEquals(1uL, count(vault))

        vault.changePin("kofi", pin("2222"), pin("3333"))
        vault.resetPin("ama", pin("4444"))
        vault.lock()
        vault.unlockWithPin("ama", pin("4444"))
        vault.removePin("kofi")
        vault.lock()
        assertEquals(ErrorCode.NOT_FOUND, code { vault.unlockWithPin("kofi", pin("3333")) })
        end(vault)
    }

    @Test
    fun anIdleVaultOfPersonsWantsItsPinAgain() = withDirectory { directory ->
        end(patients(directory))
        val vault = attachVault(config(directory, "patients").copy(idleLockMs = 20uL))
        vault.unlockWithPin("ama", pin("1111"))
        while (vault.state() != VaultState.LOCKED) Thread.onSpinWait()
        assertEquals(ErrorCode.LOCKED, code { count(vault) })
        assertEquals(ErrorCode.PRESENCE_REQUIRED, code { vault.unlock() })
        end(vault)
    }

    @Test
    fun aKeyStoreThatCannotAnswerNowDoesLater() = withDirectory { directory ->
        val vault = openVault(config(directory, "settings"))
        vault.kvSet(KvNamespace.Stored("settings"), "language", KvValue.Text("ar"), null)
        vault.lock()
        val marker = File(directory, "keys/unavailable")
        assertTrue(marker.createNewFile())
        val refused = failure { vault.unlock() }
        assertEquals(ErrorCode.KEY_TEMPORARILY_UNAVAILABLE, refused.code)
        assertTrue(refused.retryable)
        assertTrue(marker.delete())
        vault.unlock()
        val language = vault.kvGet(KvNamespace.Stored("settings"), "language")
        assertEquals(KvValue.Text("ar"), language)
        end(vault)
    }

    @Test
    fun presenceOpensInTwoPhases() = withDirectory { directory ->
        val vault = patients(directory)
        val request = vault.beginAddPresence()
        vault.finishAddPresence(request.slot, derive(request), KeyStoreLevel.TRUSTED_ENVIRONMENT)
        vault.lock()
        val asked = vault.beginPresence().single()
        assertEquals(request.slot, asked.slot)
        assertEquals(
            ErrorCode.PRESENCE_REQUIRED,
            code { vault.unlockWithPresence(asked.slot, PresenceOutcome.Denied) },
        )
        vault.unlockWithPresence(asked.slot, PresenceOutcome.Derived(derive(asked)))
        assertEquals(1uL, count(vault))
        vault.removeSlot(asked.slot)
        assertEquals(1, vault.slots().slots.size)
        end(vault)
    }

    /** Stands in for the platform's key store, which derives only after it has seen the person. */
    private fun derive(request: PresenceRequest): ByteArray {
        val hash = MessageDigest.getInstance("SHA-256")
        hash.update("a secret that needs presence ${request.alias}".toByteArray())
        return hash.digest(request.input)
    }

    @Test
    fun theRootKeyIsChangedUnderAnOpenVault() = withDirectory { directory ->
        val vault = patients(directory)
        vault.addPin("kofi", pin("2222"))
        vault.removePin("kofi")
        assertTrue(vault.slots().rotationDue)
        vault.rotate()
        assertFalse(vault.slots().rotationDue)
        assertEquals(1uL, count(vault))
        vault.lock()
        vault.unlockWithPin("ama", pin("1111"))
        assertEquals(1uL, count(vault))
        end(vault)
    }

    @Test
    fun afterAWipeNothingOpens() = withDirectory { directory ->
        val settings = openVault(config(directory, "settings"))
        val vault = patients(directory)
        vault.lock()
        vault.wipe()
        assertEquals(VaultState.CLOSED, vault.state())
        assertEquals(ErrorCode.CLOSED, code { vault.unlockWithPin("ama", pin("1111")) })
        val again = attachVault(config(directory, "patients"))
        assertEquals(VaultPresence.NOTHING, again.glance().presence)
        assertEquals(ErrorCode.NOT_FOUND, code { again.unlockWithPin("ama", pin("1111")) })
        // Another vault of the app knows nothing of it.
        assertEquals(0uL, count(settings))
        end(again)
        end(settings)
    }

    @Test
    fun aVaultWhoseKeyIsLostIsPutAsideOnlyWhenTheLossIsAcknowledged() = withDirectory { directory ->
        val vault = openVault(config(directory, "settings"))
        vault.insert("patients", """{"given_name":"Amal"}""")
        vault.lock()
        val keys = File(directory, "keys")
        val secrets = keys.listFiles().orEmpty().filter { it.name.startsWith("amana.") }
        secrets.forEach { assertTrue(it.delete()) }
        assertEquals(ErrorCode.KEY_LOST, code { vault.unlock() })
        val report = assertNotNull(vault.lastRefusal())
        assertEquals(KeyLostReason.ABSENT, report.keyLost)
        assertEquals(1uL, report.unsynced)
        assertEquals(listOf(Remedy.TRY_LATER, Remedy.QUARANTINE), report.remedies)
        assertEquals(ErrorCode.INVALID_INPUT, code { vault.quarantine(0uL) })
        val aside = vault.quarantine(report.unsynced)
        assertTrue(File(aside.directory).isDirectory)
        assertEquals(listOf(aside), vault.quarantined())
        val fresh = openVault(config(directory, "settings"))
        assertEquals(0uL, count(fresh))
        end(fresh)
        vault.close()
    }

    @Test
    fun theOrganisationOpensWhatALostKeyCannot() = withDirectory { directory ->
        val organisation = Organisation(directory)
        val vault = patients(directory, organisation.publicKey())
        vault.lock()
        File(directory, "keys").listFiles().orEmpty().forEach { it.delete() }
        assertEquals(ErrorCode.KEY_LOST, code { vault.unlockWithPin("ama", pin("1111")) })
        assertTrue(Remedy.RECOVERY in assertNotNull(vault.lastRefusal()).remedies)
        val request = vault.makeRecoveryRequest()
        val answer = organisation.answer(request)
        assertEquals(ErrorCode.INVALID_INPUT, code { vault.unlockWithRecovery(answer.copyOf(9)) })
        vault.unlockWithRecovery(answer)
        assertEquals(1uL, count(vault))
        vault.resetPin("ama", pin("2222"))
        vault.lock()
        vault.unlockWithPin("ama", pin("2222"))
        assertEquals(1uL, count(vault))
        end(vault)
    }

    @Test
    fun whatCannotBeAPersonAPinOrASlotIsRefused() = withDirectory { directory ->
        val vault = patients(directory)
        for (person in listOf("", "a\u0000b", "x".repeat(10_000_000))) {
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.addPin(person, pin("1111")) })
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.unlockWithPin(person, pin("1111")) })
        }
        for (bad in listOf(ByteArray(0), ByteArray(3), ByteArray(10_000_000))) {
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.addPin("kofi", bad) })
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.unlockWithRecovery(bad) }.orInvalid())
        }
        for (slot in listOf("", "zz", "\u0000".repeat(32), "é".repeat(16))) {
            assertEquals(ErrorCode.INVALID_INPUT, code { vault.removeSlot(slot) })
        }
        for (name in listOf("", "../x", "A", "a\u0000")) {
            assertEquals(ErrorCode.INVALID_INPUT, code { attachVault(config(directory, name)) })
        }
        val short = code { attachVault(config(directory, "other")).createForDevice(ByteArray(31)) }
        assertEquals(ErrorCode.INVALID_INPUT, short)
        end(vault)
    }

    /** Without a request, no answer is looked at. */
    private fun ErrorCode.orInvalid() = if (this == ErrorCode.NOT_FOUND) ErrorCode.INVALID_INPUT else this

    @Test
    fun manyCallsWhileTheVaultLocksAndChangesItsKey() = withDirectory { directory ->
        val vault = openVault(config(directory, "settings"))
        val expected = setOf(ErrorCode.LOCKED, ErrorCode.BUSY)
        withContext(Dispatchers.Default) {
            (1..100).map { n ->
                async {
                    try {
                        when (n % 10) {
                            0 -> vault.lock()
                            1 -> vault.rotate()
                            else -> vault.insert("patients", """{"given_name":"P$n"}""")
                        }
                        vault.unlock()
                    } catch (failure: AmanaException.Failure) {
                        assertTrue(failure.code in expected, "$failure")
                    }
                }
            }.awaitAll()
        }
        vault.unlock()
        count(vault)
        end(vault)
    }
}
