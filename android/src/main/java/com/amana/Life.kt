package com.amana

import amana.core.KeyStoreOptions
import amana.core.OpenRequest
import amana.core.Vault
import amana.core.VaultConfig
import amana.core.VaultPolicy
import amana.core.VaultPresence
import amana.core.attachVault
import amana.core.readKeyStoreOptions
import amana.core.readOpenRequest
import amana.core.runKeyStoreSelfTest
import java.util.concurrent.ConcurrentHashMap

/** A vault's life: opened, locked, its slots, its root key, put aside, wiped, looked at. */
internal class Life(
    private val platform: Platform,
    private val vaults: Vaults,
    private val events: Events,
) {
    /** What stood in the way of the last open of a name: the vault itself is let go of then. */
    private val refusals = ConcurrentHashMap<String, Map<String, Any?>>()

    /** How secrets are made, by name: a slot of presence is made as its vault was opened. */
    private val options = ConcurrentHashMap<String, KeyStoreOptions>()

    suspend fun open(configJson: String): Map<String, Any?> {
        val request = readOpenRequest(configJson)
        var created = false
        val opened = vaults.add {
            attached(request) { vault ->
                val glance = vault.glance()
                if (glance.policy != null && glance.policy != request.policy) {
                    throw Failure.invalid("the vault has the other policy")
                }
                when {
                    request.policy == VaultPolicy.PERSON ->
                        if (glance.presence == VaultPresence.NOTHING) throw Failure("not_found", "there is no vault here")
                    glance.presence == VaultPresence.NOTHING -> {
                        vault.createForDevice(request.recoveryKey)
                        created = true
                    }
                    else -> vault.unlock()
                }
            }
        }
        return told(opened, created)
    }

    suspend fun createForPerson(configJson: String, person: String, pin: ByteArray): Map<String, Any?> {
        val request = readOpenRequest(configJson)
        if (request.policy != VaultPolicy.PERSON) throw Failure.invalid("the policy is not person")
        val opened = vaults.add {
            attached(request) { it.createForPerson(person, pin, request.recoveryKey) }
        }
        return told(opened, true)
    }

    private fun told(opened: OpenVault, created: Boolean) = mapOf(
        "handle" to opened.handle,
        "state" to Told.state(opened.vault.state()),
        "created" to created,
    )

    /** A handle, once `prepare` has gone well; otherwise the vault is let go of, and its refusal kept. */
    private suspend fun attached(request: OpenRequest, prepare: suspend (Vault) -> Unit): OpenVault {
        val name = request.name
        val vault = attach(request)
        val known = vaults.knows(name)
        try {
            prepare(vault)
            refusals.remove(name)
            options[name] = request.keyStore
            return OpenVault(name, vault, vault.directHandle()).also { it.watch(events) }
        } catch (cause: Throwable) {
            vault.lastRefusal()?.let { refusals[name] = Told.refusal(it) }
            if (!known) vault.shutdown()
            vault.close()
            throw cause
        }
    }

    private suspend fun attach(request: OpenRequest): Vault {
        platform.loadLibrary()
        return attachVault(
            VaultConfig(
                directory = platform.vaults.path,
                name = request.name,
                schemaJson = request.schemaJson,
                keyStore = platform.keyStore(request.keyStore),
                idleLockMs = request.idleLockMs,
                dropPinAfter = request.dropPinAfter,
            ),
        )
    }

    private suspend fun attach(name: String): Vault = attach(readOpenRequest(nameOnly(name)))

    suspend fun exists(name: String): Boolean =
        vaults.byName(name, { attach(name) }) { it.glance().presence != VaultPresence.NOTHING }

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

    suspend fun lock(handle: Double) = vaults.require(handle).vault.lock()

    suspend fun unlock(handle: Double) = refusing(handle) { unlock() }

    suspend fun unlockWithPin(handle: Double, person: String, pin: ByteArray) =
        refusing(handle) { unlockWithPin(person, pin) }

    suspend fun unlockWithPresence(handle: Double, title: String, cancelText: String) = refusing(handle) {
        val request = beginPresence().firstOrNull() ?: throw Failure("not_found", "there is no such slot")
        unlockWithPresence(request.slot, platform.presence.derive(request, title, cancelText))
    }

    suspend fun makeRecoveryRequest(handle: Double): Map<String, Any?> {
        val request = vaults.require(handle).vault.makeRecoveryRequest()
        return mapOf("request" to Tagged.base64(request.bytes), "fingerprint" to request.fingerprint)
    }

    suspend fun unlockWithRecovery(handle: Double, answer: String) =
        refusing(handle) { unlockWithRecovery(Tagged.bytes(answer)) }

    /** Remembers what stood in the way, for [refusalReport]. */
    private suspend fun refusing(handle: Double, unlock: suspend Vault.() -> Unit) {
        val opened = vaults.require(handle)
        try {
            opened.vault.unlock()
            refusals.remove(opened.name)
        } catch (cause: Throwable) {
            opened.vault.lastRefusal()?.let { refusals[opened.name] = Told.refusal(it) }
            throw cause
        }
    }

    suspend fun slots(handle: Double): List<Map<String, Any?>> =
        vaults.require(handle).vault.slots().slots.map(Told::slot)

    suspend fun addPin(handle: Double, person: String, pin: ByteArray) =
        vaults.require(handle).vault.addPin(person, pin)

    suspend fun changePin(handle: Double, person: String, old: ByteArray, new: ByteArray) =
        vaults.require(handle).vault.changePin(person, old, new)

    suspend fun resetPin(handle: Double, person: String, pin: ByteArray) =
        vaults.require(handle).vault.resetPin(person, pin)

    suspend fun removePin(handle: Double, person: String) = vaults.require(handle).vault.removePin(person)

    suspend fun addPresence(handle: Double, title: String, cancelText: String): String {
        val opened = vaults.require(handle)
        val request = opened.vault.beginAddPresence()
        val level = platform.presence.make(request, options[opened.name] ?: KeyStoreOptions())
        when (val outcome = platform.presence.derive(request, title, cancelText)) {
            is amana.core.PresenceOutcome.Derived ->
                outcome.bytes.wiped { opened.vault.finishAddPresence(request.slot, it, level) }
            is amana.core.PresenceOutcome.Denied ->
                throw Failure("presence_required", "the person did not confirm", retryable = true)
            else -> throw Failure("key_temporarily_unavailable", "the platform made no secret", retryable = true)
        }
        return request.slot
    }

    suspend fun removeSlot(handle: Double, slot: String) = vaults.require(handle).vault.removeSlot(slot)

    suspend fun rotate(handle: Double) = vaults.require(handle).vault.rotate()

    suspend fun wipe(handle: Double) = vaults.require(handle).vault.wipe()

    fun refusalReport(name: String): Map<String, Any?> = refusals[name] ?: Told.refusal(null)

    suspend fun quarantine(name: String, acknowledgedUnsynced: Double?): Map<String, Any?> {
        val unsynced = acknowledgedUnsynced?.let { count(it, "the number of records") }
        return vaults.unopened(name) {
            attach(name).use { vault ->
                try {
                    val aside = vault.quarantine(unsynced)
                    mapOf("number" to vault.quarantined().size, "unsynced" to aside.unsynced?.toLong())
                } finally {
                    vault.shutdown()
                }
            }
        }
    }

    suspend fun quarantined(name: String): List<Map<String, Any?>> = vaults.byName(name, { attach(name) }) { vault ->
        vault.quarantined().mapIndexed { i, aside ->
            mapOf("number" to i + 1, "unsynced" to aside.unsynced?.toLong())
        }
    }

    suspend fun selfTest(optionsJson: String): Map<String, Any?> {
        platform.loadLibrary()
        return Told.keyStoreReport(runKeyStoreSelfTest(platform.keyStore(readKeyStoreOptions(optionsJson))))
    }

    private fun nameOnly(name: String) = org.json.JSONObject().put("name", name).put("policy", "device").toString()
}
