package com.amana

import amana.core.AmanaException
import amana.core.Change
import amana.core.ChangeObserver
import amana.core.DamageObserver
import amana.core.DirectHandle
import amana.core.KeyStoreOptions
import amana.core.KvChange
import amana.core.KvObserver
import amana.core.Observation
import amana.core.OpenRequest
import amana.core.StateObserver
import amana.core.Vault
import amana.core.VaultState
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicBoolean

/** A handle: the vault, how it was asked for, and what tells JavaScript of its changes. */
internal class OpenVault(
    request: OpenRequest,
    val vault: Vault,
    val direct: DirectHandle,
) {
    val name: String = request.name
    val keyStore: KeyStoreOptions = request.keyStore

    /** The same number names the vault in direct calls and in JavaScript. */
    val handle: Long = direct.number()
    private var observations: List<Observation> = emptyList()
    private val closedTold = AtomicBoolean()

    fun watch(events: Events) {
        observations = listOf(
            vault.observe(
                object : ChangeObserver {
                    override fun changed(change: Change) = events.send("onChange", Told.change(handle, change))
                },
            ),
            vault.kvObserve(
                object : KvObserver {
                    override fun changed(change: KvChange) = events.send("onKvChange", Told.kvChange(handle, change))
                },
            ),
            vault.observeState(
                object : StateObserver {
                    override fun changed(state: VaultState) = tell(events, state)
                },
            ),
            vault.observeDamage(
                object : DamageObserver {
                    override fun damageFound() = events.send("onDamage", mapOf("handle" to handle))
                },
            ),
        )
    }

    private fun tell(events: Events, state: VaultState) {
        if (state == VaultState.CLOSED && closedTold.getAndSet(true)) return
        events.send("onVaultState", mapOf("handle" to handle, "state" to Told.state(state)))
    }

    /** Ends the observation, and tells that the handle is closed, whatever became of the vault. */
    fun release(events: Events) {
        observations.forEach {
            it.stop()
            it.close()
        }
        direct.close()
        // Not destroyed: a call that began before would fail as a defect does. It hears from the core what
        // became of the vault.
        tell(events, VaultState.CLOSED)
    }
}

/**
 * The open handles. Several may be of one vault, also with those of another module, as when the app's
 * JavaScript is loaded anew; the last one that goes closes it.
 */
internal class Vaults(private val events: Events) {
    private val open = ConcurrentHashMap<Long, OpenVault>()

    // Opening and ending in turn: a vault must not be closed or wiped while another handle of it is being made.
    private val turn = Mutex()
    private var isEnding = false

    fun require(handle: Double): OpenVault = find(handle) ?: throw Failure.closed()

    fun find(handle: Double): OpenVault? =
        if (handle == Math.rint(handle) && handle > 0) open[handle.toLong()] else null

    suspend fun add(make: suspend () -> OpenVault): OpenVault = turn.withLock {
        if (isEnding) throw Failure.closed()
        make().also { open[it.handle] = it }
    }

    /** Lets go of a handle. */
    suspend fun remove(handle: Double) = turn.withLock {
        val gone = find(handle)?.let { open.remove(it.handle) } ?: return@withLock
        try {
            gone.vault.detach()
        } finally {
            gone.release(events)
        }
    }

    /** Destroys a vault, and lets go of every handle of it; of none where it is not destroyed. */
    suspend fun wipe(handle: Double) = turn.withLock {
        val wiped = require(handle)
        wiped.vault.wipe()
        open.values.filter { it.name == wiped.name }.forEach { gone ->
            open.remove(gone.handle)
            gone.release(events)
        }
    }

    /** How many handles there are. */
    fun count(): Int = open.size

    /** Lets go of all handles, for good: also of one that is just being made, and of all others if one fails. */
    suspend fun removeAll() {
        turn.withLock { isEnding = true }
        for (handle in open.keys.toList()) {
            try {
                remove(handle.toDouble())
            } catch (_: AmanaException) {
                // released all the same; there is nobody left to tell
            }
        }
    }
}
