package amana.core

import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Two tablets sync through the reference server, over real TLS. */
class TwoTabletsTest {
    @Test
    fun whatOneRegistersTheOtherSeesAndBothEndEqual() = runBlocking {
        Clinic().use { clinic ->
            val one = Tablet.make()
            val two = Tablet.make()
            one.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val sami = two.signIn(clinic, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
            assertEquals(clinic.clinicId, sami.clinicId)

            val patient =
                one.vault.insert(
                    "patients",
                    """{"given_name":"سلمى 👶","surname":"Haddad","date_of_birth":"1980-02-03"}""",
                )
            val visits =
                one.vault.batch(
                    """[{"op":"insert","table":"visits",
                        "fields":{"patient_id":"$patient","clinic_id":"${clinic.clinicId}"}}]""",
                )
            assertEquals(1, visits.size)
            assertEquals(2uL, one.sync().pushed)
            assertTrue(two.sync().inserted >= 2uL)
            assertContains(assertNotNull(two.vault.get("patients", patient)), "سلمى 👶")

            one.vault.update("patients", patient, """{"phone":"111"}""")
            two.vault.update("patients", patient, """{"phone":"222"}""")
            one.sync()
            assertEquals(1uL, two.sync().conflicts)
            one.sync()
            val conflict = two.vault.conflicts(0).single()
            assertEquals("phone", conflict.column)
            assertEquals("\"222\"", conflict.local)
            assertEquals("\"111\"", conflict.remote)

            two.sync()
            val ours = one.vault.digest().associateBy { it.table }
            val theirs = two.vault.digest().associateBy { it.table }
            // Each keeps its own person's permissions.
            assertEquals(ours - "user_clinic_permissions", theirs - "user_clinic_permissions")

            one.vault.delete("patients", patient)
            assertEquals(1uL, one.sync().pushedDeletions)
            two.sync()
            assertNull(two.vault.get("patients", patient))
            one.end()
            two.end()
        }
    }
}
