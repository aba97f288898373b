package com.amana

/** What helps where something is wrong. */
internal class Care(private val platform: Platform, private val vaults: Vaults) {
    suspend fun salvage(handle: Double, person: String?, pin: ByteArray): Map<String, Any?> {
        val report = vaults.use(handle) {
            if (person == null && pin.isNotEmpty()) throw Failure.invalid("a PIN is somebody's")
            if (person == null) it.salvage() else it.salvageWithPin(person, pin)
        }
        return Told.salvage(report)
    }

    suspend fun salvageWithPresence(handle: Double, title: String, cancelText: String): Map<String, Any?> {
        val report = vaults.use(handle) { vault ->
            platform.presence.answer(vault, title, cancelText, vault::salvageWithPresence)
        }
        return Told.salvage(report)
    }

    suspend fun salvageWithRecovery(handle: Double, answer: String): Map<String, Any?> =
        Told.salvage(vaults.use(handle) { it.salvageWithRecovery(Tagged.bytes(answer)) })

    suspend fun diagnose(handle: Double): String = vaults.use(handle) { it.diagnose() }

    fun integrity(handle: Double): Map<String, Any?>? = vaults.use(handle) { it.integrity() }?.let(Told::integrity)
}
