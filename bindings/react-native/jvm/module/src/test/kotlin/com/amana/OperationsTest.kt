package com.amana

import amana.core.CancelHandle
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull

/** What cancels running calls, and calls that have not begun. */
class OperationsTest {
    @Test
    fun aCallThatWasCancelledBeforeItBeganIsCancelled() = ask { operations ->
        operations.cancel(4.0)
        assertEquals("cancelled", outcome(4.0))
        // once: the number of a call that is over means nothing
        assertEquals("network", outcome(4.0))
        assertEquals("network", outcome(5.0))
    }

    @Test
    fun ofCancelsWithoutACallOnlyTheLastAreKept() = ask { operations ->
        for (number in 1..70) operations.cancel(number.toDouble())
        assertEquals("network", outcome(6.0))
        assertEquals("cancelled", outcome(7.0))
        assertEquals("cancelled", outcome(70.0))
    }

    @Test
    fun aRunningCallIsCancelledByItsNumberAndWithAllOthers() = ask { operations ->
        assertEquals("cancelled", outcome(9.0) { operations.cancel(9.0) })
        assertEquals("cancelled", outcome(10.0) { operations.cancelAll() })
        assertEquals("network", outcome(11.0) { operations.cancel(12.0) })
        assertNull(operations.run(0.0) { it })
        // nothing is kept of those that ran
        assertEquals("network", outcome(9.0))
    }

    @Test
    fun aNumberIsUsedByOneCallAtATime() = ask { operations ->
        operations.run(3.0) {
            assertEquals("invalid_input", assertFailsWith<Failure> { operations.run(3.0) { } }.code)
        }
        for (number in listOf(-1.0, 1.5, Double.NaN)) {
            assertEquals("invalid_input", assertFailsWith<Failure> { operations.run(number) { } }.code)
            operations.cancel(number)
        }
        assertEquals("network", outcome(3.0))
    }

    /** Calls on a vault that is open. */
    private class Asking(private val bench: Bench, private val handle: Double) {
        /** The code of a sign-in where nobody listens: only a cancelled one does not try. */
        suspend fun outcome(operation: Double, before: () -> Unit = {}): String {
            val refused = assertFailsWith<Exception> {
                bench.bridge.operations.run(operation) { cancel: CancelHandle? ->
                    before()
                    bench.bridge.vaults.use(handle) {
                        it.signIn("https://127.0.0.1:1", null, "a@b.c", byteArrayOf(1), cancel)
                    }
                }
            }
            return Failure.of(refused).code
        }
    }

    private fun ask(test: suspend Asking.(Operations) -> Unit) = Bench().use { bench ->
        runBlocking { Asking(bench, bench.open("clinic")).test(bench.bridge.operations) }
    }
}
