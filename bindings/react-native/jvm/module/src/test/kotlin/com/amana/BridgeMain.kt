package com.amana

import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.JavaOnlyMap
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.ReadableMap
import com.facebook.react.bridge.WritableMap
import org.json.JSONArray
import org.json.JSONObject
import java.io.BufferedReader
import java.io.File
import java.io.InputStreamReader
import java.io.PrintStream
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method

/**
 * Takes the place of JSI between a TypeScript test and the real module: lines of JSON on standard
 * input and output.
 *
 *     in   {"id":1,"method":"lock","args":[7]}
 *     out  {"id":1,"value":…}   {"id":1,"error":{"code","message","userInfo"}}   {"id":1,"thrown":TEXT}
 *          {"event":"onChange","value":{…}}
 *
 * Arguments are taken as React Native takes them: by the Java method's types, with a refusal where a
 * value is of another type. `thrown` is what React Native would throw at the caller.
 * Who stands in front of the phone the file `person` in the directory of the first argument says: `yes`
 * confirms every prompt, `no` none; without it there is no prompt.
 * A number that JSON does not have comes as {"$number":"NaN"}, undefined as {"$undefined":true}.
 */
fun main(arguments: Array<String>) {
    val out = PrintStream(System.out, false, "UTF-8")
    fun say(line: JSONObject) = synchronized(out) {
        out.println(line)
        out.flush()
    }
    val home = File(arguments[0])
    val module = desktopModule(home, FakePrompt { personAt(home) }) { event, value ->
        say(JSONObject().put("event", event).put("value", json(value)))
    }
    val methods = NativeAmanaSpec::class.java.methods.associateBy { it.name }
    val input = BufferedReader(InputStreamReader(System.`in`, Charsets.UTF_8))
    while (true) {
        val line = input.readLine() ?: break
        val call = JSONObject(line)
        val answer = JSONObject().put("id", call.getLong("id"))
        try {
            val method = methods[call.getString("method")] ?: throw NotTaken("no such method")
            val promise = LinePromise(answer, ::say)
            val given = arguments(method, call.getJSONArray("args"), promise)
            val value = method.invoke(module, *given)
            if (method.parameterTypes.lastOrNull() != Promise::class.java) say(answer.put("value", json(value)))
        } catch (refused: NotTaken) {
            say(answer.put("thrown", refused.message))
        } catch (thrown: InvocationTargetException) {
            say(answer.put("thrown", "the method threw ${thrown.targetException.javaClass.name}"))
        }
    }
    module.invalidate()
}

private fun personAt(home: File): Boolean? {
    val file = File(home, "person")
    return if (file.exists()) file.readText() == "yes" else null
}

/** A value of another type than the method's. */
private class NotTaken(message: String) : Exception(message)

private fun arguments(method: Method, args: JSONArray, promise: Promise): Array<Any?> {
    val types = method.parameterTypes
    val expected = types.count { it != Promise::class.java }
    if (args.length() != expected) throw NotTaken("${method.name} takes $expected arguments")
    return Array(types.size) { i ->
        if (types[i] == Promise::class.java) promise else argument(types[i], args.get(i), "${method.name}, argument $i")
    }
}

private fun argument(type: Class<*>, given: Any, what: String): Any? {
    val value = plain(given)
    return when {
        value == null && !type.isPrimitive -> null
        type == Double::class.javaPrimitiveType || type == Double::class.javaObjectType ->
            value as? Double ?: throw NotTaken("$what is not a number")
        type == Boolean::class.javaPrimitiveType || type == Boolean::class.javaObjectType ->
            value as? Boolean ?: throw NotTaken("$what is not a boolean")
        type == String::class.java -> value as? String ?: throw NotTaken("$what is not a string")
        type == ReadableArray::class.java -> value as? JavaOnlyArray ?: throw NotTaken("$what is not an array")
        else -> throw NotTaken("$what: no such type crosses")
    }
}

private fun plain(given: Any?): Any? = when (given) {
    null, JSONObject.NULL -> null
    is JSONObject -> when {
        given.has("\$number") -> given.getString("\$number").toDouble()
        given.has("\$undefined") -> null
        else -> JavaOnlyMap()
    }
    is JSONArray -> JavaOnlyArray.from(List(given.length()) { plain(given.get(it)) })
    is Number -> given.toDouble()
    else -> given
}

private class LinePromise(private val answer: JSONObject, private val say: (JSONObject) -> Unit) : OnePromise() {
    override fun resolve(value: Any?) = say(answer.put("value", json(value)))

    override fun refuse(code: String?, message: String?, info: WritableMap?) = say(
        answer.put("error", JSONObject().put("code", code).put("message", message).put("userInfo", json(info))),
    )
}

internal fun json(value: Any?): Any = when (value) {
    null -> JSONObject.NULL
    is ReadableMap -> JSONObject(value.toHashMap().mapValues { json(it.value) })
    is ReadableArray -> JSONArray(value.toArrayList().map(::json))
    is Map<*, *> -> JSONObject(value.mapValues { json(it.value) })
    is List<*> -> JSONArray(value.map(::json))
    else -> value
}
