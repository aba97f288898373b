package amana.core

import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A clinic in small: what a hub brings to the cloud, and what becomes of edits when a hub dies and a cloud is away. */
class ClinicTest {
    private val cloud = Tablet.CLOUD

    @Test
    fun editsReachTheCloudThroughAHubAndWithoutIt() = Tablet.withTwo { one, two ->
        Clinic().use { clinic ->
            Hub(cloud = clinic).use { hub ->
                val patient = relayed(clinic, hub, one, two)
                hubDies(clinic, hub, patient, one, two)
                cloudIsAway(clinic, one, two)
                for (tablet in listOf(one, two, one)) tablet.vault.sync(null, null, true)
                assertEquals(one.digest(), two.digest())
                for (tablet in listOf(one, two)) {
                    assertEquals(emptyList(), tablet.pending(cloud))
                    val status = tablet.vault.syncStatus()
                    assertEquals(listOf(0uL, 0uL, 0uL), listOf(status.conflicts, status.absent, status.unconfirmed))
                    // Nothing was made twice.
                    assertEquals(3uL, tablet.vault.count("patients", "{}"))
                    assertEquals(2uL, tablet.vault.count("visits", "{}"))
                }
            }
        }
    }

    /** From a tablet that knows the hub alone to one that knows the cloud alone. */
    private suspend fun relayed(clinic: Clinic, hub: Hub, one: Tablet, two: Tablet): String {
        one.join(hub, Tablet.NOOR, Tablet.NOORS_PASSWORD)
        two.signIn(clinic, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
        val patient = one.vault.insert("patients", """{"given_name":"Amal","surname":"Haddad"}""")
        visit(one, clinic, patient)
        assertEquals(2uL, one.syncWith(hub.peer).pushed)
        assertEquals(Standing.ON_HUB, one.standing(patient).standing)
        two.sync()
        assertNull(two.vault.get("patients", patient), "the hub has not met the cloud yet")

        val meeting = hub.meet()
        assertContains(meeting, "\"done\":true")
        assertContains(meeting, "\"sent\":2")
        two.sync()
        assertContains(assertNotNull(two.vault.get("patients", patient)), "Haddad")
        assertEquals(Standing.IN_CLOUD, two.standing(patient).standing)
        return patient
    }

    /** What it had taken and not yet brought to the cloud goes there directly. */
    private suspend fun hubDies(clinic: Clinic, hub: Hub, patient: String, one: Tablet, two: Tablet) {
        one.vault.update("patients", patient, """{"phone":"111"}""")
        val second = visit(one, clinic, patient)
        assertEquals(2uL, one.syncWith(hub.peer).pushed)
        assertEquals(Standing.ON_HUB, one.standing(patient).standing)
        hub.kill()
        assertEquals(ErrorCode.NETWORK, code { one.syncWith(hub.peer) })
        val told = one.peer(hub.peer)
        assertEquals("network" to 1u, told.lastError to told.failures)

        one.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
        // Of the first visit the pull has shown that it is there.
        assertEquals(2uL, one.syncWith(cloud).pushed)
        assertEquals(Standing.IN_CLOUD, one.standing(patient).standing)
        two.sync()
        assertContains(assertNotNull(two.vault.get("patients", patient)), "\"phone\":\"111\"")
        assertNotNull(two.vault.get("visits", second))
    }

    /** Both go on working, and what they did arrives when it is back. */
    private suspend fun cloudIsAway(clinic: Clinic, one: Tablet, two: Tablet) {
        clinic.stop()
        val made =
            listOf(one, two).map { tablet ->
                val patient = tablet.vault.insert("patients", """{"given_name":"Offline"}""")
                val failure = failure { tablet.syncWith(cloud) }
                assertEquals(ErrorCode.NETWORK to true, failure.code to failure.retryable)
                assertEquals(listOf(TablePending("patients", 1uL, 0uL)), tablet.pending(cloud))
                assertEquals(Standing.HERE_ONLY, tablet.standing(patient).standing)
                assertNotNull(tablet.vault.get("patients", patient))
                patient
            }
        clinic.comeBack()
        for (tablet in listOf(one, two)) assertEquals(1uL, tablet.syncWith(cloud).pushed)
        one.syncWith(cloud)
        for (tablet in listOf(one, two)) {
            for (patient in made) assertNotNull(tablet.vault.get("patients", patient))
            assertTrue(tablet.peer(cloud).pending.isEmpty())
            assertFalse(tablet.vault.status().syncing)
        }
    }

    private suspend fun visit(tablet: Tablet, clinic: Clinic, patient: String): String =
        tablet.vault.insert("visits", """{"patient_id":"$patient","clinic_id":"${clinic.clinicId}"}""")
}
