package com.amana

import com.facebook.react.bridge.Arguments
import com.facebook.react.bridge.WritableArray
import com.facebook.react.bridge.WritableMap

/** Makes the containers that cross to JavaScript. A desktop JVM has only those written in Java. */
internal interface Containers {
    fun map(): WritableMap

    fun array(): WritableArray
}

internal object NativeContainers : Containers {
    override fun map(): WritableMap = Arguments.createMap()

    override fun array(): WritableArray = Arguments.createArray()
}

/** Plain data as React Native takes it: maps, lists, text, numbers, truths, null; Unit is null. */
internal fun Containers.wrap(value: Any?): Any? = when (value) {
    is Map<*, *> -> wrapMap(value)
    is List<*> -> array().also { array -> value.forEach { array.push(this, it) } }
    is Unit -> null
    is Number -> value.toDouble()
    else -> value
}

internal fun Containers.wrapMap(value: Map<*, *>): WritableMap = map().also { map ->
    for ((key, item) in value) {
        val name = key as String
        when (val wrapped = wrap(item)) {
            null -> map.putNull(name)
            is String -> map.putString(name, wrapped)
            is Double -> map.putDouble(name, wrapped)
            is Boolean -> map.putBoolean(name, wrapped)
            is WritableMap -> map.putMap(name, wrapped)
            is WritableArray -> map.putArray(name, wrapped)
            else -> error("no such value crosses")
        }
    }
}

private fun WritableArray.push(containers: Containers, item: Any?) {
    when (val wrapped = containers.wrap(item)) {
        null -> pushNull()
        is String -> pushString(wrapped)
        is Double -> pushDouble(wrapped)
        is Boolean -> pushBoolean(wrapped)
        is WritableMap -> pushMap(wrapped)
        is WritableArray -> pushArray(wrapped)
        else -> error("no such value crosses")
    }
}
