package amana.core

import java.util.concurrent.CountDownLatch
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** What observers of changes are told: each transaction once, whole, and in order; and what a slow one costs. */
class ObserverTest {
    private val amal = """{"given_name":"Amal"}"""

    private fun visit(patient: String) =
        """{"op":"insert","table":"visits","fields":{"patient_id":"$patient"}}"""

    @Test
    fun observersHearOfEachTransactionOnce() = Tablet.withOne { tablet ->
        val vault = tablet.vault
        val (one, other) = Changes() to Changes()
        val observations = listOf(vault.observe(one), vault.observe(other))
        val patient = vault.insert("patients", amal)
        val phone = """{"op":"update","table":"patients","id":"$patient","fields":{"phone":"1"}}"""
        val visits = vault.batch("[${visit(patient)},${visit(patient)},$phone]").take(2)
        vault.update("visits", visits[0], """{"provider_name":"Dr Noor"}""")
        // What is rolled back is no change.
        val bad = """{"op":"update","table":"patients","id":"$patient","fields":{"phone":7}}"""
        assertEquals(ErrorCode.INVALID_INPUT, code { vault.batch("[${visit(patient)},$bad]") })
        vault.delete("visits", visits[1])
        val expected =
            listOf(
                Told(false, "patients" to listOf(patient)),
                Told(false, "patients" to listOf(patient), "visits" to visits),
                Told(false, "visits" to listOf(visits[0])),
                Told(false, "visits" to listOf(visits[1])),
            )
        val heard = one.until(vault)
        assertEquals(expected, heard.map { it.told() })
        val revisions = heard.map { it.revision }
        assertEquals(revisions.toSortedSet().toList(), revisions, "each has its own, and they grow")
        // The other one has heard the same, and the mark.
        assertEquals(expected, other.until(vault).map { it.told() }.dropLast(1))
        // Its mark is told to both.
        one.next()

        observations[0].stop()
        val last = vault.insert("patients", amal)
        assertEquals(listOf(Told(false, "patients" to listOf(last))), other.until(vault).map { it.told() })
        assertEquals(emptyList(), one.soFar(), "nothing since it was stopped")
        for (observation in observations) observation.close()
    }

    @Test
    fun aPullIsToldAsOneTransactionAndOneThatChangesNothingNotAtAll() = Tablet.withTwo { one, two ->
        Clinic().use { clinic ->
            one.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            two.signIn(clinic, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
            val changes = Changes()
            val observation = two.vault.observe(changes)
            val patients = (1..3).map { one.vault.insert("patients", amal) }
            val visits = one.vault.batch("[${visit(patients[0])},${visit(patients[1])}]")
            one.sync()

            two.sync()
            val first = changes.until(two.vault).map { it.told() }.single()
            assertTrue(first.fromPeer)
            assertEquals(patients.sorted(), first.tables["patients"])
            assertEquals(visits.sorted(), first.tables["visits"])
            // The rest of it is all that the tablet now holds.
            for (digest in two.vault.digest()) {
                val told = first.tables[digest.table].orEmpty().size.toULong()
                // The mark is not from the pull.
                val own = if (digest.table == "patients") 1uL else 0uL
                assertEquals(digest.rows, told + own, digest.table)
            }

            one.vault.update("patients", patients[0], """{"phone":"111"}""")
            one.vault.update("visits", visits[1], """{"provider_name":"Dr Noor"}""")
            one.vault.delete("patients", patients[2])
            one.sync()
            two.sync()
            val pull = Told(true, "patients" to listOf(patients[0], patients[2]), "visits" to listOf(visits[1]))
            assertEquals(listOf(pull), changes.until(two.vault).map { it.told() })

            // The same rows come again, since pulls overlap, and are as they were.
            assertTrue(two.sync().unchanged > 0uL)
            assertEquals(emptyList(), changes.until(two.vault).map { it.told() })
            observation.stop()
            observation.close()
        }
    }

    @Test
    fun aSlowObserverHoldsUpNobodyAndIsToldAllInFewCalls() = Tablet.withOne { tablet ->
        val vault = tablet.vault
        val gate = CountDownLatch(1)
        val slow = Changes(gate)
        val observation = vault.observe(slow)
        val held = vault.insert("patients", amal)
        assertEquals(Told(false, "patients" to listOf(held)), slow.next().told())
        // It has not returned. Whoever writes goes on, and so do live queries.
        val written = (1..300).map { vault.insert("patients", amal) }
        val many = vault.batch((1..1_001).joinToString(",", "[", "]") { visit(held) })
        assertEquals(1_001, many.size)
        val page = Page()
        val live = vault.watchQuery("patients", """{"limit":500}""", page)
        assertContains(page.next(), written.last())
        assertEquals(emptyList(), slow.soFar(), "it is held")
        gate.countDown()

        // 64 wait one by one, and what comes then is drawn together with the last of them.
        val rest = slow.until(vault)
        val told = rest.map { it.told() }
        assertEquals(63, told.size - 1)
        assertEquals(written.take(63).map { Told(false, "patients" to listOf(it)) }, told.dropLast(1))
        // More than 1,000 records of a table are not named.
        assertEquals(Told(false, "patients" to written.drop(63), "visits" to null), told.last())
        val revisions = rest.map { it.revision }
        assertEquals(revisions.toSortedSet().toList(), revisions)
        for (work in listOf(observation, live)) {
            work.stop()
            work.close()
        }
    }

    private class Page : QueryObserver {
        private val pages = LinkedBlockingQueue<String>()

        override fun changed(page: String) {
            pages.add(page)
        }

        override fun failed(error: AmanaException) = throw error

        fun next(): String = assertNotNull(pages.poll(30, TimeUnit.SECONDS))
    }
}
