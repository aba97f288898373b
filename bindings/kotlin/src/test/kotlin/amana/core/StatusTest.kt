package amana.core

import kotlin.math.abs
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** What the status tells of clocks, of waiting, and of what peers have lost or left out. */
class StatusTest {
    private val cloud = Tablet.CLOUD
    private val amal = """{"given_name":"Amal"}"""
    private val minute = 60_000L
    private val hour = 60 * minute

    private fun now() = System.currentTimeMillis()

    /** Far enough from what a slow machine makes of it. */
    private fun assertAbout(expected: Long, skew: Long) =
        assertTrue(abs(skew - expected) < 20 * minute, "$skew is not about $expected")

    @Test
    fun theSkewOfEachPeersClockIsItsOwn() = Tablet.withOne { tablet ->
        Clinic("--admin").use { clinic ->
            Hub("--admin").use { hub ->
                tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
                tablet.join(hub, Tablet.NOOR, Tablet.NOORS_PASSWORD)
                val both = listOf(cloud, hub.peer)
                for (peer in both) {
                    tablet.syncWith(peer)
                    assertAbout(0, tablet.peer(peer).skewMs)
                }
                clinic.faults("""{"clock_offset_ms":${2 * hour}}""")
                hub.faults("""{"clock_offset_ms":${-hour}}""")
                for (peer in both) tablet.syncWith(peer)
                assertAbout(2 * hour, tablet.peer(cloud).skewMs)
                assertEquals(tablet.peer(cloud).skewMs, tablet.vault.status().skewMs)
                assertAbout(-hour, tablet.peer(hub.peer).skewMs)
                clinic.faults("""{"clear":true}""")
                tablet.syncWith(cloud)
                assertAbout(0, tablet.peer(cloud).skewMs)
                assertAbout(-hour, tablet.peer(hub.peer).skewMs)
            }
        }
    }

    @Test
    fun anOutageTellsWhenToTryAgainAndWhy() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            tablet.sync()
            clinic.stop()
            for (failures in 1u..2u) {
                val before = now()
                val failure = failure { tablet.sync() }
                assertEquals(ErrorCode.NETWORK to true, failure.code to failure.retryable)
                val told = tablet.peer(cloud)
                assertEquals("network" to failures, told.lastError to told.failures)
                // Half a minute at most, and twice as much with each failure.
                val latest = assertNotNull(told.lastAttemptMs) + minute / 2 * failures.toLong()
                assertTrue(assertNotNull(told.nextTryMs) in before..latest, "$told")
            }
            clinic.comeBack()
            tablet.sync()
            val told = tablet.peer(cloud)
            assertEquals(null to 0u, told.lastError to told.failures)
            assertNull(told.nextTryMs)
        }
    }

    @Test
    fun whoAsksToWaitIsNotAskedBefore() = Tablet.withOne { tablet ->
        Clinic("--admin").use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            tablet.vault.insert("patients", amal)
            for (kind in listOf("pull", "push")) {
                clinic.faults("""{"answer":{"kind":"$kind","status":429,"retry_after":"3600"}}""")
                val before = now()
                val failure = failure { tablet.sync() }
                assertEquals(ErrorCode.RATE_LIMITED, failure.code)
                assertEquals(hour.toULong(), failure.retryAfterMs)
                val told = tablet.peer(cloud)
                assertEquals("rate_limited", told.lastError)
                // All behind one address heard the same, and are spread.
                val latest = assertNotNull(told.lastAttemptMs) + hour + 60_000
                assertTrue(assertNotNull(told.nextTryMs) in before + hour..latest, "$told")
            }
            // It is the app that decides: one that asks all the same is let through.
            assertEquals(1uL, tablet.sync().pushed)
            assertNull(tablet.peer(cloud).nextTryMs)
        }
    }

    @Test
    fun whatThePeerTookIsUnconfirmedUntilAPullShowsWhatItKept() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val patient = tablet.vault.insert("patients", amal)
            // The server makes nothing of a zero, and says that it took it.
            val fields =
                """{"patient_id":"$patient","attribute_id":"children","attribute":"Children","number_value":0}"""
            val attribute = tablet.vault.insert("patient_additional_attributes", fields)
            assertEquals(0uL, tablet.vault.syncStatus().unconfirmed)
            val first = tablet.sync()
            assertEquals(2uL to 0uL, first.pushed to first.notKept)
            assertEquals(2uL, tablet.vault.syncStatus().unconfirmed)
            val taken = tablet.standing(patient)
            assertEquals(Standing.IN_CLOUD to false, taken.standing to taken.confirmed)

            assertEquals(1uL, tablet.sync().notKept)
            assertEquals(0uL, tablet.vault.syncStatus().unconfirmed)
            assertTrue(tablet.standing(patient).confirmed)
            val entry = tablet.vault.conflicts(0).single()
            assertEquals("not_kept" to attribute, entry.kind to entry.recordId)
            assertEquals("number_value", entry.column)
        }
    }

    @Test
    fun whatACloudFromABackupLacksIsKeptAndAbsent() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val old = tablet.vault.insert("patients", amal)
            tablet.sync()
            val backup = clinic.backUp("older")
            val lost = tablet.vault.insert("patients", amal)
            repeat(2) { tablet.sync() }
            assertTrue(tablet.standing(lost).confirmed)
            val whole = clinic.backUp("newer")

            clinic.comeBackFrom(backup)
            assertEquals(0uL, tablet.sync().absent)
            assertEquals(0uL, tablet.vault.syncStatus().absent, "only everything tells what is missing")
            val before = now()
            val found = tablet.vault.sync(null, null, true)
            assertEquals(1uL to 0uL, found.absent to found.gone)
            assertEquals(1uL, tablet.vault.syncStatus().absent)
            val since = assertNotNull(tablet.standing(lost).absentSinceMs)
            assertTrue(since in before..now(), "$since")
            assertNull(tablet.standing(old).absentSinceMs)
            assertNotNull(tablet.vault.get("patients", lost))
            assertEquals(0uL, tablet.vault.sync(null, null, true).absent, "it is told once")

            clinic.comeBackFrom(whole)
            tablet.vault.sync(null, null, true)
            assertEquals(0uL, tablet.vault.syncStatus().absent)
            assertNull(tablet.standing(lost).absentSinceMs)
        }
    }

    @Test
    fun whatACloudTookAndLostIsNotConfirmedButAbsent() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            tablet.sync()
            val backup = clinic.backUp("before")
            val patient = tablet.vault.insert("patients", amal)
            assertEquals(1uL, tablet.sync().pushed)
            clinic.comeBackFrom(backup)
            assertEquals(1uL, tablet.sync().notKept)
            val status = tablet.vault.syncStatus()
            assertEquals(1uL to 0uL, status.absent to status.unconfirmed)
            assertNotNull(tablet.standing(patient).absentSinceMs)
            assertEquals("not_kept", tablet.vault.conflicts(0).single().kind)
            assertNotNull(tablet.vault.get("patients", patient))
        }
    }

    @Test
    fun whatIsPutAsideWithoutProofIsTriedAgainByItself() = Tablet.withOne { tablet ->
        Clinic().use { clinic ->
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val nowhere = "aaaaaaaa-0000-4000-8000-00000000dead"
            val bad = tablet.vault.insert("patients", """{"given_name":"Bad","primary_clinic_id":"$nowhere"}""")
            tablet.vault.insert("patients", amal)
            val before = now()
            assertEquals(1uL, tablet.sync().quarantined)
            val proven = tablet.vault.quarantinedRecords().single()
            assertTrue(proven.sinceMs in before..now())
            assertNull(proven.retryAtMs, "it alone was refused, and others were taken")

            tablet.vault.releaseRecord("patients", bad)
            val again = now()
            val alone = tablet.sync()
            assertEquals(0uL to 1uL, alone.pushed to alone.quarantined)
            val aside = tablet.vault.quarantinedRecords().single()
            val retry = assertNotNull(aside.retryAtMs)
            assertTrue(retry > again && retry <= now() + hour, "$aside")
            assertFalse(tablet.standing(bad).refusedBy.isEmpty())
        }
    }
}
