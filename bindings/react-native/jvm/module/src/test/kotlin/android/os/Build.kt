package android.os

/**
 * In front of the framework's class of this name, which asks the system what it runs on: a device of
 * Android 7, as old as the module takes.
 */
object Build {
    object VERSION {
        @JvmField
        val SDK_INT = 24
    }
}
