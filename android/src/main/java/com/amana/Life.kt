package com.amana

import amana.core.KeyStoreOptions
import amana.core.OpenRequest
import amana.core.PresenceOutcome
import amana.core.VaultConfig
import amana.core.VaultPresence
import amana.core.attachVault
import amana.core.readKeyStoreOptions
import amana.core.readOpenRequest
import amana.core.runKeyStoreSelfTest
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

/** A vault's life: opened, locked, its slots, its root key, put aside, wiped. */
internal class Life(
    private val platform: Platform,
    private val vaults: Vaults,
    private val events: Events,
) {
    // Two screens may open one vault at the same time: only one of them makes it.
    private val opening = Mutex()

    suspend fun attach(configJson: String): Map<String, Any?> {
        platform.loadLibrary()
        val request = readOpenRequest(configJson)
        val opened = vaults.add {
            val vault = attachVault(config(request))
            OpenVault(request, vault, vault.directHandle()).also { it.watch(events) }
        }
        return mapOf("handle" to opened.handle, "state" to Told.state(opened.use { it.state() }))
    }

    private fun config(request: OpenRequest) = VaultConfig(
        directory = platform.vaults.path,
        name = request.name,
        schemaJson = request.schemaJson,
        keyStore = platform.keyStore(request.keyStore),
        idleLockMs = request.idleLockMs,
        dropPinAfter = request.dropPinAfter,
        sync = request.sync,
    )

    suspend fun close(handle: Double) = vaults.remove(handle)

    /** Answers at once. */
    fun state(handle: Double): String {
        val opened = vaults.find(handle) ?: return "closed"
        return when (DirectCalls.state(opened.handle)) {
            0 -> "locked"
            1 -> "unlocked"
            else -> "closed"
        }
    }

    suspend fun glance(handle: Double): Map<String, Any?> = Told.glance(vaults.use(handle) { it.glance() })

    suspend fun openForDevice(handle: Double, recoveryKey: String?): Boolean = opening.withLock {
        vaults.use(handle) { vault ->
            val key = recoveryKey?.let(Tagged::recoveryKey)
            // What is half wiped or half made the library goes on with by itself.
            val made = vault.glance().presence == VaultPresence.NOTHING
            if (made) vault.createForDevice(key) else vault.unlock()
            made
        }
    }

    suspend fun createForPerson(handle: Double, person: String, pin: ByteArray, recoveryKey: String?) =
        vaults.use(handle) { it.createForPerson(person, pin, recoveryKey?.let(Tagged::recoveryKey)) }

    suspend fun lock(handle: Double) = vaults.use(handle) { it.lock() }

    suspend fun unlockWithPin(handle: Double, person: String, pin: ByteArray) =
        vaults.use(handle) { it.unlockWithPin(person, pin) }

    suspend fun unlockWithPresence(handle: Double, title: String, cancelText: String) {
        vaults.use(handle) { vault ->
            platform.presence.answer(vault, title, cancelText, vault::unlockWithPresence)
        }
    }

    suspend fun makeRecoveryRequest(handle: Double): Map<String, Any?> {
        val request = vaults.use(handle) { it.makeRecoveryRequest() }
        return mapOf("request" to Tagged.base64(request.bytes), "fingerprint" to request.fingerprint)
    }

    suspend fun unlockWithRecovery(handle: Double, answer: String) =
        vaults.use(handle) { it.unlockWithRecovery(Tagged.bytes(answer)) }

    suspend fun replaceDeviceSlot(handle: Double) = vaults.use(handle) { it.replaceDeviceSlot() }

    suspend fun pinStanding(handle: Double, person: String): Map<String, Any?> =
        Told.pinStanding(vaults.use(handle) { it.pinStanding(person) })

    suspend fun slots(handle: Double): Map<String, Any?> = Told.slots(vaults.use(handle) { it.slots() })

    suspend fun addPin(handle: Double, person: String, pin: ByteArray) =
        vaults.use(handle) { it.addPin(person, pin) }

    suspend fun changePin(handle: Double, person: String, old: ByteArray, new: ByteArray) =
        vaults.use(handle) { it.changePin(person, old, new) }

    suspend fun resetPin(handle: Double, person: String, pin: ByteArray) =
        vaults.use(handle) { it.resetPin(person, pin) }

    suspend fun removePin(handle: Double, person: String) = vaults.use(handle) { it.removePin(person) }

    suspend fun addPresence(handle: Double, title: String, cancelText: String): String {
        val opened = vaults.require(handle)
        val request = opened.use { it.beginAddPresence() }
        val level = platform.presence.make(request, opened.keyStore)
        when (val outcome = platform.presence.derive(request, title, cancelText)) {
            is PresenceOutcome.Derived ->
                outcome.bytes.wiped { bytes -> opened.use { it.finishAddPresence(request.slot, bytes, level) } }
            is PresenceOutcome.Denied ->
                throw Failure("presence_required", "the person did not confirm", retryable = true)
            else -> throw Failure("key_temporarily_unavailable", "the platform made no secret", retryable = true)
        }
        return request.slot
    }

    suspend fun removeSlot(handle: Double, slot: String) = vaults.use(handle) { it.removeSlot(slot) }

    suspend fun rotate(handle: Double) = vaults.use(handle) { it.rotate() }

    suspend fun wipe(handle: Double) = vaults.wipe(handle)

    fun lastRefusal(handle: Double): Map<String, Any?>? = vaults.use(handle) { it.lastRefusal() }?.let(Told::refusal)

    suspend fun quarantine(handle: Double, acknowledgedUnsynced: Double?): Map<String, Any?> =
        vaults.use(handle) { vault ->
            Told.quarantined(vault.quarantine(acknowledgedUnsynced?.let { count(it, "the number of records") }))
        }

    suspend fun quarantined(handle: Double): List<Map<String, Any?>> =
        vaults.use(handle) { it.quarantined() }.map(Told::quarantined)

    suspend fun selfTest(optionsJson: String): Map<String, Any?> {
        platform.loadLibrary()
        return Told.keyStoreReport(runKeyStoreSelfTest(platform.keyStore(readKeyStoreOptions(optionsJson))))
    }
}
