package com.amana

import amana.core.KvNamespace
import amana.core.KvValue
import kotlinx.coroutines.runBlocking

/**
 * Prints what calls from Kotlin into the library cost, by JNI and by uniffi: `name`, tab, microseconds.
 * One argument: how often each is called. scripts/react-native-figures runs it over a library that was
 * built for release.
 */
fun main(arguments: Array<String>) = printCosts(arguments[0].toInt())

internal fun printCosts(calls: Int) = withVault { vault, handle ->
    val app = KvNamespace.Stored("app")
    vault.kvSet(app, "language", KvValue.Text("ar"))
    val id = vault.insert("patients", """{"given_name":"Amal","surname":"Khalil"}""")
    val (space, key) = "stored:app".utf8() to "language".utf8()
    val (table, name) = "patients".utf8() to id.utf8()
    cost("kv read by JNI", calls) { DirectCalls.kvGet(handle, space, key) }
    cost("kv read by uniffi", calls) { vault.kvGet(app, "language") }
    cost("kv read by uniffi, async", calls) { runBlocking { vault.kvGetAsync(app, "language") } }
    cost("find by JNI", calls) { DirectCalls.find(handle, table, name) }
    cost("find by uniffi", calls) { vault.getNow("patients", id) }
    cost("find by uniffi, async", calls) { runBlocking { vault.get("patients", id) } }
    cost("state by JNI", calls) { DirectCalls.state(handle) }
    cost("state by uniffi", calls) { vault.state() }
}

/** The median of ten rounds, so that a pause of the JVM or of the machine is not in it. */
private inline fun cost(what: String, calls: Int, call: () -> Unit) {
    repeat(calls) { call() }
    val each = (1..10).map {
        val round = maxOf(1, calls / 10)
        val begin = System.nanoTime()
        repeat(round) { call() }
        (System.nanoTime() - begin).toDouble() / round / 1000.0
    }
    println("%s\t%.2f".format(java.util.Locale.ROOT, what, each.sorted()[each.size / 2]))
}
