package com.amana

import com.facebook.react.bridge.JavaOnlyArray
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReadableArray
import java.lang.reflect.Method
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Every method of the contract, with what no app should give: refused with a code, and nothing dies. */
class BadInputTest {
    private val methods = NativeAmanaSpec::class.java.declaredMethods
        .filter { it.returnType != Void.TYPE || it.parameterTypes.lastOrNull() == Promise::class.java }
        .filter { it.parameterTypes.isNotEmpty() && java.lang.reflect.Modifier.isAbstract(it.modifiers) }

    @Test
    fun aHandleThatIsNoneIsClosed() = Phone().use { phone ->
        val gone = phone.open("gone").also { handle -> phone.call { closeVault(handle, it) } }
        val handles = listOf(Double.NaN, Double.POSITIVE_INFINITY, 9007199254740993.0, 0.0, -1.0, 1.5, 1e300, gone)
        val asked = methods.filter { it.parameterTypes[0] == Double::class.javaPrimitiveType }
        assertTrue(asked.size > 50)
        for (method in asked) {
            for (handle in handles) {
                val outcome = outcome(phone, method, usual(method).also { it[0] = handle })
                val expected = when (method.name) {
                    "closeVault" -> "done"
                    "vaultState" -> "closed"
                    else -> "!closed"
                }
                assertEquals(expected, outcome, "${method.name}($handle)")
            }
        }
    }

    @Test
    fun textsThatAreNoneAreRefused() = Phone().use { phone ->
        val handle = phone.open()
        val large = "x".repeat(20_000_000)
        for (method in methods) {
            method.parameterTypes.forEachIndexed { at, type ->
                if (type != String::class.java) return@forEachIndexed
                for (text in listOf(null, "half \ud83d of it", large)) {
                    val arguments = usual(method).also {
                        it[0] = first(it[0], handle)
                        it[at] = text
                    }
                    val outcome = outcome(phone, method, arguments)
                    assertTrue(outcome.startsWith("!") || outcome in HARMLESS, "${method.name}, $at: $outcome")
                }
            }
        }
    }

    @Test
    fun numbersAndListsThatAreNoneAreRefused() = Phone().use { phone ->
        val handle = phone.open()
        val numbers = listOf(Double.NaN, 1.5, 9007199254740993.0, -1.0)
        for (method in methods) {
            method.parameterTypes.forEachIndexed { at, type ->
                val bad: List<Any?> = when {
                    at > 0 && type == Double::class.javaPrimitiveType -> numbers
                    type == Double::class.javaObjectType -> numbers
                    type == ReadableArray::class.java ->
                        listOf(null) + listOf(null, 256.0, Double.NaN, true).map { JavaOnlyArray.of(it) }
                    else -> emptyList()
                }
                for (value in bad) {
                    val arguments = usual(method).also {
                        it[0] = handle
                        it[at] = value
                    }
                    val outcome = outcome(phone, method, arguments)
                    val below = value == -1.0 && method.name == "conflicts"
                    if (!below) assertTrue(outcome.startsWith("!"), "${method.name}, $at, $value: $outcome")
                }
            }
        }
    }

    private fun first(usual: Any?, handle: Double): Any? = if (usual is Double) handle else usual

    /** Arguments of the right types. */
    private fun usual(method: Method): Array<Any?> = Array(method.parameterCount) { i ->
        when (method.parameterTypes[i]) {
            Double::class.javaPrimitiveType -> 0.0
            Boolean::class.javaPrimitiveType -> false
            String::class.java -> "{}"
            ReadableArray::class.java -> JavaOnlyArray.of()
            else -> null
        }
    }

    /** `!` and the code, else the answer in a word. A throw fails the test. */
    private fun outcome(phone: Phone, method: Method, arguments: Array<Any?>): String {
        if (method.parameterTypes.last() != Promise::class.java) {
            val answer = method.invoke(phone.module, *arguments) as String
            return if (answer.startsWith("!")) "!" + org.json.JSONObject(answer.drop(1)).getString("code") else answer
        }
        val answer = Answer()
        arguments[arguments.size - 1] = answer
        method.invoke(phone.module, *arguments)
        return try {
            answer.get()
            "done"
        } catch (rejection: Rejection) {
            "!" + rejection.code
        }
    }

    private companion object {
        /** Answers that say: there is nothing of that name. */
        val HARMLESS = setOf("-", "done")
    }
}
