package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Live queries: when a page comes, and when none does. */
class LiveQueryTest {
    /** Hears, and goes on only when the gate is open. */
    private class Recorder(
        private val gate: CountDownLatch = CountDownLatch(0),
    ) : QueryObserver {
        val heard = LinkedBlockingQueue<Result<String>>()

        override fun changed(page: String) = hear(Result.success(page))

        override fun failed(error: AmanaException) = hear(Result.failure(error))

        private fun hear(result: Result<String>) {
            heard.add(result)
            gate.await()
        }

        suspend fun next(): Result<String> =
            withContext(Dispatchers.IO) { assertNotNull(heard.poll(30, TimeUnit.SECONDS), "nothing was heard") }

        /** The names on the next page, in their order. */
        suspend fun names(): List<String> = names(next())

        fun names(result: Result<String>): List<String> =
            Regex("\"P-(\\w+)\"").findAll(result.getOrThrow()).map { it.groupValues[1] }.toList().sorted()
    }

    private suspend fun Tablet.patient(name: String) = vault.insert("patients", """{"given_name":"P-$name"}""")

    @Test
    fun aPageComesAtTheStartAndAfterWritesToItsTableAlone() = Tablet.withOne { tablet ->
        val recorder = Recorder()
        val observation = tablet.vault.watchQuery("patients", "{}", recorder)
        assertEquals(emptyList(), recorder.names())
        val id = tablet.patient("a")
        assertEquals(listOf("a"), recorder.names())
        tablet.vault.insert("visits", """{"patient_id":"$id"}""")
        tablet.patient("b")
        // The very next one: none came for the visit.
        assertEquals(listOf("a", "b"), recorder.names())
        observation.stop()
        observation.close()
    }

    @Test
    fun whatIsWrittenWhileTheObserverWorksComesAsOnePage() = Tablet.withOne { tablet ->
        val gate = CountDownLatch(1)
        val recorder = Recorder(gate)
        val observation = tablet.vault.watchQuery("patients", "{}", recorder)
        assertEquals(emptyList(), recorder.names())
        val names = (10..59).map { "$it" }
        // No write waits for the observer, which has not returned.
        for (name in names) tablet.patient(name)
        gate.countDown()
        assertEquals(names, recorder.names())
        tablet.patient("last")
        assertEquals(names + "last", recorder.names())
        observation.stop()
        observation.close()
    }

    @Test
    fun afterStopNoPageComes() = Tablet.withOne { tablet ->
        val stopped = Recorder()
        val observation = tablet.vault.watchQuery("patients", "{}", stopped)
        assertEquals(emptyList(), stopped.names())
        observation.stop()
        observation.stop()
        observation.close()
        val other = Recorder()
        val goesOn = tablet.vault.watchQuery("patients", "{}", other)
        assertEquals(emptyList(), other.names())
        for (name in listOf("a", "b")) {
            tablet.patient(name)
            other.names()
        }
        assertNull(stopped.heard.poll())
        goesOn.stop()
        goesOn.close()
    }

    @Test
    fun aLockedVaultIsAFailureAndAfterUnlockingItGoesOn() = Tablet.withOne { tablet ->
        tablet.patient("a")
        tablet.vault.lock()
        val recorder = Recorder()
        val observation = tablet.vault.watchQuery("patients", "{}", recorder)
        var next = recorder.next()
        assertTrue(next.isFailure)
        tablet.vault.unlock()
        // News of the write may have come after the lock: then it has failed once more.
        while (next.isFailure) {
            assertEquals(ErrorCode.LOCKED, code { next.getOrThrow() })
            next = recorder.next()
        }
        assertEquals(listOf("a"), recorder.names(next))
        observation.stop()
        observation.close()
    }

    @Test
    fun aQueryEndsWithItsVault() = runBlocking {
        for (wipes in listOf(false, true)) {
            val tablet = Tablet.make()
            val recorder = Recorder()
            val observation = tablet.vault.watchQuery("patients", "{}", recorder)
            assertEquals(emptyList(), recorder.names())
            if (wipes) tablet.vault.wipe() else tablet.vault.shutdown()
            do {
                val failed = code { recorder.next().getOrThrow() }
                assertTrue(failed == ErrorCode.CLOSED || failed == ErrorCode.LOCKED, "$failed")
            } while (failed != ErrorCode.CLOSED)
            // Nothing is left that would run: its thread is gone, though nobody has stopped it.
            val tasks = File("/proc/self/task")
            if (tasks.exists()) {
                val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
                while (lives(tasks) && System.nanoTime() < end) Thread.onSpinWait()
                assertTrue(!lives(tasks), "a thread of a live query is left")
            } else {
                println("the query's thread was not looked for: this system does not list threads")
            }
            observation.stop()
            observation.close()
            tablet.end()
        }
    }

    private fun lives(tasks: File): Boolean =
        tasks.listFiles().orEmpty().any { task ->
            // A thread that ends meanwhile has no name any more.
            runCatching { File(task, "comm").readText().trim() == "amana-live" }.getOrDefault(false)
        }

    @Test
    fun whatIsNoQueryIsRefusedAtOnce() = Tablet.withOne { tablet ->
        val recorder = Recorder()
        val watch = { table: String, query: String -> tablet.vault.watchQuery(table, query, recorder) }
        assertEquals(ErrorCode.INVALID_INPUT, code { watch("nothing", "{}") })
        assertEquals(ErrorCode.INVALID_INPUT, code { watch("patients", """{"wher":{}}""") })
        val where = """{"where":{"column":"CanaryColumn","op":"eq","value":1}}"""
        assertEquals(ErrorCode.INVALID_INPUT, code { watch("patients", where) })
        assertEquals(ErrorCode.FORBIDDEN_TABLE, code { watch("users", "{}") })
        assertNull(recorder.heard.poll())
    }
}
