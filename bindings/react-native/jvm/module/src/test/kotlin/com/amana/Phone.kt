package com.amana

import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReadableMap
import com.facebook.react.bridge.WritableMap
import java.io.File
import java.nio.file.Files
import java.util.concurrent.CompletableFuture
import java.util.concurrent.ExecutionException
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit

/** What JavaScript is refused with. */
internal class Rejection(val code: String?, message: String?, val info: ReadableMap?) : Exception("$code: $message")

/** A call that was made. Waits a minute at most, so that a call that hangs is a failure. */
internal class Answer : OnePromise() {
    private val done = CompletableFuture<Any?>()

    override fun resolve(value: Any?) {
        check(done.complete(value)) { "answered twice" }
    }

    override fun refuse(code: String?, message: String?, info: WritableMap?) {
        check(done.completeExceptionally(Rejection(code, message, info))) { "answered twice" }
    }

    fun get(): Any? = try {
        done.get(60, TimeUnit.SECONDS)
    } catch (failed: ExecutionException) {
        throw failed.cause ?: failed
    }
}

/** The module as it runs in an app, on a directory of its own. */
internal class Phone(
    presence: PresencePrompt = NoPresence,
    val home: File = Files.createTempDirectory("amana-phone").toFile(),
) : AutoCloseable {
    private val told = LinkedBlockingQueue<Pair<String, ReadableMap>>()
    val handles = mutableListOf<Double>()
    val module = desktopModule(home, presence) { name, value -> told.add(name to value) }

    /** Calls and waits. */
    fun call(method: AmanaModule.(Promise) -> Unit): Any? = start(method).get()

    fun start(method: AmanaModule.(Promise) -> Unit): Answer = Answer().also { module.method(it) }

    /** The code that a call is refused with. */
    fun refused(method: AmanaModule.(Promise) -> Unit): String? = try {
        call(method)
        error("the call succeeded")
    } catch (rejection: Rejection) {
        val info = checkNotNull(rejection.info)
        check(info.hasKey("retryable") && info.hasKey("retryAfterMs") && info.hasKey("at"))
        rejection.code
    }

    /** The handle of a vault, locked. */
    fun attach(name: String = "clinic"): Double =
        (call { attachVault("{\"name\":\"$name\"}", it) } as ReadableMap).getDouble("handle").also(handles::add)

    /** The handle of a vault that is open. */
    fun open(name: String = "clinic"): Double = attach(name).also { handle -> call { openForDevice(handle, null, it) } }

    /** The next event of a kind of which this holds. */
    fun event(name: String, holds: (ReadableMap) -> Boolean = { true }): ReadableMap {
        while (true) {
            val (found, value) = told.poll(60, TimeUnit.SECONDS) ?: error("$name did not come")
            if (found == name && holds(value)) return value
        }
    }

    /** How many events came that nobody has taken. */
    fun toldSoFar(): Int = told.size

    /** Closes what is open first: a vault that closes by itself may still write into the directory. */
    override fun close() {
        handles.filter { module.vaultState(it) != "closed" }.forEach { handle -> call { closeVault(handle, it) } }
        module.invalidate()
        home.deleteRecursively()
    }
}

internal fun secret(text: String): JavaOnlyArray = JavaOnlyArray.from(text.encodeToByteArray().map { it.toDouble() })
