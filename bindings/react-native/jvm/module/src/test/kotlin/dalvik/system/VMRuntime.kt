package dalvik.system

/** In front of the framework's class of this name, which asks Android's own virtual machine. */
object VMRuntime {
    @JvmStatic
    fun is64Bit(): Boolean = true
}
