package com.amana

import java.util.concurrent.ConcurrentHashMap

/**
 * Everything behind the module: plain Kotlin and coroutines over the generated bindings. Takes and gives
 * plain data (text, numbers, truths, lists, maps) in the form that the TypeScript contract describes,
 * and throws [Failure] or what becomes one. Knows nothing of React Native.
 */
internal class CoreBridge(platform: Platform, events: Events) {
    private val vaults = Vaults(events)

    val operations = Operations()
    val life = Life(platform, vaults, events)
    val keyValues = KeyValues(vaults)
    val records = Records(vaults)
    val care = Care(platform, vaults)
    val peers = Peers(vaults, operations, events)

    suspend fun close() {
        operations.cancelAll()
        vaults.removeAll()
    }
}

/** Running calls that JavaScript gave a number, so that it can cancel them. */
internal class Operations {
    private val running = ConcurrentHashMap<Long, amana.core.CancelHandle>()

    /** Runs a call with what cancels it; with none for 0. */
    suspend fun <T> run(operation: Double, call: suspend (amana.core.CancelHandle?) -> T): T {
        val number = whole(operation, "the operation")
        if (number == 0L) return call(null)
        if (number < 0) throw Failure.invalid("an operation is above 0")
        val handle = amana.core.CancelHandle()
        if (running.putIfAbsent(number, handle) != null) {
            handle.close()
            throw Failure.invalid("an operation's number is used once")
        }
        try {
            return call(handle)
        } finally {
            running.remove(number)
            handle.close()
        }
    }

    fun cancel(operation: Double) {
        if (operation == Math.rint(operation)) running[operation.toLong()]?.cancel()
    }

    fun cancelAll() = running.values.forEach { it.cancel() }
}
