package com.amana

import amana.core.KeyStoreKind
import amana.core.KvNamespace
import amana.core.KvValue
import amana.core.Vault
import amana.core.VaultConfig
import amana.core.openVault
import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files
import kotlin.test.Test

/** Prints what calls cost, by JNI and by uniffi, and asserts nothing of it. */
class CostTest {
    @Test
    fun whatACallCosts() = withVault { vault, handle ->
        val app = KvNamespace.Stored("app")
        vault.kvSet(app, "language", KvValue.Text("ar"))
        val id = vault.insert("patients", """{"given_name":"Amal","surname":"Khalil"}""")
        val (space, key) = "stored:app".utf8() to "language".utf8()
        val (table, name) = "patients".utf8() to id.utf8()
        cost("kvGet by JNI") { DirectCalls.kvGet(handle, space, key) }
        cost("kvGet by uniffi") { vault.kvGet(app, "language") }
        cost("find by JNI") { DirectCalls.find(handle, table, name) }
        cost("find by uniffi") { vault.getNow("patients", id) }
        cost("state by JNI") { DirectCalls.state(handle) }
        cost("state by uniffi") { vault.state() }
    }

    private inline fun cost(what: String, call: () -> Unit) {
        repeat(2_000) { call() }
        val begin = System.nanoTime()
        repeat(2_000) { call() }
        println("%-16s %8.2f µs".format(what, (System.nanoTime() - begin) / 2_000 / 1000.0))
    }
}

/** A vault and its handle for direct calls. */
internal fun <T> withVault(use: suspend (Vault, Long) -> T): T = runBlocking {
    System.loadLibrary("amana_ffi")
    val home = Files.createTempDirectory("amana-direct").toFile()
    val vault = openVault(
        VaultConfig(File(home, "vault").path, keyStore = KeyStoreKind.HostFile(File(home, "keys").path)),
    )
    val direct = vault.directHandle()
    try {
        use(vault, direct.number())
    } finally {
        direct.close()
        vault.shutdown()
        vault.close()
        home.deleteRecursively()
    }
}
