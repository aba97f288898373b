package com.amana

/** Takes what JavaScript is told without having asked. */
internal fun interface Events {
    fun send(name: String, value: Map<String, Any?>)
}

/** What events go through, one at a time, until it is closed. */
internal class Gate {
    private var isOpen = true

    /** Sends, or does nothing once the gate is closed. [send] must wait for nobody who closes the gate. */
    @Synchronized
    fun pass(send: () -> Unit) {
        if (isOpen) send()
    }

    /** Waits for what another thread is sending. Afterwards nothing passes. */
    @Synchronized
    fun close() {
        isOpen = false
    }
}
