package amana.core

import kotlinx.coroutines.runBlocking
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/** A tablet in a process of its own, which syncs until it comes to a phase, says so, and stays there. */
class Doomed(
    directory: File,
    clinic: Clinic,
    phase: String,
) : AutoCloseable {
    private val process =
        ProcessBuilder(
            listOf(File(System.getProperty("java.home"), "bin/java").path, "-Xmx256m") +
                "-Djna.library.path=${System.getProperty("jna.library.path")}" +
                listOf("-cp", System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")) +
                listOf("amana.core.DoomedKt", directory.path, clinic.url, clinic.authority.path, phase),
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    /** What it says once it is there. */
    fun said(): String? = process.inputStream.bufferedReader().readLine()

    /** SIGKILL; the exit code. */
    fun kill(): Int {
        process.destroyForcibly()
        check(process.waitFor(30, TimeUnit.SECONDS)) { "the process does not end" }
        return process.exitValue()
    }

    override fun close() {
        process.destroyForcibly()
    }
}

fun main(arguments: Array<String>) {
    val (directory, url, authority, phase) = arguments
    val listener =
        object : SyncListener {
            override fun progress(progress: SyncProgress) {
                if (progress.phase != phase) return
                println(phase)
                CountDownLatch(1).await()
            }
        }
    runBlocking {
        val vault = openVault(Tablet.config(File(directory)))
        if (vault.status().person == null) {
            vault.signIn(url, File(authority).readText(), Tablet.NOOR, Tablet.NOORS_PASSWORD.toByteArray(), null)
        }
        vault.insert("patients", """{"given_name":"$phase"}""")
        vault.sync(listener, null, false)
    }
    println("the sync has ended")
}
