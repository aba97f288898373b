package amana.core

import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertEquals

/** Says what reads and writes of the key-value store take from Kotlin. Nothing depends on the figures. */
class KeyValueTimingTest {
    private val settings = KvNamespace.Stored("settings")

    private inline fun ms(work: () -> Unit): Double {
        val begin = System.nanoTime()
        work()
        return (System.nanoTime() - begin) / 1e6
    }

    private fun print(what: String, ms: Double) = println("kv through Kotlin: %s %.3f ms".format(what, ms))

    @Test
    fun readsAndWritesTellWhatTheyTake() = runBlocking {
        val tablet = Tablet.make()
        val vault = tablet.vault
        val keys = (1..1_000).map { "k/$it" }
        val entries = keys.map { KvEntry(it, KvValue.Text("value of $it")) }
        vault.kvMultiSet(settings, entries)
        fun readAll() = keys.sumOf { checkNotNull(vault.kvGetText(settings, it)).length }
        val length = keys.sumOf { "value of $it".length }
        // a JVM is slow at first
        repeat(20) { assertEquals(length, readAll()) }
        // the middle of some: the mood of machine and disk is not the library's
        val reads = (1..21).map { ms { readAll() } }
        print("1,000 hot reads", reads.sorted()[10])
        val sets = (1..21).map { n -> ms { vault.kvSet(settings, "one", KvValue.Text("$n")) } }
        print("one set", sets.sorted()[10])
        assertEquals("21", vault.kvGetText(settings, "one"))
        print("one batch of 1,000 sets", ms { vault.kvMultiSet(settings, entries) })
        assertEquals(1_001uL, vault.kvClear(settings))
        tablet.end()
    }
}
