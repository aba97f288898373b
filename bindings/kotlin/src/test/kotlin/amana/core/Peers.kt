package amana.core

import java.io.File
import java.net.HttpURLConnection
import java.net.URI
import java.nio.file.Files
import java.security.KeyStore
import java.security.cert.CertificateFactory
import java.util.concurrent.TimeUnit
import javax.net.ssl.HttpsURLConnection
import javax.net.ssl.SSLContext
import javax.net.ssl.TrustManagerFactory

/** A reference peer as a process of its own; it ends when its input is closed. */
class PeerProcess(
    arguments: List<String>,
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
        if (!process.waitFor(30, TimeUnit.SECONDS)) kill()
    }

    /** Ends it as a power cut does. */
    fun kill() {
        process.destroyForcibly().waitFor()
    }
}

/** The reference server, which can go away and come back at the same address. */
class Clinic(
    private vararg val more: String,
) : AutoCloseable {
    private val directory = Files.createTempDirectory("amana-clinic").toFile()
    private val database = File(directory, "database").apply { mkdir() }
    private var process = run("0")

    val url: String = process.field("url")
    val clinicId: String = process.field("clinic_id")
    val authority: File get() = File(directory, "ca.pem")
    val authorityPem: String get() = authority.readText()

    private fun run(port: String): PeerProcess {
        val kept = listOf("--db", File(database, "cloud.db").path, "--tls", File(directory, "tls").path)
        val rest = listOf("--ca-out", authority.path, "--port", port, "--no-rate-limit")
        return PeerProcess(kept + rest + more)
    }

    fun stop() = process.close()

    fun comeBack() {
        process = run(URI(url).port.toString())
    }

    /** Stops, and comes back with what it held when the backup was made. */
    fun comeBackFrom(backup: File) {
        stop()
        database.deleteRecursively()
        backup.copyRecursively(database)
        comeBack()
    }

    /** Stops for a copy of all that it holds. */
    fun backUp(name: String): File {
        stop()
        val backup = File(directory, name)
        database.copyRecursively(backup)
        comeBack()
        return backup
    }

    /** Sets switches of a server that was started with --admin. */
    fun faults(switches: String) = post("$url/__peer/faults", switches, authority)

    override fun close() {
        process.close()
        directory.deleteRecursively()
    }
}

/**
 * The reference hub. Alone, with the same people as the reference server; with a cloud, with what it got at
 * the meeting that it begins with.
 */
class Hub(
    vararg arguments: String,
    cloud: Clinic? = null,
) : AutoCloseable {
    private val link =
        cloud?.let { listOf("--cloud", it.url, "--cloud-ca", it.authority.path, "--meet", "--admin") }.orEmpty()
    private val process = PeerProcess(listOf("hub") + arguments + link)

    val url: String = process.field("url")
    val id: String = process.field("id")
    val clinicId: String = process.field("clinic_id")

    /** What its QR code says. */
    val code: String = process.field("qr")

    /** Its name as a peer. */
    val peer: String get() = "hub:$id"

    /** One meeting with the cloud; what came of it. */
    fun meet(): String = post("$url/__peer/cloud", "{}")

    /** Sets switches of a hub that was started with --admin. */
    fun faults(switches: String) = post("$url/__peer/faults", switches)

    fun kill() = process.kill()

    override fun close() = process.close()
}

/** The reply of a route below /__peer/. */
private fun post(address: String, body: String, authority: File? = null): String {
    val connection = URI(address).toURL().openConnection() as HttpURLConnection
    if (connection is HttpsURLConnection) connection.sslSocketFactory = trusting(checkNotNull(authority)).socketFactory
    connection.requestMethod = "POST"
    connection.doOutput = true
    connection.outputStream.use { it.write(body.toByteArray()) }
    check(connection.responseCode == 200) { "the peer says ${connection.responseCode}" }
    return connection.inputStream.use { it.readBytes().decodeToString() }
}

private fun trusting(authority: File): SSLContext {
    val certificate = authority.inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }
    val store = KeyStore.getInstance(KeyStore.getDefaultType())
    store.load(null, null)
    store.setCertificateEntry("authority", certificate)
    val trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
    trust.init(store)
    return SSLContext.getInstance("TLS").apply { init(null, trust.trustManagers, null) }
}
