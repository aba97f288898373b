package com.amana

/**
 * Everything behind the module: plain Kotlin and coroutines over the generated bindings. Takes and gives
 * plain data (text, numbers, truths, lists, maps) in the form that the TypeScript contract describes,
 * and throws [Failure] or what becomes one. Knows nothing of React Native.
 */
internal class CoreBridge(platform: Platform, events: Events) {
    val vaults = Vaults(events)
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
    private val running = HashMap<Long, amana.core.CancelHandle>()

    /** Cancelled before they began: JavaScript may cancel at once, and a call begins on another thread. */
    private val early = LinkedHashSet<Long>()

    /** Runs a call with what cancels it; with none for 0. */
    suspend fun <T> run(operation: Double, call: suspend (amana.core.CancelHandle?) -> T): T {
        val number = whole(operation, "the operation")
        if (number == 0L) return call(null)
        if (number < 0) throw Failure.invalid("an operation is above 0")
        val handle = amana.core.CancelHandle()
        val isNew = synchronized(running) { running.putIfAbsent(number, handle) == null }
        if (!isNew) {
            handle.close()
            throw Failure.invalid("an operation's number is used once")
        }
        try {
            if (synchronized(running) { early.remove(number) }) handle.cancel()
            return call(handle)
        } finally {
            synchronized(running) { running.remove(number) }
            handle.close()
        }
    }

    fun cancel(operation: Double) {
        if (operation != Math.rint(operation)) return
        synchronized(running) {
            val number = operation.toLong()
            val handle = running[number]
            if (handle != null) return handle.cancel()
            // Most of these are over, and never asked for again: only the last ones are kept.
            early.add(number)
            if (early.size > EARLY) early.remove(early.first())
        }
    }

    fun cancelAll() = synchronized(running) { running.values.forEach { it.cancel() } }

    private companion object {
        const val EARLY = 64
    }
}
