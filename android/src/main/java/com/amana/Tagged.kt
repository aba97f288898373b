package com.amana

import amana.core.KvNamespace
import amana.core.KvValue
import android.util.Base64

/**
 * Values of the key–value store as they cross: `t` and the text, or `b` and base64. A direct call's
 * answer has raw bytes behind its `b`; JavaScript gets text.
 */
internal object Tagged {
    fun text(value: KvValue): String = when (value) {
        is KvValue.Text -> "t" + value.text
        is KvValue.Bytes -> "b" + base64(value.bytes)
    }

    fun value(tagged: String): KvValue = when (tagged.firstOrNull()) {
        't' -> KvValue.Text(tagged.substring(1))
        'b' -> KvValue.Bytes(bytes(tagged.substring(1)))
        else -> throw Failure.invalid("a value begins with t or b")
    }

    /** A direct call's answer for JavaScript. */
    fun answer(tagged: ByteArray): String = when (tagged[0]) {
        'b'.code.toByte() -> "b" + base64(tagged.copyOfRange(1, tagged.size))
        else -> String(tagged, Charsets.UTF_8)
    }

    /** The framework's own: that of Java came with Android 8. */
    fun base64(bytes: ByteArray): String = Base64.encodeToString(bytes, Base64.NO_WRAP)

    fun bytes(base64: String): ByteArray = try {
        Base64.decode(base64, Base64.NO_WRAP)
    } catch (_: IllegalArgumentException) {
        throw Failure.invalid("not base64")
    }

    /** An organisation's public key; also looked at where the vault is there already and has no use for it. */
    fun recoveryKey(base64: String): ByteArray = bytes(base64).also {
        if (it.size != RECOVERY_KEY_BYTES) throw Failure.invalid("a recovery key is 32 bytes in base64")
    }

    private const val RECOVERY_KEY_BYTES = 32

    /** `stored:NAME` or `session:NAME`. */
    fun namespace(space: String): KvNamespace = when {
        space.startsWith("stored:") -> KvNamespace.Stored(space.substring("stored:".length))
        space.startsWith("session:") -> KvNamespace.Session(space.substring("session:".length))
        else -> throw Failure.invalid("a namespace is stored:NAME or session:NAME")
    }
}
