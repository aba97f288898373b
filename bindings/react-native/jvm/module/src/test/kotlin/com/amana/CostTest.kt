package com.amana

import amana.core.KeyStoreKind
import amana.core.Vault
import amana.core.VaultConfig
import amana.core.openVault
import kotlinx.coroutines.runBlocking
import java.io.File
import java.nio.file.Files
import kotlin.test.Test

/** That the measurement works. What it prints is not asserted: scripts/react-native-figures asks for it. */
class CostTest {
    @Test
    fun whatACallCosts() = printCosts(calls = 500)
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
