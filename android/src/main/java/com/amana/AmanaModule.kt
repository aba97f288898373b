package com.amana

import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReactApplicationContext
import com.facebook.react.bridge.ReadableArray
import com.facebook.react.bridge.WritableMap
import com.facebook.react.module.annotations.ReactModule
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/**
 * The module that React Native calls: one line a method over [CoreBridge]. Texts and lists may be null
 * whatever the contract says: React Native hands a JavaScript null on, and a throw would end the app.
 */
@ReactModule(name = NativeAmanaSpec.NAME)
internal class AmanaModule(
    context: ReactApplicationContext,
    platform: Platform = AndroidPlatform(context, presenceOf(context)),
    private val containers: Containers = NativeContainers,
    private val emitter: ((String, WritableMap) -> Unit)? = null,
) : NativeAmanaSpec(context) {
    // One at a time up to their first wait: what JavaScript calls one after the other reaches the core so.
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Default.limitedParallelism(1))
    private val telling = Any()
    private var isGone = false
    private val bridge = CoreBridge(platform) { name, value -> tell(name, containers.wrapMap(value)) }

    override fun attachVault(configJson: String?, promise: Promise) = answer(promise) {
        life.attach(configJson.given())
    }

    override fun closeVault(handle: Double, promise: Promise) = answer(promise) { life.close(handle) }

    override fun vaultState(handle: Double): String = bridge.life.state(handle)

    override fun vaultGlance(handle: Double, promise: Promise) = answer(promise) { life.glance(handle) }

    override fun openForDevice(handle: Double, recoveryKey: String?, promise: Promise) =
        answer(promise) { life.openForDevice(handle, recoveryKey) }

    override fun createForPerson(
        handle: Double,
        person: String?,
        pin: ReadableArray?,
        recoveryKey: String?,
        promise: Promise,
    ) = withSecret(promise, pin) { life.createForPerson(handle, person.given(), it, recoveryKey) }

    override fun lock(handle: Double, promise: Promise) = answer(promise) { life.lock(handle) }

    override fun unlockWithPin(handle: Double, person: String?, pin: ReadableArray?, promise: Promise) =
        withSecret(promise, pin) { life.unlockWithPin(handle, person.given(), it) }

    override fun unlockWithPresence(handle: Double, title: String?, cancelText: String?, promise: Promise) =
        answer(promise) { life.unlockWithPresence(handle, title.given(), cancelText.given()) }

    override fun makeRecoveryRequest(handle: Double, promise: Promise) =
        answer(promise) { life.makeRecoveryRequest(handle) }

    override fun unlockWithRecovery(handle: Double, answer: String?, promise: Promise) =
        answer(promise) { life.unlockWithRecovery(handle, answer.given()) }

    override fun replaceDeviceSlot(handle: Double, promise: Promise) =
        answer(promise) { life.replaceDeviceSlot(handle) }

    override fun keySlots(handle: Double, promise: Promise) = answer(promise) { life.slots(handle) }

    override fun pinStanding(handle: Double, person: String?, promise: Promise) =
        answer(promise) { life.pinStanding(handle, person.given()) }

    override fun addPin(handle: Double, person: String?, pin: ReadableArray?, promise: Promise) =
        withSecret(promise, pin) { life.addPin(handle, person.given(), it) }

    override fun changePin(
        handle: Double,
        person: String?,
        oldPin: ReadableArray?,
        newPin: ReadableArray?,
        promise: Promise,
    ) = withSecret(promise, oldPin) { old ->
        newPin.given().secret().wiped { life.changePin(handle, person.given(), old, it) }
    }

    override fun resetPin(handle: Double, person: String?, pin: ReadableArray?, promise: Promise) =
        withSecret(promise, pin) { life.resetPin(handle, person.given(), it) }

    override fun removePin(handle: Double, person: String?, promise: Promise) =
        answer(promise) { life.removePin(handle, person.given()) }

    override fun addPresence(handle: Double, title: String?, cancelText: String?, promise: Promise) =
        answer(promise) { life.addPresence(handle, title.given(), cancelText.given()) }

    override fun removeSlot(handle: Double, slotId: String?, promise: Promise) =
        answer(promise) { life.removeSlot(handle, slotId.given()) }

    override fun rotateRootKey(handle: Double, promise: Promise) = answer(promise) { life.rotate(handle) }

    override fun wipe(handle: Double, promise: Promise) = answer(promise) { life.wipe(handle) }

    override fun lastRefusal(handle: Double, promise: Promise) = answer(promise) { life.lastRefusal(handle) }

    override fun quarantineVault(handle: Double, acknowledgedUnsynced: Double?, promise: Promise) =
        answer(promise) { life.quarantine(handle, acknowledgedUnsynced) }

    override fun quarantinedVaults(handle: Double, promise: Promise) = answer(promise) { life.quarantined(handle) }

    override fun salvage(handle: Double, person: String?, pin: ReadableArray?, promise: Promise) =
        withSecret(promise, pin) { care.salvage(handle, person, it) }

    override fun salvageWithPresence(handle: Double, title: String?, cancelText: String?, promise: Promise) =
        answer(promise) { care.salvageWithPresence(handle, title.given(), cancelText.given()) }

    override fun salvageWithRecovery(handle: Double, answer: String?, promise: Promise) =
        answer(promise) { care.salvageWithRecovery(handle, answer.given()) }

    override fun diagnose(handle: Double, promise: Promise) = answer(promise) { care.diagnose(handle) }

    override fun integrity(handle: Double, promise: Promise) = answer(promise) { care.integrity(handle) }

    override fun runKeyStoreSelfTest(optionsJson: String?, promise: Promise) =
        answer(promise) { life.selfTest(optionsJson.given()) }

    override fun kvGetSync(handle: Double, space: String?, key: String?): String =
        tagged { bridge.keyValues.getNow(handle, space.given(), key.given()) }

    override fun kvGet(handle: Double, space: String?, key: String?, promise: Promise) =
        answer(promise) { keyValues.get(handle, space.given(), key.given()) }

    override fun kvMultiGetSync(handle: Double, space: String?, keys: ReadableArray?): String =
        tagged { bridge.keyValues.multiGetNow(handle, space.given(), keys.given().texts()) }

    override fun kvMultiGet(handle: Double, space: String?, keys: ReadableArray?, promise: Promise) =
        answer(promise) { keyValues.multiGet(handle, space.given(), keys.given().texts()) }

    override fun kvKeysSync(handle: Double, space: String?, prefix: String?, after: String?, limit: Double): String =
        tagged { bridge.keyValues.keysNow(handle, space.given(), prefix.given(), after, limit) }

    override fun kvKeys(
        handle: Double,
        space: String?,
        prefix: String?,
        after: String?,
        limit: Double,
        promise: Promise,
    ) = answer(promise) { keyValues.keys(handle, space.given(), prefix.given(), after, limit) }

    override fun kvSet(
        handle: Double,
        space: String?,
        key: String?,
        value: String?,
        expiresInMs: Double?,
        promise: Promise,
    ) = answer(promise) { keyValues.set(handle, space.given(), key.given(), value.given(), expiresInMs) }

    override fun kvMultiSet(handle: Double, space: String?, entriesJson: String?, promise: Promise) =
        answer(promise) { keyValues.multiSet(handle, space.given(), entriesJson.given()) }

    override fun kvRemove(handle: Double, space: String?, key: String?, promise: Promise) =
        answer(promise) { keyValues.remove(handle, space.given(), key.given()) }

    override fun kvMultiRemove(handle: Double, space: String?, keys: ReadableArray?, promise: Promise) =
        answer(promise) { keyValues.multiRemove(handle, space.given(), keys.given().texts()) }

    override fun kvClear(handle: Double, space: String?, promise: Promise) =
        answer(promise) { keyValues.clear(handle, space.given()) }

    override fun kvCompareAndSet(
        handle: Double,
        space: String?,
        key: String?,
        expected: String?,
        next: String?,
        expiresInMs: Double?,
        promise: Promise,
    ) = answer(promise) { keyValues.compareAndSet(handle, space.given(), key.given(), expected, next, expiresInMs) }

    override fun createRecord(handle: Double, table: String?, fieldsJson: String?, promise: Promise) =
        answer(promise) { records.create(handle, table.given(), fieldsJson.given()) }

    override fun updateRecord(
        handle: Double,
        table: String?,
        recordId: String?,
        fieldsJson: String?,
        promise: Promise,
    ) = answer(promise) { records.update(handle, table.given(), recordId.given(), fieldsJson.given()) }

    override fun deleteRecord(handle: Double, table: String?, recordId: String?, promise: Promise) =
        answer(promise) { records.delete(handle, table.given(), recordId.given()) }

    override fun batchRecords(handle: Double, operationsJson: String?, promise: Promise) =
        answer(promise) { records.batch(handle, operationsJson.given()) }

    override fun findRecordSync(handle: Double, table: String?, recordId: String?): String =
        tagged { bridge.records.findNow(handle, table.given(), recordId.given()) }

    override fun findRecord(handle: Double, table: String?, recordId: String?, promise: Promise) =
        answer(promise) { records.find(handle, table.given(), recordId.given()) }

    override fun queryRecords(handle: Double, table: String?, queryJson: String?, promise: Promise) =
        answer(promise) { records.query(handle, table.given(), queryJson.given()) }

    override fun countRecords(handle: Double, table: String?, queryJson: String?, promise: Promise) =
        answer(promise) { records.count(handle, table.given(), queryJson.given()) }

    override fun signIn(
        handle: Double,
        url: String?,
        privateCaPem: String?,
        email: String?,
        password: ReadableArray?,
        operation: Double,
        promise: Promise,
    ) = withSecret(promise, password) { peers.signIn(handle, url.given(), privateCaPem, email.given(), it, operation) }

    override fun signOut(handle: Double, promise: Promise) = answer(promise) { peers.signOut(handle) }

    override fun pairHub(handle: Double, qrText: String?, operation: Double, promise: Promise) =
        answer(promise) { peers.pairHub(handle, qrText.given(), operation) }

    override fun signInAtHub(
        handle: Double,
        peer: String?,
        email: String?,
        password: ReadableArray?,
        operation: Double,
        promise: Promise,
    ) = withSecret(promise, password) { peers.signInAtHub(handle, peer.given(), email.given(), it, operation) }

    override fun hubs(handle: Double, promise: Promise) = answer(promise) { peers.hubs(handle) }

    override fun moveHub(handle: Double, peer: String?, url: String?, promise: Promise) =
        answer(promise) { peers.moveHub(handle, peer.given(), url.given()) }

    override fun forgetPeer(handle: Double, peer: String?, promise: Promise) =
        answer(promise) { peers.forget(handle, peer.given()) }

    override fun sync(handle: Double, peer: String?, fullPull: Boolean, operation: Double, promise: Promise) =
        answer(promise) { peers.sync(handle, peer, fullPull, operation) }

    override fun syncStatus(handle: Double, promise: Promise) = answer(promise) { peers.status(handle) }

    override fun recordStanding(handle: Double, table: String?, recordId: String?, promise: Promise) =
        answer(promise) { peers.standing(handle, table.given(), recordId.given()) }

    override fun conflicts(handle: Double, after: Double, promise: Promise) =
        answer(promise) { peers.conflicts(handle, after) }

    override fun undoConflict(handle: Double, conflictId: Double, promise: Promise) =
        answer(promise) { peers.undoConflict(handle, conflictId) }

    override fun quarantinedRecords(handle: Double, promise: Promise) =
        answer(promise) { peers.quarantined(handle) }

    override fun releaseRecord(handle: Double, table: String?, recordId: String?, promise: Promise) =
        answer(promise) { peers.release(handle, table.given(), recordId.given()) }

    override fun releaseAllRecords(handle: Double, promise: Promise) = answer(promise) { peers.releaseAll(handle) }

    override fun digest(handle: Double, promise: Promise) = answer(promise) { peers.digest(handle) }

    override fun cancelOperation(operation: Double) = bridge.operations.cancel(operation)

    /** The app's JavaScript is gone: running calls are cancelled, every handle is closed. */
    override fun invalidate() {
        synchronized(telling) { isGone = true }
        // It always begins: nothing but its own last line cancels the scope. Once begun, nothing stops it.
        scope.launch {
            withContext(NonCancellable) { bridge.close() }
            scope.cancel()
        }
        super.invalidate()
    }

    private fun answer(promise: Promise, call: suspend CoreBridge.() -> Any?) {
        scope.launch {
            try {
                promise.resolve(containers.wrap(bridge.call()))
            } catch (cause: Throwable) {
                val failure = Failure.of(cause)
                promise.reject(failure.code, failure.detail, null, containers.wrapMap(failure.info()))
            }
        }
    }

    /** The secret is read here, on the caller's thread, where the array is still valid. */
    private fun withSecret(promise: Promise, secret: ReadableArray?, call: suspend CoreBridge.(ByteArray) -> Any?) {
        val bytes = try {
            secret.given().secret()
        } catch (failure: Failure) {
            promise.reject(failure.code, failure.detail, null, containers.wrapMap(failure.info()))
            return
        }
        answer(promise) { bytes.wiped { call(it) } }
    }

    /** React Native frees what takes events as soon as [invalidate] has returned. */
    private fun tell(name: String, value: WritableMap) = synchronized(telling) {
        if (!isGone) (emitter ?: ::emit)(name, value)
    }

    private fun emit(name: String, value: WritableMap) = when (name) {
        "onChange" -> emitOnChange(value)
        "onKvChange" -> emitOnKvChange(value)
        "onSyncProgress" -> emitOnSyncProgress(value)
        "onDamage" -> emitOnDamage(value)
        "onVaultState" -> emitOnVaultState(value)
        else -> Unit
    }
}
