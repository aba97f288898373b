package com.amana

import amana.core.AmanaException
import amana.core.ErrorCode
import kotlinx.coroutines.CancellationException
import org.json.JSONObject
import java.nio.charset.CharacterCodingException

/** What JavaScript is told of a call that failed: a code of the closed list, and fixed text. */
internal class Failure(
    val code: String,
    val detail: String,
    val retryable: Boolean = false,
    val retryAfterMs: Double? = null,
    val at: String? = null,
) : Exception(detail) {
    fun info(): Map<String, Any?> = mapOf("retryable" to retryable, "retryAfterMs" to retryAfterMs, "at" to at)

    /** The same for calls that answer at once, which do not throw. */
    fun tagged(): String = "!" +
        JSONObject()
            .put("code", code)
            .put("detail", detail)
            .put("retryable", retryable)
            .put("retryAfterMs", retryAfterMs ?: JSONObject.NULL)
            .put("at", at ?: JSONObject.NULL)

    companion object {
        fun invalid(detail: String) = Failure("invalid_input", detail)

        fun closed() = Failure("closed", "the handle is closed")

        /** Whatever it was: text of an unexpected exception may hold anything, and is not passed on. */
        fun of(cause: Throwable): Failure = when (cause) {
            is Failure -> cause
            is AmanaException.Failure -> Failure(
                word(cause.code),
                cause.detail,
                cause.retryable,
                cause.retryAfterMs?.toDouble(),
                cause.at,
            )
            is CharacterCodingException -> invalid("a text has half of a character")
            is CancellationException -> Failure("cancelled", "the app is going", retryable = true)
            else -> Failure("internal", "the native module failed")
        }

        fun word(code: ErrorCode): String = code.name.lowercase()
    }
}
