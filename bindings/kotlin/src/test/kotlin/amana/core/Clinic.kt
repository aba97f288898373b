package amana.core

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit

/** The reference server as a process of its own; it ends when its input is closed. */
class Clinic : AutoCloseable {
    private val directory = Files.createTempDirectory("amana-clinic").toFile()
    private val authority = File(directory, "ca.pem")
    private val process =
        ProcessBuilder(
            System.getProperty("amana.peer"),
            "--ca-out",
            authority.path,
            "--until-stdin-closes",
            "--no-rate-limit",
        ).redirectError(ProcessBuilder.Redirect.INHERIT).start()

    val url: String
    val clinicId: String

    init {
        val line = process.inputStream.bufferedReader().readLine() ?: error("the server did not start")
        url = field(line, "url")
        clinicId = field(line, "clinic_id")
    }

    val authorityPem: String get() = authority.readText()

    private fun field(line: String, name: String): String =
        Regex("\"$name\":\"([^\"]+)\"").find(line)?.groupValues?.get(1) ?: error("no $name in the server's line")

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(30, TimeUnit.SECONDS)) process.destroyForcibly()
        directory.deleteRecursively()
    }
}

/** A vault in a temporary directory, on a key store in a file. */
class Tablet private constructor(
    val vault: Vault,
    val directory: File,
) {
    suspend fun signIn(clinic: Clinic, email: String, password: String): Person =
        vault.signIn(clinic.url, clinic.authorityPem, email, password.toByteArray(), null)

    suspend fun sync(): SyncResult = vault.sync(null, null, false)

    suspend fun end() {
        vault.shutdown()
        vault.close()
        directory.deleteRecursively()
    }

    companion object {
        const val NOOR = "noor@clinic-a.example"
        const val NOORS_PASSWORD = "Cedar-River-7"
        const val SAMI = "sami@clinic-a.example"
        const val SAMIS_PASSWORD = "Olive-Stone-4"

        fun config(directory: File) =
            VaultConfig(
                directory = File(directory, "vault").path,
                keyStore = KeyStoreKind.HostFile(File(directory, "keys").path),
            )

        suspend fun make(): Tablet {
            val directory = Files.createTempDirectory("amana-tablet").toFile()
            return Tablet(openVault(config(directory)), directory)
        }
    }
}
