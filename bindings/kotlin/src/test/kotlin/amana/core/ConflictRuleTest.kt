package amana.core

import kotlinx.coroutines.runBlocking
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** An app's own rule for conflicts: what it is asked, what becomes of its answers, and of none. */
class ConflictRuleTest {
    private class Rule(
        private val answer: (String) -> String,
    ) : ConflictResolver {
        val asked = AtomicInteger()
        var question = ""

        override fun resolve(question: String): String {
            asked.incrementAndGet()
            this.question = question
            return answer(question)
        }
    }

    private fun rules(rule: ConflictResolver, otherwise: ConflictRule = ConflictRule.REMOTE) =
        SyncRules(
            conflicts = listOf(TableRule("patients", otherwise, "joined")),
            appRules = listOf(AppRule("joined", rule)),
        )

    /** A patient whose phone two tablets have changed; the second meets the conflict, and asks the rule. */
    private suspend fun conflict(
        clinic: Clinic,
        rule: ConflictResolver,
        made: (Tablet) -> Unit = {},
        look: suspend (Tablet, String) -> Unit,
    ) {
        val one = Tablet.make()
        val two = Tablet.make(rules(rule))
        made(two)
        for (tablet in listOf(one, two)) tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
        val patient = one.vault.insert("patients", """{"given_name":"Amal"}""")
        one.sync()
        two.sync()
        one.vault.update("patients", patient, """{"phone":"111"}""")
        two.vault.update("patients", patient, """{"phone":"222"}""")
        one.sync()
        assertEquals(1uL, two.sync().conflicts)
        look(two, patient)
        one.end()
        two.end()
    }

    private suspend fun Tablet.phone(patient: String): String {
        val record = assertNotNull(vault.get("patients", patient))
        return assertNotNull(Regex("\"phone\":\"([^\"]*)\"").find(record)).groupValues[1]
    }

    @Test
    fun whatTheRuleMakesOfBothIsStoredAndPushed() = runBlocking {
        Clinic().use { clinic ->
            val rule = Rule { """{"phone":{"value":"222 / 111"}}""" }
            conflict(clinic, rule) { tablet, patient ->
                assertEquals("222 / 111", tablet.phone(patient))
                assertEquals(0uL, tablet.vault.status().pending)
                assertEquals("rule", tablet.vault.conflicts(0).single().kept)
                for (part in listOf(
                    "\"table\":\"patients\"",
                    "\"record_id\":\"$patient\"",
                    "\"column\":\"phone\",\"base\":null,\"local\":\"222\",\"remote\":\"111\"",
                )) {
                    assertContains(rule.question, part)
                }
                assertTrue(Regex("\"local_at_ms\":\\d+,\"remote_at_ms\":\\d+").containsMatchIn(rule.question))
                tablet.sync()
                assertEquals(1, rule.asked.get(), "it is not asked again")
            }
        }
    }

    @Test
    fun aRuleThatFailsInWhateverWayLeavesItToTheUsualOne() = runBlocking {
        Clinic().use { clinic ->
            val failing =
                listOf(
                    Rule { throw IllegalStateException("CanaryText") },
                    Rule { throw OutOfMemoryError("CanaryText") },
                    Rule { throw AmanaException.Failure(ErrorCode.NETWORK, true, null, "CanaryText", null) },
                    Rule { "no JSON" },
                    Rule { """{"phone":{"value":7}}""" },
                )
            for (rule in failing) {
                conflict(clinic, rule) { tablet, patient ->
                    assertEquals("111", tablet.phone(patient))
                    val entry = tablet.vault.conflicts(0).single()
                    assertEquals("rule_failed", entry.kind)
                    assertEquals("remote", entry.kept)
                    assertEquals("\"222\"", entry.local)
                    // The other value can still be taken.
                    tablet.vault.undoConflict(entry.id)
                    assertEquals("222", tablet.phone(patient))
                }
            }
        }
    }

    @Test
    fun aRuleThatCallsItsVaultHearsThatItIsBusy() = runBlocking {
        Clinic().use { clinic ->
            var vault: Vault? = null
            val heard = mutableListOf<ErrorCode>()
            val rule =
                Rule {
                    val own = assertNotNull(vault)
                    val calls: List<suspend () -> Unit> =
                        listOf(
                            { own.insert("patients", "{}") },
                            { own.getNow("patients", "x") },
                            { own.kvGet(KvNamespace.Stored("a"), "b") },
                            { own.sync(null, null, false) },
                            { own.lock() },
                            { own.shutdown() },
                            { own.rotate() },
                            { own.protectedDataGone() },
                            { own.wipe() },
                        )
                    for (call in calls) heard += runBlocking { code(call) }
                    """{"phone":"local"}"""
                }
            conflict(clinic, rule, { vault = it.vault }) { tablet, patient ->
                assertEquals(List(9) { ErrorCode.BUSY }, heard)
                assertEquals("222", tablet.phone(patient))
                assertEquals("both_changed", tablet.vault.conflicts(0).single().kind)
            }
        }
    }

    @Test
    fun aNameThatNoRuleHasIsRefusedBeforeAnythingOpens() = runBlocking {
        val rules = SyncRules(conflicts = listOf(TableRule("patients", ConflictRule.LOCAL, "unknown")))
        val failure = failure { Tablet.make(rules) }
        assertEquals(ErrorCode.INVALID_INPUT, failure.code)
        assertEquals("patients", failure.at)
    }

    @Test
    fun keysThatAreNotPinnedAreInTheStatus() = runBlocking {
        Clinic().use { clinic ->
            val pins = listOf("A".repeat(43) + "=", "B" + "A".repeat(42) + "=")
            val tablet = Tablet.make(SyncRules(cloudPins = CloudPins(pins, Long.MAX_VALUE, true)))
            assertEquals(0uL, tablet.vault.syncStatus().pinMismatches)
            tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            assertTrue(tablet.vault.syncStatus().pinMismatches > 0uL)
            tablet.end()
        }
    }

    @Test
    fun aTokenIsEnoughToSync() = runBlocking {
        Clinic().use { clinic ->
            val tablet = Tablet.make(SyncRules(cloudToken = true))
            val noor = tablet.signIn(clinic, Tablet.NOOR, Tablet.NOORS_PASSWORD)
            assertEquals("Dr Noor Haddad", noor.name)
            tablet.vault.insert("patients", """{"given_name":"Amal"}""")
            assertEquals(1uL, tablet.sync().pushed)
            tablet.end()
        }
    }
}
