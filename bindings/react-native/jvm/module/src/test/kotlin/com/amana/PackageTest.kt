package com.amana

import com.facebook.react.bridge.BridgeReactContext
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertIs
import kotlin.test.assertNull
import kotlin.test.assertTrue

class PackageTest {
    @Test
    fun thePackageListsTheModule() {
        val infos = AmanaPackage().getReactModuleInfoProvider().getReactModuleInfos()
        assertEquals(setOf("Amana"), infos.keys)
        val info = infos.getValue("Amana")
        assertTrue(info.isTurboModule)
        assertEquals(AmanaModule::class.java.name, info.className)
    }

    /** As an app makes it: with the phone's own platform, containers and events. */
    @Test
    fun thePackageMakesTheModule() {
        val context = BridgeReactContext(NoContext())
        val module = assertIs<AmanaModule>(AmanaPackage().getModule("Amana", context))
        assertEquals("Amana", module.name)
        // nothing is open yet, and nothing has been loaded for it
        assertEquals("closed", module.vaultState(1.0))
        module.invalidate()
        assertNull(AmanaPackage().getModule("Other", context))
    }
}
