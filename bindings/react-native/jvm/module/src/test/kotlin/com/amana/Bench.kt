package com.amana

import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files
import java.util.concurrent.ConcurrentLinkedQueue

/** The bridge without the module over it, on a directory of its own. */
internal class Bench : AutoCloseable {
    private val home: File = Files.createTempDirectory("amana-bench").toFile()
    private val events = ConcurrentLinkedQueue<Pair<String, Map<String, Any?>>>()
    val bridge = CoreBridge(DesktopPlatform(home)) { name, value -> events.add(name to value) }

    /** The handle of a vault, as it is. */
    suspend fun attach(name: String): Double =
        (bridge.life.attach("{\"name\":\"$name\"}")["handle"] as Long).toDouble()

    /** The handle of a vault that is open. */
    suspend fun open(name: String): Double = attach(name).also { bridge.life.openForDevice(it, null) }

    /** How often a handle was told to be in a state. */
    fun told(state: String, handle: Double): Int = events.count { (name, value) ->
        name == "onVaultState" && value["state"] == state && value["handle"] == handle.toLong()
    }

    override fun close() {
        runBlocking { bridge.close() }
        home.deleteRecursively()
    }
}
