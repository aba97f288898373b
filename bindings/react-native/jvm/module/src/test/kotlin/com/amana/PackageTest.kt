package com.amana

import kotlin.test.Test
import kotlin.test.assertEquals
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
}
