package com.amana

import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.WritableMap

/** React Native's promise with one way to refuse: what a caller in JavaScript would see. */
internal abstract class OnePromise : Promise {
    protected abstract fun refuse(code: String?, message: String?, info: WritableMap?)

    override fun reject(code: String?, message: String?) = refuse(code, message, null)
    override fun reject(code: String?, throwable: Throwable?) = refuse(code, throwable?.message, null)
    override fun reject(code: String?, message: String?, throwable: Throwable?) = refuse(code, message, null)
    override fun reject(throwable: Throwable) = refuse(null, throwable.message, null)
    override fun reject(throwable: Throwable, userInfo: WritableMap) = refuse(null, throwable.message, userInfo)
    override fun reject(code: String?, userInfo: WritableMap) = refuse(code, null, userInfo)
    override fun reject(code: String?, throwable: Throwable?, userInfo: WritableMap) =
        refuse(code, throwable?.message, userInfo)
    override fun reject(code: String?, message: String?, userInfo: WritableMap) = refuse(code, message, userInfo)
    override fun reject(code: String?, message: String?, throwable: Throwable?, userInfo: WritableMap?) =
        refuse(code, message, userInfo)

    @Deprecated("of the interface")
    override fun reject(message: String) = refuse(null, message, null)
}
