// What JavaScript gave, as plain data, or the typed refusal.
package com.amana

import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableType

/** What has to be there. */
internal fun <T : Any> T?.given(): T = this ?: throw Failure.invalid("a value is missing")

/** Whole numbers up to 2^53: beyond that JavaScript itself no longer tells them apart. */
private const val LARGEST_WHOLE = 9007199254740991.0

internal fun whole(number: Double, what: String): Long {
    if (number.isNaN() || number != Math.rint(number) || Math.abs(number) > LARGEST_WHOLE) {
        throw Failure.invalid("$what is not a whole number")
    }
    return number.toLong()
}

internal fun count(number: Double, what: String): ULong {
    val whole = whole(number, what)
    if (whole < 0) throw Failure.invalid("$what is below 0")
    return whole.toULong()
}

/** The bytes of a secret. Whoever gets them wipes them. */
internal fun ReadableArray.secret(): ByteArray {
    val bytes = ByteArray(size())
    for (i in bytes.indices) {
        val number = if (getType(i) == ReadableType.Number) getDouble(i) else Double.NaN
        if (number.isNaN() || number != Math.rint(number) || number < 0 || number > 255) {
            bytes.fill(0)
            throw Failure.invalid("a secret is a list of bytes")
        }
        bytes[i] = number.toInt().toByte()
    }
    return bytes
}

internal fun ReadableArray.texts(): List<String> = List(size()) { i ->
    if (getType(i) != ReadableType.String) throw Failure.invalid("a list of texts is expected")
    getString(i) ?: throw Failure.invalid("a list of texts is expected")
}

/** Runs with a secret's bytes and wipes them, whatever happens. */
internal inline fun <T> ByteArray.wiped(use: (ByteArray) -> T): T = try {
    use(this)
} finally {
    fill(0)
}
