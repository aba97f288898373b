package com.amana

/**
 * The look-ups that JavaScript may make at once, straight into the library. Answers are tagged: the
 * first byte is `-` (nothing), `t` (text), `b` (bytes), `j` (JSON) or `!` (an error as JSON).
 */
internal object DirectCalls {
    @JvmStatic
    external fun kvGet(handle: Long, space: ByteArray, key: ByteArray): ByteArray

    @JvmStatic
    external fun find(handle: Long, table: ByteArray, id: ByteArray): ByteArray

    /** 0: locked, 1: unlocked, 2: closed. */
    @JvmStatic
    external fun state(handle: Long): Int
}
