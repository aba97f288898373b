package com.amana

/** What helps where something is wrong. */
internal class Care(private val vaults: Vaults) {
    private fun vault(handle: Double) = vaults.require(handle).vault

    suspend fun salvage(handle: Double, person: String?, pin: ByteArray): Map<String, Any?> {
        val vault = vault(handle)
        if (person == null && pin.isNotEmpty()) throw Failure.invalid("a PIN is somebody's")
        return Told.salvage(if (person == null) vault.salvage() else vault.salvageWithPin(person, pin))
    }

    suspend fun diagnose(handle: Double): String = vault(handle).diagnose()

    fun integrity(handle: Double): Map<String, Any?>? = vault(handle).integrity()?.let(Told::integrity)
}
