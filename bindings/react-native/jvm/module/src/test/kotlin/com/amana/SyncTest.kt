package com.amana

import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import java.io.File
import java.net.InetAddress
import java.net.ServerSocket
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Peers and sync through the module. */
class SyncTest {
    @Test
    fun aVaultSyncsWithTheCloudAndTellsHowFarItIs() = Clinic().use { clinic ->
        Phone().use { phone ->
            val handle = phone.open()
            assertEquals("not_signed_in", phone.refused { sync(handle, null, false, 0.0, it) })
            val ca = clinic.authorityPem
            val person = phone.call {
                signIn(handle, clinic.url, ca, Clinic.NOOR, secret(Clinic.NOORS_PASSWORD), 1.0, it)
            } as ReadableMap
            assertEquals("provider", person.getString("role"))
            val id = phone.call { createRecord(handle, "patients", PATIENT, it) } as String
            val before = phone.call { recordStanding(handle, "patients", id, it) } as ReadableMap
            assertEquals("here_only", before.getString("standing"))
            val report = phone.call { sync(handle, null, false, 2.0, it) } as ReadableMap
            assertEquals("cloud", report.getString("peer"))
            assertEquals(1.0, report.getDouble("pushed"))
            val progress = phone.event("onSyncProgress")
            assertEquals(2.0, progress.getDouble("operation"))
            assertEquals("cloud", progress.getString("peer"))
            val after = phone.call { recordStanding(handle, "patients", id, it) } as ReadableMap
            assertEquals("in_cloud", after.getString("standing"))
            val status = phone.call { syncStatus(handle, it) } as ReadableMap
            assertEquals(clinic.url, status.getString("url"))
            assertEquals(0.0, status.getDouble("pending"))
            val peer = assertNotNull(status.getArray("peers")?.getMap(0))
            assertTrue(peer.getDouble("lastSuccessMs") > 0)
            assertNull(peer.getString("lastError"))
            assertTrue((phone.call { digest(handle, it) } as ReadableArray).size() > 0)
            phone.call { signOut(handle, it) }
            assertEquals("not_signed_in", phone.refused { sync(handle, null, false, 0.0, it) })
        }
    }

    @Test
    fun whatIsNotThereIsNotFound() = Phone().use { phone ->
        val handle = phone.open()
        assertEquals(0, (phone.call { hubs(handle, it) } as ReadableArray).size())
        assertEquals(0, (phone.call { conflicts(handle, 0.0, it) } as ReadableArray).size())
        assertEquals(0, (phone.call { quarantinedRecords(handle, it) } as ReadableArray).size())
        assertEquals(0.0, phone.call { releaseAllRecords(handle, it) })
        assertEquals("not_found", phone.refused { undoConflict(handle, 1.0, it) })
        assertEquals("not_found", phone.refused { moveHub(handle, "hub:none", "http://10.0.0.1:4001", it) })
        assertEquals("not_found", phone.refused { signInAtHub(handle, "hub:none", "e", secret("p"), 0.0, it) })
        assertEquals("invalid_input", phone.refused { pairHub(handle, "no code", 0.0, it) })
        assertEquals("invalid_input", phone.refused { sync(handle, "nobody", false, 0.0, it) })
    }

    @Test
    fun aCallIsCancelledByItsNumberAndByTheEndOfTheApp() = Silence().use { silence ->
        Phone().use { phone ->
            val handle = phone.open()
            val ask = { operation: Double ->
                phone.start { signIn(handle, silence.url, null, "a@b.c", secret("p"), operation, it) }
            }
            val first = ask(7.0)
            silence.called()
            assertEquals("invalid_input", codeOf(ask(7.0)))
            phone.module.cancelOperation(8.0)
            phone.module.cancelOperation(Double.NaN)
            phone.module.cancelOperation(7.0)
            assertEquals("cancelled", codeOf(first))
            val second = ask(9.0)
            silence.called()
            phone.module.invalidate()
            assertEquals("cancelled", codeOf(second))
            phone.awaitEnd()
            assertEquals("closed", phone.module.vaultState(handle))
        }
    }

    private fun codeOf(answer: Answer): String? = try {
        answer.get()
        error("the call succeeded")
    } catch (rejection: Rejection) {
        rejection.code
    }

    private companion object {
        const val PATIENT = """{"given_name":"Amal","surname":"Khalil","date_of_birth":"1980-02-03"}"""
    }
}

/** A server that takes calls and says nothing. */
private class Silence : AutoCloseable {
    private val server = ServerSocket(0, 8, InetAddress.getLoopbackAddress())
    val url = "https://127.0.0.1:${server.localPort}"

    /** Waits until somebody has called. */
    fun called() {
        server.soTimeout = 60_000
        server.accept()
    }

    override fun close() = server.close()
}

/** The reference server as a process of its own; it ends when its input is closed. */
private class Clinic : AutoCloseable {
    private val directory = Files.createTempDirectory("amana-clinic").toFile()
    private val authority = File(directory, "ca.pem")
    private val process = ProcessBuilder(
        System.getProperty("amana.peer"),
        "--ca-out",
        authority.path,
        "--until-stdin-closes",
        "--no-rate-limit",
    ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    val url: String = run {
        val line = process.inputStream.bufferedReader().readLine() ?: error("the server did not start")
        org.json.JSONObject(line).getString("url")
    }

    val authorityPem: String get() = authority.readText()

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(30, TimeUnit.SECONDS)) process.destroyForcibly()
        directory.deleteRecursively()
    }

    companion object {
        const val NOOR = "noor@clinic-a.example"
        const val NOORS_PASSWORD = "Cedar-River-7"
    }
}
