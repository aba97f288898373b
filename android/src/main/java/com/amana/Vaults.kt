package com.amana

import amana.core.Change
import amana.core.ChangeObserver
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
                    override fun changed(state: VaultState) =
                        events.send("onVaultState", mapOf("handle" to handle, "state" to Told.state(state)))
                },
            ),
        )
    }

    fun release() {
        observations.forEach {
            it.stop()
            it.close()
        }
        direct.close()
        vault.close()
    }
}

/** The open handles. Several may be of one vault; the last one that goes closes it. */
internal class Vaults {
    private val open = ConcurrentHashMap<Long, OpenVault>()

    // Opening and closing in turn: a vault must not be closed while another handle of it is being made.
    private val turn = Mutex()

    fun require(handle: Double): OpenVault = find(handle) ?: throw Failure.closed()

    fun find(handle: Double): OpenVault? =
        if (handle == Math.rint(handle) && handle > 0) open[handle.toLong()] else null

    suspend fun add(make: suspend () -> OpenVault): OpenVault = turn.withLock {
        make().also { open[it.handle] = it }
    }

    /** Lets go of a handle. */
    suspend fun remove(handle: Double) = turn.withLock {
        val gone = find(handle)?.let { open.remove(it.handle) } ?: return@withLock
        try {
            if (open.values.none { it.name == gone.name }) gone.vault.shutdown()
        } finally {
            gone.release()
        }
    }

    suspend fun removeAll() = open.keys.toList().forEach { remove(it.toDouble()) }
}
