package com.amana

/** Takes what JavaScript is told without having asked. */
internal fun interface Events {
    fun send(name: String, value: Map<String, Any?>)
}
