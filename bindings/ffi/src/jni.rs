//! The direct calls as a JVM looks for them by name, in the class `com.amana.DirectCalls`. Converts, and
//! nothing else.

use amana_core::Error;
use jni::errors::LogErrorAndDefault;
use jni::objects::{JByteArray, JClass};
use jni::sys::{jint, jlong};
use jni::{Env, EnvUnowned};

use crate::direct;

/// A null, and an array that the JVM cannot give, is no input. Where the answer cannot be made,
/// the JVM has thrown its own error (no memory), and null is returned.
fn two<'local>(
    mut env: EnvUnowned<'local>,
    first: JByteArray<'local>,
    second: JByteArray<'local>,
    call: impl FnOnce(&[u8], &[u8]) -> Vec<u8>,
) -> JByteArray<'local> {
    let outcome = env.with_env(|env: &mut Env<'local>| {
        let answer = match (
            env.convert_byte_array(&first),
            env.convert_byte_array(&second),
        ) {
            (Ok(first), Ok(second)) => call(&first, &second),
            _ => direct::failure(&Error::invalid("a text is missing")),
        };
        env.byte_array_from_slice(&answer)
    });
    outcome.resolve::<LogErrorAndDefault>()
}

/// `static native byte[] kvGet(long handle, byte[] space, byte[] key)`
#[unsafe(no_mangle)]
#[allow(unsafe_code, non_snake_case, reason = "the JVM looks for this name")]
pub extern "system" fn Java_com_amana_DirectCalls_kvGet<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    space: JByteArray<'local>,
    key: JByteArray<'local>,
) -> JByteArray<'local> {
    two(env, space, key, |space, key| {
        direct::kv_get(handle, space, key)
    })
}

/// `static native byte[] find(long handle, byte[] table, byte[] id)`
#[unsafe(no_mangle)]
#[allow(unsafe_code, non_snake_case, reason = "the JVM looks for this name")]
pub extern "system" fn Java_com_amana_DirectCalls_find<'local>(
    env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
    table: JByteArray<'local>,
    id: JByteArray<'local>,
) -> JByteArray<'local> {
    two(env, table, id, |table, id| direct::find(handle, table, id))
}

/// `static native int state(long handle)`
#[unsafe(no_mangle)]
#[allow(unsafe_code, non_snake_case, reason = "the JVM looks for this name")]
pub extern "system" fn Java_com_amana_DirectCalls_state<'local>(
    _env: EnvUnowned<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> jint {
    direct::state(handle)
}
