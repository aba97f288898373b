package com.amana

import amana.core.KeyStoreLevel
import amana.core.KeyStoreOptions
import amana.core.PresenceOutcome
import amana.core.PresenceRequest
import amana.core.makePresenceSecret
import android.annotation.TargetApi
import android.app.Activity
import android.content.Context
import android.hardware.biometrics.BiometricPrompt
import android.os.Build
import android.os.CancellationSignal
import android.security.keystore.KeyPermanentlyInvalidatedException
import com.facebook.react.bridge.ReactApplicationContext
import kotlinx.coroutines.CancellableContinuation
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import java.security.KeyStore
import javax.crypto.Mac
import javax.crypto.SecretKey
import kotlin.coroutines.resume

internal fun presenceOf(context: ReactApplicationContext): PresencePrompt =
    if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) BiometricPresence(context) else NoPresence

/**
 * The framework's own prompt, from Android 9. The secret is an HMAC key in AndroidKeyStore that works
 * once after each prompt, and no more after another finger was enrolled.
 */
@TargetApi(Build.VERSION_CODES.P)
internal class BiometricPresence(private val context: ReactApplicationContext) : PresencePrompt {
    override suspend fun make(request: PresenceRequest, options: KeyStoreOptions): KeyStoreLevel =
        makePresenceSecret(request.alias, options)

    override suspend fun derive(request: PresenceRequest, title: String, cancelText: String): PresenceOutcome {
        val mac = try {
            macOf(request.alias) ?: return PresenceOutcome.Absent
        } catch (_: KeyPermanentlyInvalidatedException) {
            return PresenceOutcome.Invalidated
        } catch (_: Exception) {
            return PresenceOutcome.Unavailable
        }
        val activity = context.currentActivity ?: return PresenceOutcome.Unavailable
        if (!confirmed(activity, mac, title, cancelText)) return PresenceOutcome.Denied
        return try {
            PresenceOutcome.Derived(mac.doFinal(request.input))
        } catch (_: Exception) {
            PresenceOutcome.Unavailable
        }
    }

    private suspend fun macOf(alias: String): Mac? = withContext(Dispatchers.IO) {
        val store = KeyStore.getInstance("AndroidKeyStore").apply { load(null) }
        val key = store.getKey(alias, null) as SecretKey? ?: return@withContext null
        Mac.getInstance("HmacSHA256").apply { init(key) }
    }

    private suspend fun confirmed(activity: Activity, mac: Mac, title: String, cancelText: String): Boolean =
        withContext(Dispatchers.Main) {
            suspendCancellableCoroutine { waiting ->
                val signal = CancellationSignal()
                waiting.invokeOnCancellation { signal.cancel() }
                prompt(activity, title, cancelText, waiting)
                    .authenticate(BiometricPrompt.CryptoObject(mac), signal, activity.mainExecutor, answers(waiting))
            }
        }

    private fun prompt(
        context: Context,
        title: String,
        cancelText: String,
        waiting: CancellableContinuation<Boolean>,
    ): BiometricPrompt = BiometricPrompt.Builder(context)
        .setTitle(title)
        .setNegativeButton(cancelText, context.mainExecutor) { _, _ -> waiting.answer(false) }
        .build()

    private fun answers(waiting: CancellableContinuation<Boolean>) =
        object : BiometricPrompt.AuthenticationCallback() {
            override fun onAuthenticationSucceeded(result: BiometricPrompt.AuthenticationResult) = waiting.answer(true)

            // A finger that is not known may be tried again: the prompt stays, and ends by an error.
            override fun onAuthenticationError(errorCode: Int, errString: CharSequence) = waiting.answer(false)
        }

    private fun CancellableContinuation<Boolean>.answer(confirmed: Boolean) {
        if (isActive) resume(confirmed)
    }
}
