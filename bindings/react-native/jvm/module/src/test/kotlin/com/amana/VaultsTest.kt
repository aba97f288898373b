package com.amana

import amana.core.KvNamespace
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

/** Calls whose handle is closed while they run. */
class VaultsTest {
    @Test
    fun aCallWhoseHandleIsClosedMeanwhileIsClosed() = Bench().use { bench ->
        runBlocking {
            // the vault of the first stays open, that of the second does not
            val handles = listOf(bench.open("clinic"), bench.attach("clinic"))
            for (handle in handles) {
                val refused = assertFailsWith<Failure> {
                    bench.bridge.vaults.use(handle) {
                        it.status()
                        bench.bridge.life.close(handle)
                        it.syncStatus()
                    }
                }
                assertEquals("closed", refused.code)
            }
        }
    }

    @Test
    fun aCallThatAnswersAtOnceIsClosedToo() = Bench().use { bench ->
        val handle = runBlocking { bench.open("clinic") }
        val answer = tagged {
            bench.bridge.vaults.use(handle) {
                runBlocking { bench.bridge.life.close(handle) }
                it.kvMultiGet(KvNamespace.Stored("app"), listOf("k")).toString()
            }
        }
        assertEquals("closed", org.json.JSONObject(answer.substring(1)).getString("code"))
    }

    @Test
    fun nothingElseIsTakenForAClosedHandle() = Bench().use { bench ->
        runBlocking {
            val vaults = bench.bridge.vaults
            val handle = bench.open("clinic")
            assertFailsWith<IllegalStateException> { vaults.use(handle) { error("a defect") } }
            assertFailsWith<CancellationException> {
                vaults.use(handle) {
                    bench.bridge.life.close(handle)
                    throw CancellationException()
                }
            }
            Unit
        }
    }
}
