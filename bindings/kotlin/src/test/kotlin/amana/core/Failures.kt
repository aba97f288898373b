package amana.core

import kotlin.test.assertFalse

/** The call has to fail, and to say no value: those that tests give begin with Canary. */
internal suspend fun failure(call: suspend () -> Unit): AmanaException.Failure {
    try {
        call()
    } catch (failure: AmanaException.Failure) {
        assertFalse(failure.toString().contains("Canary"), "$failure")
        return failure
    }
    throw AssertionError("the call should have failed")
}

/** The code that the call has to fail with. */
internal suspend fun code(call: suspend () -> Unit): ErrorCode = failure(call).code
