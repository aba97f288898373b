package amana.core

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit

/** A reference peer as a process of its own; it ends when its input is closed. */
class PeerProcess(
    vararg arguments: String,
) : AutoCloseable {
    private val process =
        ProcessBuilder(listOf(System.getProperty("amana.peer")) + arguments + "--until-stdin-closes")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start()
    private val line = process.inputStream.bufferedReader().readLine() ?: error("the server did not start")

    /** A text of the line that the process says once it is ready. */
    fun field(name: String): String {
        val found = Regex("\"$name\":\"((?:[^\"\\\\]|\\\\\")*)\"").find(line) ?: error("no $name in the server's line")
        return found.groupValues[1].replace("\\\"", "\"")
    }

    override fun close() {
        process.outputStream.close()
        if (!process.waitFor(30, TimeUnit.SECONDS)) process.destroyForcibly()
    }
}

/** The reference server. */
class Clinic : AutoCloseable {
    private val directory = Files.createTempDirectory("amana-clinic").toFile()
    private val authority = File(directory, "ca.pem")
    private val process = PeerProcess("--ca-out", authority.path, "--no-rate-limit")

    val url: String = process.field("url")
    val clinicId: String = process.field("clinic_id")
    val authorityPem: String get() = authority.readText()

    override fun close() {
        process.close()
        directory.deleteRecursively()
    }
}

/** The reference hub, with the same people as the reference server. */
class Hub(
    vararg arguments: String,
) : AutoCloseable {
    private val process = PeerProcess("hub", *arguments)

    val url: String = process.field("url")
    val id: String = process.field("id")
    val clinicId: String = process.field("clinic_id")

    /** What its QR code says. */
    val code: String = process.field("qr")

    /** Its name as a peer. */
    val peer: String get() = "hub:$id"

    override fun close() = process.close()
}

/** A vault in a temporary directory, on a key store in a file. */
class Tablet private constructor(
    val vault: Vault,
    val directory: File,
) {
    suspend fun signIn(clinic: Clinic, email: String, password: String): Person =
        vault.signIn(clinic.url, clinic.authorityPem, email, password.toByteArray(), null)

    /** Pairs with a hub and signs in there. */
    suspend fun join(hub: Hub, email: String, password: String): Person {
        val paired = vault.pairHub(hub.code, null)
        return vault.signInAtHub(paired.peer, email, password.toByteArray(), null)
    }

    suspend fun syncWith(peer: String): SyncResult = vault.syncWith(peer, null, null, false)

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

        suspend fun make(rules: SyncRules? = null): Tablet {
            val directory = Files.createTempDirectory("amana-tablet").toFile()
            return Tablet(openVault(config(directory).copy(sync = rules)), directory)
        }
    }
}
