package com.amana

import kotlinx.coroutines.runBlocking
import java.io.File

/**
 * What an app does, for R8 to shrink: a vault is opened, values and records go through JNI and through
 * JNA, the library calls back, and a refusal has its code. Prints what it saw, a line each.
 */
fun main(arguments: Array<String>) {
    val told = java.util.concurrent.LinkedBlockingQueue<String>()
    val bridge = CoreBridge(DesktopPlatform(File(arguments[0]))) { name, value -> told.add("$name ${value["space"]}") }
    runBlocking {
        val handle = (bridge.life.attach("""{"name":"shrunk"}""")["handle"] as Long).toDouble()
        println(bridge.life.state(handle))
        println(bridge.life.openForDevice(handle, null))
        println(bridge.life.state(handle))
        bridge.keyValues.set(handle, "stored:app", "k", "tv", null)
        println(bridge.keyValues.getNow(handle, "stored:app", "k"))
        println(bridge.keyValues.get(handle, "stored:app", "k"))
        val id = bridge.records.create(handle, "patients", """{"given_name":"Amal"}""")
        println(bridge.records.findNow(handle, "patients", id).contains("Amal"))
        println(
            generateSequence {
                told.poll(60, java.util.concurrent.TimeUnit.SECONDS)
            }.first { it.startsWith("onKv") },
        )
        println(bridge.life.slots(handle)["proven"])
        try {
            bridge.records.find(handle, "nothing", id)
        } catch (refused: Exception) {
            println(Failure.of(refused).code)
        }
        bridge.close()
        println(bridge.life.state(handle))
    }
}
