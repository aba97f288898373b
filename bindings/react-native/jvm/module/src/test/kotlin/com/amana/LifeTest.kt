package com.amana

import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import kotlinx.coroutines.runBlocking
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A vault's life through the module. */
class LifeTest {
    @Test
    fun aVaultIsMadeLockedOpenedAndWiped() = Phone().use { phone ->
        val handle = phone.attach()
        assertEquals("locked", phone.module.vaultState(handle))
        assertEquals(true, phone.call { openForDevice(handle, null, it) })
        assertEquals("unlocked", phone.event("onVaultState").getString("state"))
        assertEquals("unlocked", phone.module.vaultState(handle))
        phone.call { lock(handle, it) }
        assertEquals("locked", phone.event("onVaultState").getString("state"))
        assertEquals("locked", phone.refused { createRecord(handle, "patients", "{}", it) })
        assertTrue(phone.module.kvGetSync(handle, "stored:app", "k").startsWith("!{"))
        assertEquals(false, phone.call { openForDevice(handle, null, it) })
        phone.call { wipe(handle, it) }
        assertEquals("closed", phone.module.vaultState(handle))
        phone.call { closeVault(handle, it) }
        phone.call { closeVault(handle, it) }
        Unit
    }

    @Test
    fun aWipedVaultLeavesNoHandleBehind() = Bench().use { bench ->
        val life = bench.bridge.life
        runBlocking {
            val other = bench.open("other")
            val one = bench.open("clinic")
            val two = bench.attach("clinic")
            assertEquals(3, bench.bridge.vaults.count())
            life.wipe(one)
            assertEquals(1, bench.bridge.vaults.count())
            for (handle in listOf(one, two)) {
                assertEquals("closed", life.state(handle))
                assertEquals("closed", assertFailsWith<Failure> { life.glance(handle) }.code)
                assertEquals("closed", assertFailsWith<Failure> { life.wipe(handle) }.code)
                life.close(handle)
                assertEquals(1, bench.told("closed", handle))
            }
            assertEquals("unlocked", life.state(other))
            val again = bench.attach("clinic")
            assertEquals("nothing", life.glance(again)["presence"])
            assertEquals(2, bench.bridge.vaults.count())
        }
    }

    @Test
    fun twoHandlesAreOneVaultUntilTheLastIsClosed() = Phone().use { phone ->
        val one = phone.open()
        val two = phone.attach()
        assertNotEquals(one, two)
        assertEquals("unlocked", phone.module.vaultState(two))
        phone.call { closeVault(one, it) }
        phone.event("onVaultState") { it.getDouble("handle") == one && it.getString("state") == "closed" }
        assertEquals("closed", phone.refused { keySlots(one, it) })
        phone.call { kvSet(two, "stored:app", "k", "tv", null, it) }
        assertEquals("tv", phone.module.kvGetSync(two, "stored:app", "k"))
        phone.call { closeVault(two, it) }
        phone.event("onVaultState") { it.getDouble("handle") == two && it.getString("state") == "closed" }
        Unit
    }

    @Test
    fun twoThatOpenAtOnceMakeOneVault() = Phone().use { phone ->
        val handles = List(4) { phone.attach() }
        val made = handles.map { handle -> phone.start { openForDevice(handle, null, it) } }.map { it.get() }
        assertEquals(1, made.count { it == true })
    }

    @Test
    fun aPinOpensAndAWrongOneIsCounted() = Phone().use { phone ->
        val handle = phone.attach()
        phone.call { createForPerson(handle, "amal", secret("4711"), null, it) }
        phone.call { lock(handle, it) }
        assertEquals("wrong_pin", phone.refused { unlockWithPin(handle, "amal", secret("0000"), it) })
        val refusal = phone.call { lastRefusal(handle, it) } as ReadableMap
        assertEquals(1.0, refusal.getDouble("failures"))
        assertFalse(refusal.getBoolean("slotDropped"))
        phone.call { unlockWithPin(handle, "amal", secret("4711"), it) }
        assertNull(phone.call { lastRefusal(handle, it) })
        val slots = phone.call { keySlots(handle, it) } as ReadableMap
        val slot = assertNotNull(slots.getArray("slots")?.getMap(0))
        assertEquals("pin", slot.getString("kind"))
        assertEquals("amal", slot.getString("person"))
    }

    @Test
    fun presenceOpensOnceThePersonConfirms() {
        var confirms: Boolean? = false
        val prompt = FakePrompt { confirms }
        Phone(prompt).use { phone ->
            val handle = phone.attach()
            phone.call { createForPerson(handle, "amal", secret("4711"), null, it) }
            assertEquals("presence_required", phone.refused { addPresence(handle, "Open", "No", it) })
            confirms = true
            val slot = phone.call { addPresence(handle, "Open", "No", it) } as String
            assertEquals(32, slot.length)
            phone.call { lock(handle, it) }
            confirms = false
            assertEquals("presence_required", phone.refused { unlockWithPresence(handle, "Open", "No", it) })
            confirms = true
            phone.call { unlockWithPresence(handle, "Open", "No", it) }
            assertEquals("unlocked", phone.module.vaultState(handle))
            phone.call { lock(handle, it) }
            phone.call { salvageWithPresence(handle, "Open", "No", it) }
            confirms = null
            assertEquals("unsupported", phone.refused { unlockWithPresence(handle, "Open", "No", it) })
            // what was derived to add the slot, to open, to salvage: no copy of it stays
            assertEquals(3, prompt.derived.size)
            prompt.derived.forEach { bytes -> assertTrue(bytes.all { it == 0.toByte() }) }
        }
    }

    @Test
    fun whenTheAppGoesEveryHandleIsClosedAlsoOneThatIsBeingMade() = repeat(20) {
        Phone().use { phone ->
            val open = phone.open()
            val late = phone.start { attachVault("{\"name\":\"late\"}", it) }
            phone.module.invalidate()
            phone.module.invalidate()
            val handles = mutableSetOf(open)
            try {
                handles += (late.get() as ReadableMap).getDouble("handle")
            } catch (refused: Rejection) {
                assertTrue(refused.code == "closed" || refused.code == "cancelled", refused.code)
            }
            handles.forEach { while (phone.module.vaultState(it) != "closed") Thread.yield() }
        }
    }

    /** What takes events is freed by then; the vault's own end is one. */
    @Test
    fun nothingIsToldOnceTheAppIsGone() = repeat(20) {
        Phone().use { phone ->
            val handle = phone.open()
            phone.event("onVaultState") { it.getString("state") == "unlocked" }
            phone.module.invalidate()
            val told = phone.toldSoFar()
            while (phone.module.vaultState(handle) != "closed") Thread.yield()
            // whoever attaches now waits until the vault is closed, and all of it is told by then
            Phone(home = phone.home).use { next -> next.open() }
            assertEquals(told, phone.toldSoFar())
        }
    }

    /** The app's JavaScript is loaded anew: its module is there before the old one has let go of its vaults. */
    @Test
    fun aVaultOutlivesTheModuleThatWasThereBefore() = Phone().use { old ->
        old.open()
        Phone(home = old.home).use { next ->
            val handle = next.attach()
            assertEquals("unlocked", next.module.vaultState(handle))
            old.module.invalidate()
            old.handles.forEach { while (old.module.vaultState(it) != "closed") Thread.yield() }
            assertEquals(0.0, next.call { countRecords(handle, "patients", "{}", it) })
        }
    }

    @Test
    fun aHandleThatIsClosedWhileThePersonIsAskedIsClosed() {
        lateinit var phone: Phone
        var handle = 0.0
        var closes = false
        phone = Phone(
            FakePrompt {
                if (closes) phone.call { closeVault(handle, it) }
                true
            },
        )
        phone.use {
            handle = phone.attach()
            phone.call { createForPerson(handle, "amal", secret("4711"), null, it) }
            phone.call { addPresence(handle, "Open", "No", it) }
            phone.call { lock(handle, it) }
            closes = true
            assertEquals("closed", phone.refused { unlockWithPresence(handle, "Open", "No", it) })
        }
    }

    @Test
    fun theConfigurationArrivesAtTheCore() = Phone().use { phone ->
        for (bad in listOf("", "[]", "{}", """{"name":"A"}""", """{"name":"a","sync":{"lastWord":"me"}}""")) {
            assertEquals("invalid_input", phone.refused { attachVault(bad, it) })
        }
        // two pins at least: the core looks at them
        val onePin = """{"name":"a","cloudPins":{"pins":["AAAA"],"expiresMs":1}}"""
        assertEquals("invalid_input", phone.refused { attachVault(onePin, it) })
        // and at the limits
        val noTime = """{"name":"a","sync":{"timeLimits":{"idleMs":0}}}"""
        assertEquals("invalid_input", phone.refused { attachVault(noTime, it) })
        val rules = """{"name":"a","cloudSync":"token","idleLockMs":0,
            "sync":{"lastWord":"hub","conflicts":"latest","tables":{"patients":"remote"},"hubFullPullDays":2,
            "timeLimits":{"connectMs":1000,"wholeMs":60000}}}"""
        assertEquals("locked", (phone.call { attachVault(rules, it) } as ReadableMap).getString("state"))
    }

    @Test
    fun careTellsOfAHealthyVault() = Phone().use { phone ->
        val handle = phone.open()
        assertTrue((phone.call { diagnose(handle, it) } as String).contains("\"keyring\""))
        val integrity = phone.call { integrity(handle, it) } as ReadableMap
        assertEquals(0.0, integrity.getDouble("damagedTrees"))
        phone.call { lock(handle, it) }
        assertNull(phone.call { integrity(handle, it) })
        assertEquals("invalid_input", phone.refused { salvage(handle, null, secret("4711"), it) })
        val test = phone.call { runKeyStoreSelfTest("{}", it) } as ReadableMap
        assertTrue(test.getBoolean("passed"))
        assertTrue((phone.call { quarantinedVaults(handle, it) } as ReadableArray).size() == 0)
    }
}
