package com.amana

import amana.core.KeyStoreLevel
import amana.core.KeyStoreOptions
import amana.core.PresenceOutcome
import amana.core.PresenceRequest
import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import javax.crypto.Mac
import javax.crypto.spec.SecretKeySpec
import kotlin.test.Test
import kotlin.test.assertEquals
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
        val prompt = FakePrompt()
        Phone(prompt).use { phone ->
            val handle = phone.attach()
            phone.call { createForPerson(handle, "amal", secret("4711"), null, it) }
            prompt.confirms = false
            assertEquals("presence_required", phone.refused { addPresence(handle, "Open", "No", it) })
            prompt.confirms = true
            val slot = phone.call { addPresence(handle, "Open", "No", it) } as String
            assertEquals(32, slot.length)
            phone.call { lock(handle, it) }
            prompt.confirms = false
            assertEquals("presence_required", phone.refused { unlockWithPresence(handle, "Open", "No", it) })
            prompt.confirms = true
            phone.call { unlockWithPresence(handle, "Open", "No", it) }
            assertEquals("unlocked", phone.module.vaultState(handle))
        }
        Phone().use { phone ->
            val handle = phone.attach()
            phone.call { createForPerson(handle, "amal", secret("4711"), null, it) }
            assertEquals("unsupported", phone.refused { addPresence(handle, "Open", "No", it) })
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
        val rules = """{"name":"a","cloudSync":"token","idleLockMs":0,
            "sync":{"lastWord":"hub","conflicts":"latest","tables":{"patients":"remote"},"hubFullPullDays":2}}"""
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

/** A prompt whose secret is in memory. */
private class FakePrompt : PresencePrompt {
    var confirms = true
    private val secrets = HashMap<String, ByteArray>()

    override suspend fun make(request: PresenceRequest, options: KeyStoreOptions): KeyStoreLevel {
        secrets[request.alias] = ByteArray(32) { 7 }
        return KeyStoreLevel.SOFTWARE
    }

    override suspend fun derive(request: PresenceRequest, title: String, cancelText: String): PresenceOutcome {
        val secret = secrets[request.alias] ?: return PresenceOutcome.Absent
        if (!confirms) return PresenceOutcome.Denied
        val mac = Mac.getInstance("HmacSHA256").apply { init(SecretKeySpec(secret, "HmacSHA256")) }
        return PresenceOutcome.Derived(mac.doFinal(request.input))
    }
}
