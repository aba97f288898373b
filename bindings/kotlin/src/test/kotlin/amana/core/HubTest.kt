package amana.core

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A clinic in small: two tablets, its hub and the cloud; who may be a hub, and what becomes of what is refused. */
class HubTest {
    private val cloud = Tablet.CLOUD
    private val amal = """{"given_name":"Amal","surname":"Haddad","date_of_birth":"1980-02-03"}"""

    private suspend fun bothJoin(hub: Hub, one: Tablet, two: Tablet) {
        one.join(hub, Tablet.NOOR, Tablet.NOORS_PASSWORD)
        two.join(hub, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
    }

    @Test
    fun aRecordGoesFromTabletToTabletByTheHubAndThenToTheCloud() = Tablet.withTwo { one, two ->
        Hub().use { hub ->
            Clinic().use { clinic ->
                val paired = one.vault.pairHub(hub.code, null)
                assertEquals(PairedHub(hub.peer, "Reference hub", hub.url), paired)
                assertEquals(listOf(paired), one.vault.hubs())
                val noor = one.vault.signInAtHub(hub.peer, Tablet.NOOR, Tablet.NOORS_PASSWORD.toByteArray(), null)
                assertEquals(hub.clinicId, noor.clinicId)
                two.join(hub, Tablet.SAMI, Tablet.SAMIS_PASSWORD)

                val patient = one.vault.insert("patients", amal)
                assertEquals(Standing.HERE_ONLY, one.standing(patient).standing)
                val waits = listOf(TablePending("patients", 1uL, 0uL))
                val before = one.vault.syncStatus().peers.associateBy { it.peer }
                assertEquals(setOf(cloud, hub.peer), before.keys)
                for (peer in before.values) {
                    assertEquals(waits, peer.pending)
                    assertNull(peer.lastSuccessMs)
                }

                val heard = Heard()
                assertEquals(1uL, one.vault.syncWith(hub.peer, heard, null, false).pushed)
                assertEquals("pulling", heard.phases.first())
                assertEquals("finished", heard.phases.last())
                assertContains(heard.phases, "pushing")
                val onHub = one.standing(patient)
                assertEquals(Standing.ON_HUB, onHub.standing)
                assertEquals(listOf(hub.peer), onHub.takenBy)
                assertEquals(emptyList(), one.pending(hub.peer))
                assertEquals(waits, one.pending(cloud))

                val changes = LinkedBlockingQueue<Change>()
                val observation =
                    two.vault.observe(
                        object : ChangeObserver {
                            override fun changed(change: Change) {
                                changes.add(change)
                            }
                        },
                    )
                two.syncWith(hub.peer)
                do {
                    val change = assertNotNull(withContext(Dispatchers.IO) { changes.poll(30, TimeUnit.SECONDS) })
                    assertTrue(change.fromPeer)
                } while (change.tables.none { it.table == "patients" && it.ids == listOf(patient) })
                observation.stop()
                observation.close()
                assertContains(assertNotNull(two.vault.get("patients", patient)), "Haddad")

                one.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
                assertEquals(1uL, one.syncWith(cloud).pushed)
                assertEquals(Standing.IN_CLOUD, one.standing(patient).standing)
                val after = one.vault.syncStatus().peers
                assertEquals(setOf(cloud, hub.peer), after.map { it.peer }.toSet())
                for (peer in after) {
                    assertEquals(emptyList(), peer.pending)
                    assertNotNull(peer.lastSuccessMs)
                    assertNull(peer.lastError)
                }
                two.signIn(clinic, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
                two.syncWith(cloud)
                assertEquals(Standing.IN_CLOUD, two.standing(patient).standing)
            }
        }
    }

    @Test
    fun aConflictKeepsBothValuesAndIsUndone() = Tablet.withTwo { one, two ->
        Hub().use { hub ->
            bothJoin(hub, one, two)
            val patient = one.vault.insert("patients", amal)
            one.syncWith(hub.peer)
            two.syncWith(hub.peer)
            one.vault.update("patients", patient, """{"phone":"111"}""")
            two.vault.update("patients", patient, """{"phone":"222"}""")
            one.syncWith(hub.peer)
            assertEquals(1uL, two.syncWith(hub.peer).conflicts)
            val conflict = two.vault.conflicts(0).single()
            assertEquals("both_changed", conflict.kind)
            assertEquals("patients" to patient, conflict.table to conflict.recordId)
            assertEquals("phone", conflict.column)
            assertEquals("\"222\"" to "\"111\"", conflict.local to conflict.remote)
            assertEquals("local", conflict.kept)
            assertEquals(hub.peer, conflict.peer)
            assertNull(conflict.undoneAtMs)
            assertEquals(1uL, two.vault.syncStatus().conflicts)

            assertEquals(ErrorCode.NOT_FOUND, code { two.vault.undoConflict(conflict.id + 1) })
            assertEquals(patient, two.vault.undoConflict(conflict.id))
            assertEquals(ErrorCode.INVALID_INPUT, code { two.vault.undoConflict(conflict.id) })
            assertNotNull(two.vault.conflicts(0).single().undoneAtMs)
            assertEquals(0uL, two.vault.syncStatus().conflicts)
            two.syncWith(hub.peer)
            one.syncWith(hub.peer)
            for (tablet in listOf(one, two)) {
                assertContains(assertNotNull(tablet.vault.get("patients", patient)), "\"phone\":\"111\"")
            }
        }
    }

    @Test
    fun theRemoteValueWinsInTheTableThatSaysSoAndNowhereElse() {
        val rules = SyncRules(conflicts = listOf(TableRule("patients", ConflictRule.REMOTE)))
        Tablet.withTwo(rules) { one, two ->
            Hub().use { hub ->
                bothJoin(hub, one, two)
                val patient = one.vault.insert("patients", amal)
                val visit =
                    one.vault.insert("visits", """{"patient_id":"$patient","clinic_id":"${hub.clinicId}"}""")
                one.syncWith(hub.peer)
                two.syncWith(hub.peer)
                for ((tablet, value) in listOf(one to "111", two to "222")) {
                    tablet.vault.update("patients", patient, """{"phone":"$value"}""")
                    tablet.vault.update("visits", visit, """{"provider_name":"$value"}""")
                }
                one.syncWith(hub.peer)
                assertEquals(2uL, two.syncWith(hub.peer).conflicts)
                val kept = two.vault.conflicts(0).associate { it.table to it.kept }
                assertEquals(mapOf("patients" to "remote", "visits" to "local"), kept)
                assertContains(assertNotNull(two.vault.get("patients", patient)), "\"phone\":\"111\"")
                assertContains(assertNotNull(two.vault.get("visits", visit)), "\"provider_name\":\"222\"")
            }
        }
    }

    @Test
    fun whereTheHubHasTheLastWordNothingWaitsOnceItHasTakenAnEdit() {
        Tablet.withTwo(SyncRules(hubHasLastWord = true)) { one, two ->
            Hub().use { hub ->
                bothJoin(hub, one, two)
                for (tablet in listOf(one, two)) {
                    val patient = tablet.vault.insert("patients", amal)
                    tablet.syncWith(hub.peer)
                    tablet.vault.update("patients", patient, """{"phone":"111"}""")
                    assertEquals(Standing.HERE_ONLY, tablet.standing(patient).standing)
                    assertEquals(1uL, tablet.syncWith(hub.peer).pushed)
                    assertEquals(Standing.ON_HUB, tablet.standing(patient).standing)
                    assertEquals(emptyList(), tablet.pending(hub.peer))
                }
                // only with the rule is the cloud owed nothing
                assertEquals(listOf(TablePending("patients", 1uL, 0uL)), one.pending(cloud))
                assertEquals(emptyList(), two.pending(cloud))
                assertEquals(listOf(1uL, 0uL), listOf(one, two).map { it.vault.status().pending })
            }
        }
    }

    @Test
    fun aRefusedRecordIsPutAsideWithItsReasonUntilItIsMended() = Tablet.withTwo { one, _ ->
        Clinic().use { clinic ->
            one.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            one.vault.insert("patients", amal)
            val nowhere = "aaaaaaaa-0000-4000-8000-00000000dead"
            val bad = one.vault.insert("patients", """{"given_name":"Bad","primary_clinic_id":"$nowhere"}""")
            one.vault.insert("visits", """{"patient_id":"$bad","clinic_id":"${clinic.clinicId}"}""")
            val first = one.sync()
            assertEquals(1uL to 1uL, first.pushed to first.quarantined)
            assertEquals(1uL, first.waiting)

            val aside = one.vault.quarantinedRecords().single()
            assertEquals(listOf(cloud, "patients", bad), listOf(aside.peer, aside.table, aside.recordId))
            assertEquals("the peer refuses this record", aside.reason)
            assertEquals(1uL, aside.waiting)
            val standing = one.standing(bad)
            assertEquals(Standing.HERE_ONLY, standing.standing)
            assertEquals(listOf(PeerRefusal(cloud, aside.reason)), standing.refusedBy)
            val pending = one.pending(cloud).associateBy { it.table }
            assertEquals(TablePending("patients", 1uL, 1uL), pending["patients"])
            assertEquals(TablePending("visits", 1uL, 0uL), pending["visits"])

            // Tried again as it is, it is refused again, while others are taken.
            one.vault.releaseRecord("patients", bad)
            assertEquals(emptyList(), one.vault.quarantinedRecords())
            one.vault.insert("patients", amal)
            val again = one.sync()
            assertEquals(1uL to 1uL, again.pushed to again.quarantined)
            assertEquals(1uL, one.vault.releaseAllRecords())
            assertEquals(0uL, one.vault.releaseAllRecords())

            one.vault.update("patients", bad, """{"primary_clinic_id":"${clinic.clinicId}"}""")
            val mended = one.sync()
            assertEquals(2uL to 0uL, mended.pushed to mended.quarantined)
            assertEquals(emptyList(), one.vault.quarantinedRecords())
            assertEquals(emptyList(), one.pending(cloud))
            assertEquals(Standing.IN_CLOUD, one.standing(bad).standing)
        }
    }

    @Test
    fun aCancelledSyncWithAHubLosesNothing() = Tablet.withTwo { one, _ ->
        Hub().use { hub ->
            CancelHandle().use { cancelled ->
                cancelled.cancel()
                assertEquals(ErrorCode.CANCELLED, code { one.vault.pairHub(hub.code, cancelled) })
            }
            assertEquals(emptyList(), one.vault.hubs())
            one.join(hub, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            val patient = one.vault.insert("patients", amal)
            for (phase in listOf("pulling", "pushing")) {
                CancelHandle().use { cancel ->
                    val heard = Heard(phase, cancel)
                    assertEquals(ErrorCode.CANCELLED, code { one.vault.syncWith(hub.peer, heard, cancel, false) })
                    assertEquals(phase, heard.phases.last())
                }
                assertEquals(Standing.HERE_ONLY, one.standing(patient).standing)
            }
            assertEquals(1uL, one.syncWith(hub.peer).pushed)
            assertEquals(Standing.ON_HUB, one.standing(patient).standing)
        }
    }

    @Test
    fun onlyWhoHoldsTheCodesKeyIsTheHub() = Tablet.withTwo { one, two ->
        Hub().use { hub ->
            // the same id, and another key
            Hub("--private-key", "M".padEnd(43, 'A')).use { other ->
                val withoutKey = """{"type":"sync_hub","url":"${hub.url}","id":"${hub.id}"}"""
                for (text in listOf(withoutKey, hub.url, "")) {
                    assertEquals(ErrorCode.INVALID_INPUT, code { one.vault.pairHub(text, null) })
                }
                val elsewhere = hub.code.replace(hub.url, other.url)
                assertEquals(ErrorCode.PEER_IDENTITY_MISMATCH, code { one.vault.pairHub(elsewhere, null) })
                assertEquals(emptyList(), one.vault.hubs())
                val password = Tablet.NOORS_PASSWORD.toByteArray()
                val unknown = code { one.vault.signInAtHub(hub.peer, Tablet.NOOR, password, null) }
                assertEquals(ErrorCode.NOT_FOUND, unknown)

                two.join(hub, Tablet.SAMI, Tablet.SAMIS_PASSWORD)
                two.vault.moveHub(hub.peer, other.url)
                assertEquals(ErrorCode.PEER_IDENTITY_MISMATCH, code { two.syncWith(hub.peer) })
                val told = two.peer(hub.peer)
                assertEquals("peer_identity_mismatch" to 1u, told.lastError to told.failures)
                assertNull(told.nextTryMs, "only a person can help")
                two.vault.moveHub(hub.peer, hub.url)
                two.syncWith(hub.peer)
                two.vault.forgetPeer(hub.peer)
                assertEquals(emptyList(), two.vault.hubs())
            }
        }
    }
}
