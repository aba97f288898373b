package com.amana

import amana.core.Change
import amana.core.IntegrityStatus
import amana.core.KeyStoreLevel
import amana.core.KeyStoreReport
import amana.core.KvChange
import amana.core.KvKeys
import amana.core.KvNamespace
import amana.core.Person
import amana.core.PinStanding
import amana.core.QuarantinedVault
import amana.core.RefusalReport
import amana.core.SalvageReport
import amana.core.Slot
import amana.core.SlotKind
import amana.core.SlotList
import amana.core.VaultGlance
import amana.core.VaultState

/** What the core answers, as plain data in the form that the TypeScript contract describes. */
internal object Told {
    fun state(state: VaultState): String = state.name.lowercase()

    fun change(handle: Long, change: Change): Map<String, Any?> = mapOf(
        "handle" to handle,
        "revision" to change.revision.toLong(),
        "fromPeer" to change.fromPeer,
        "tables" to change.tables.map { mapOf("table" to it.table, "ids" to it.ids) },
    )

    fun kvChange(handle: Long, change: KvChange): Map<String, Any?> =
        mapOf("handle" to handle, "space" to space(change.namespace), "keys" to change.keys)

    private fun space(namespace: KvNamespace): String = when (namespace) {
        is KvNamespace.Stored -> "stored:" + namespace.name
        is KvNamespace.Session -> "session:" + namespace.name
    }

    fun keys(page: KvKeys): Map<String, Any?> = mapOf("keys" to page.keys, "next" to page.next)

    fun slots(list: SlotList): Map<String, Any?> = mapOf(
        "slots" to list.slots.map(::slot),
        "proven" to list.proven,
        "rotationDue" to list.rotationDue,
    )

    private fun slot(slot: Slot): Map<String, Any?> = mapOf(
        "id" to slot.id,
        "kind" to when (slot.kind) {
            is SlotKind.Device -> "device"
            is SlotKind.Pin -> "pin"
            is SlotKind.Presence -> "presence"
            is SlotKind.Recovery -> "recovery"
        },
        "person" to (slot.kind as? SlotKind.Pin)?.person,
        "level" to level(slot.level),
    )

    fun level(level: KeyStoreLevel?): String? = level?.name?.lowercase()

    fun pinStanding(standing: PinStanding): Map<String, Any?> = mapOf(
        "failures" to standing.failures.toLong(),
        "delayMs" to standing.delayMs.toLong(),
        "dropped" to standing.dropped,
    )

    fun glance(glance: VaultGlance): Map<String, Any?> = mapOf(
        "presence" to glance.presence.name.lowercase(),
        "policy" to glance.policy?.name?.lowercase(),
        "hasRecovery" to glance.hasRecovery,
        "unsynced" to glance.unsynced?.toLong(),
    )

    fun refusal(report: RefusalReport): Map<String, Any?> = mapOf(
        "code" to Failure.word(report.code),
        "detail" to report.detail,
        "keyLost" to report.keyLost?.name?.lowercase(),
        "unsynced" to report.unsynced?.toLong(),
        "remedies" to report.remedies.map { it.name.lowercase() },
        "failures" to report.failures?.toLong(),
        "delayMs" to report.delayMs?.toLong(),
        "slotDropped" to report.slotDropped,
        "wipeFinished" to report.wipeFinished,
    )

    /** The name of its directory, beside the vault's: where that is, is the phone's affair. */
    fun quarantined(aside: QuarantinedVault): Map<String, Any?> =
        mapOf("name" to aside.directory.substringAfterLast('/'), "unsynced" to aside.unsynced?.toLong())

    fun keyStoreReport(report: KeyStoreReport): Map<String, Any?> = mapOf(
        "passed" to report.passed,
        "level" to level(report.level),
        "steps" to report.steps.map {
            mapOf("name" to it.name, "passed" to it.passed, "failure" to it.failure)
        },
    )

    fun person(person: Person): Map<String, Any?> =
        mapOf("id" to person.id, "name" to person.name, "role" to person.role, "clinicId" to person.clinicId)

    fun integrity(status: IntegrityStatus): Map<String, Any?> = mapOf(
        "done" to status.done?.toLong(),
        "total" to status.total?.toLong(),
        "damagedTrees" to status.damagedTrees.toLong(),
        "checked" to status.checked,
    )

    /** Without the copy's place, which is the phone's affair. */
    fun salvage(report: SalvageReport): Map<String, Any?> = mapOf(
        "descriptionReadable" to report.descriptionReadable,
        "tables" to report.tables.map {
            mapOf(
                "table" to it.table,
                "kind" to it.kind.name.lowercase(),
                "saved" to it.saved.toLong(),
                "lost" to it.lostAtMost?.toLong(),
                "lostAtMost" to (it.lostAtMost != null && !it.lostExactly),
            )
        },
        "outboxWithoutRecord" to report.outboxWithoutRecord.toLong(),
        "fullPullDue" to report.fullPullDue,
    )
}
