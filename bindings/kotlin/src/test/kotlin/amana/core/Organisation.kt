package amana.core

import java.io.File
import kotlin.test.assertEquals

/** The organisation's side of a recovery: a program of its own, as in life. */
class Organisation(
    private val directory: File,
) {
    fun publicKey(): ByteArray {
        val hex = field(run("make-key"), "public_key")
        return hex.chunked(2).map { it.toInt(16).toByte() }.toByteArray()
    }

    /** Answers a request once both sides have read the same fingerprint. */
    fun answer(request: RecoveryRequest): ByteArray {
        val (asked, answer) = File(directory, "request") to File(directory, "answer")
        asked.writeBytes(request.bytes)
        val output = run("answer", "--request", asked.path, "--answer", answer.path)
        assertEquals(request.fingerprint, field(output, "fingerprint"))
        return answer.readBytes()
    }

    private fun run(vararg command: String): String {
        val program = listOf(System.getProperty("amana.tablet"), "organisation", "--directory", directory.path)
        val process =
            ProcessBuilder(program + command).redirectError(ProcessBuilder.Redirect.INHERIT).start()
        val output = process.inputStream.bufferedReader().readText()
        assertEquals(0, process.waitFor(), output)
        return output
    }

    private fun field(json: String, name: String): String =
        Regex("\"$name\":\"([^\"]+)\"").find(json)?.groupValues?.get(1) ?: error("no $name in $json")
}
