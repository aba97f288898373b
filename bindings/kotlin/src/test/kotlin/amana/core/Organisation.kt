package amana.core

import java.io.File
import kotlin.test.assertEquals

/** The organisation's side of a recovery: the program that scripts/recovery runs. */
class Organisation(
    private val directory: File,
) {
    private val keys = File(directory, "organisation")

    init {
        run("make-key", keys.path)
    }

    fun publicKey(): ByteArray {
        val (_, hex) = File(keys, "organisation.public").readLines()
        return hex.chunked(2).map { it.toInt(16).toByte() }.toByteArray()
    }

    /** Answers a request once somebody has read its fingerprint aloud. */
    fun answer(request: RecoveryRequest): ByteArray {
        val (asked, answer) = File(directory, "request") to File(directory, "answer")
        asked.writeBytes(request.bytes)
        val key = File(keys, "organisation.private").path
        run("answer", "--key", key, "--fingerprint", request.fingerprint, asked.path, answer.path)
        return answer.readBytes()
    }

    private fun run(vararg command: String) {
        val whole = listOf(System.getProperty("amana.recovery")) + command
        val process = ProcessBuilder(whole).redirectErrorStream(true).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(0, process.waitFor(), output)
    }
}
