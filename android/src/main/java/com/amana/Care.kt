package com.amana

/** What helps where something is wrong. */
internal class Care(private val platform: Platform, private val vaults: Vaults) {
    private fun vault(handle: Double) = vaults.require(handle).vault

    suspend fun salvage(handle: Double, person: String?, pin: ByteArray): Map<String, Any?> {
        val vault = vault(handle)
        if (person == null && pin.isNotEmpty()) throw Failure.invalid("a PIN is somebody's")
        return Told.salvage(if (person == null) vault.salvage() else vault.salvageWithPin(person, pin))
    }

    suspend fun salvageWithPresence(handle: Double, title: String, cancelText: String): Map<String, Any?> {
        val vault = vault(handle)
        val report = platform.presence.answer(vault, title, cancelText, vault::salvageWithPresence)
        return Told.salvage(report)
    }

    suspend fun salvageWithRecovery(handle: Double, answer: String): Map<String, Any?> =
        Told.salvage(vault(handle).salvageWithRecovery(Tagged.bytes(answer)))

    suspend fun diagnose(handle: Double): String = vault(handle).diagnose()

    fun integrity(handle: Double): Map<String, Any?>? = vault(handle).integrity()?.let(Told::integrity)
}
