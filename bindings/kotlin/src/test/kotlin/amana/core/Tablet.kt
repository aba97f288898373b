package amana.core

import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files

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

    /** Where the vault stands with a peer. */
    suspend fun peer(name: String): PeerStatus = vault.syncStatus().peers.single { it.peer == name }

    suspend fun pending(peer: String): List<TablePending> = peer(peer).pending

    suspend fun standing(patient: String): RecordStanding = vault.standing("patients", patient)

    /** What it holds, without the own permissions of its person. */
    suspend fun digest(): List<TableDigest> = vault.digest().filter { it.table != OWN }

    suspend fun end() {
        vault.shutdown()
        vault.close()
        directory.deleteRecursively()
    }

    companion object {
        const val CLOUD = "cloud"

        /** The table of which each holds only its own person's rows. */
        const val OWN = "user_clinic_permissions"
        const val NOOR = "noor@clinic-a.example"
        const val NOORS_PASSWORD = "Cedar-River-7"
        const val SAMI = "sami@clinic-a.example"
        const val SAMIS_PASSWORD = "Olive-Stone-4"

        fun config(directory: File) =
            VaultConfig(
                directory = File(directory, "vault").path,
                keyStore = KeyStoreKind.HostFile(File(directory, "keys").path),
            )

        /** Two that end with the test. */
        fun withTwo(rules: SyncRules? = null, test: suspend (Tablet, Tablet) -> Unit) =
            runBlocking {
                val (one, two) = make() to make(rules)
                try {
                    test(one, two)
                } finally {
                    one.end()
                    two.end()
                }
            }

        /** One that ends with the test. */
        fun withOne(test: suspend (Tablet) -> Unit) =
            runBlocking {
                val tablet = make()
                try {
                    test(tablet)
                } finally {
                    tablet.end()
                }
            }

        suspend fun make(rules: SyncRules? = null): Tablet {
            val directory = Files.createTempDirectory("amana-tablet").toFile()
            return Tablet(openVault(config(directory).copy(sync = rules)), directory)
        }
    }
}
