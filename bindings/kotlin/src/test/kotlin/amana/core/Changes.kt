package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.assertNotNull

/** What an observer was told of one change: tables with their records, sorted; null where they are not named. */
internal data class Told(
    val fromPeer: Boolean,
    val tables: Map<String, List<String>?>,
) {
    constructor(fromPeer: Boolean, vararg tables: Pair<String, List<String>?>) :
        this(fromPeer, tables.associate { (table, ids) -> table to ids?.sorted() })
}

internal fun Change.told(): Told {
    check(tables.map { it.table }.toSet().size == tables.size) { "a table is told of twice in $tables" }
    return Told(fromPeer, tables.associate { it.table to it.ids?.sorted() })
}

/** Hears of changes, and goes on from each call only once the gate is open. */
internal class Changes(
    private val gate: CountDownLatch = CountDownLatch(0),
) : ChangeObserver {
    private val heard = LinkedBlockingQueue<Change>()

    override fun changed(change: Change) {
        heard.add(change)
        // Opened by itself at some time, so that whoever waits for it in vain fails instead of hanging.
        if (!gate.await(30, TimeUnit.SECONDS)) gate.countDown()
    }

    suspend fun next(): Change =
        withContext(Dispatchers.IO) { assertNotNull(heard.poll(30, TimeUnit.SECONDS), "nothing was told") }

    /** What has been told by now. */
    fun soFar(): List<Change> = heard.toList()

    /**
     * All that is told before a write that is made now, which has to be told as well: what comes in order is
     * complete by then.
     */
    suspend fun until(vault: Vault): List<Change> {
        val mark = Told(false, "patients" to listOf(vault.insert("patients", """{"given_name":"Mark"}""")))
        val before = mutableListOf<Change>()
        while (true) {
            val change = next()
            if (change.told() == mark) return before
            before += change
        }
    }
}
