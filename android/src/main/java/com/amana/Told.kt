package com.amana

import amana.core.Change
import amana.core.Conflict
import amana.core.KeyStoreLevel
import amana.core.KeyStoreReport
import amana.core.KvChange
import amana.core.KvKeys
import amana.core.KvNamespace
import amana.core.Person
import amana.core.RefusalReport
import amana.core.Remedy
import amana.core.Slot
import amana.core.SlotKind
import amana.core.TableDigest
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

    fun slot(slot: Slot): Map<String, Any?> = mapOf(
        "id" to slot.id,
        "kind" to when (slot.kind) {
            is SlotKind.Device -> "device"
            is SlotKind.Pin -> "pin"
            is SlotKind.Presence -> "biometric"
            is SlotKind.Recovery -> "recovery"
        },
        "person" to (slot.kind as? SlotKind.Pin)?.person,
        "level" to level(slot.level),
    )

    fun level(level: KeyStoreLevel?): String? = level?.name?.lowercase()

    fun refusal(report: RefusalReport?): Map<String, Any?> = mapOf(
        "code" to report?.let { Failure.word(it.code) },
        "reason" to report?.keyLost?.let { "alias_" + it.name.lowercase() },
        "unsynced" to report?.unsynced?.toLong(),
        "delayMs" to report?.delayMs?.toLong(),
        "failures" to report?.failures?.toLong(),
        "slotDropped" to (report?.slotDropped ?: false),
        "wipeFinished" to (report?.wipeFinished ?: false),
        "actions" to report?.remedies.orEmpty().map(::action),
    )

    private fun action(remedy: Remedy): String = when (remedy) {
        Remedy.TRY_LATER -> "retry"
        else -> remedy.name.lowercase()
    }

    fun keyStoreReport(report: KeyStoreReport): Map<String, Any?> = mapOf(
        "passed" to report.passed,
        "level" to level(report.level),
        "steps" to report.steps.map {
            mapOf("name" to it.name, "passed" to it.passed, "failure" to it.failure)
        },
    )

    fun person(person: Person): Map<String, Any?> =
        mapOf("id" to person.id, "name" to person.name, "role" to person.role, "clinicId" to person.clinicId)

    fun digest(table: TableDigest): Map<String, Any?> =
        mapOf("table" to table.table, "rows" to table.rows.toLong(), "digest" to table.digest)
}
