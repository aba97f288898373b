package android.os

/**
 * In front of the framework's class of this name, whose answers come from the system: a device of
 * Android 7, as old as the module takes.
 */
object SystemProperties {
    @JvmStatic
    fun get(key: String): String = get(key, "")

    @JvmStatic
    fun get(key: String, default: String?): String = default.orEmpty()

    @JvmStatic
    fun getInt(key: String, default: Int): Int = if (key == "ro.build.version.sdk") 24 else default

    @JvmStatic
    fun getLong(key: String, default: Long): Long = default

    @JvmStatic
    fun getBoolean(key: String, default: Boolean): Boolean = default
}
