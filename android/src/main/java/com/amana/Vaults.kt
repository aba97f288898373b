package com.amana

import amana.core.Change
import amana.core.ChangeObserver
import amana.core.DirectHandle
import amana.core.KvChange
import amana.core.KvObserver
import amana.core.Observation
import amana.core.StateObserver
import amana.core.Vault
import amana.core.VaultState
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import java.util.concurrent.ConcurrentHashMap

/** An open handle: the vault, the name it was opened by, and what tells JavaScript of its changes. */
internal class OpenVault(
    val name: String,
    val vault: Vault,
    val direct: DirectHandle,
) {
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

    /** Whether a handle of that name is open. Within [add]. */
    fun knows(name: String): Boolean = open.values.any { it.name == name }

    suspend fun add(make: suspend () -> OpenVault): OpenVault = turn.withLock {
        make().also { open[it.handle] = it }
    }

    /** Lets go of a handle. */
    suspend fun remove(handle: Double) = turn.withLock {
        val gone = find(handle)?.let { open.remove(it.handle) } ?: return@withLock
        try {
            if (!knows(gone.name)) gone.vault.shutdown()
        } finally {
            gone.release()
        }
    }

    /** Runs what needs a name that no handle has open; `busy` otherwise. */
    suspend fun <T> unopened(name: String, run: suspend () -> T): T = turn.withLock {
        if (knows(name)) throw Failure("busy", "the vault is open", retryable = true)
        run()
    }

    /** Runs it with the vault of a handle, or with one that is attached for the moment. */
    suspend fun <T> byName(name: String, attach: suspend () -> Vault, run: suspend (Vault) -> T): T = turn.withLock {
        val present = open.values.firstOrNull { it.name == name }
        if (present != null) {
            run(present.vault)
        } else {
            attach().use { vault ->
                try {
                    run(vault)
                } finally {
                    vault.shutdown()
                }
            }
        }
    }

    suspend fun removeAll() = open.keys.toList().forEach { remove(it.toDouble()) }
}
