//! Takes a pending exception and says what it was: class names and, where there is one, the key store's
//! own number. Never a message: a text of the platform's goes nowhere.

use jni::errors::Result;
use jni::objects::{JObject, JThrowable};
use jni::{Env, jni_sig, jni_str};

use super::framework;
use crate::android_status::{KEY_STORE_EXCEPTION, KeyStoreCode, Thrown};

// A chain may be a circle, and a class may extend many.
const DEEPEST_CAUSE: usize = 8;
const DEEPEST_CLASS: usize = 16;
const FRAME: usize = 64;

/// Clears the pending exception, and describes it and its causes. Empty where there is none.
pub(super) fn take(env: &mut Env<'_>) -> Vec<Thrown> {
    let Some(exception) = env.exception_occurred() else {
        return Vec::new();
    };
    env.exception_clear();
    let mut chain = Vec::new();
    let described = env.with_local_frame(FRAME, |env| describe(env, &exception, &mut chain));
    if described.is_err() {
        // What was learned before that is still true.
        env.exception_clear();
    }
    chain
}

fn describe(env: &mut Env<'_>, exception: &JThrowable, chain: &mut Vec<Thrown>) -> Result<()> {
    let mut current = env.new_local_ref(exception)?;
    while !current.is_null() && chain.len() < DEEPEST_CAUSE {
        let classes = classes(env, &current)?;
        let of_key_store = classes.first().is_some_and(|c| c == KEY_STORE_EXCEPTION);
        let key_store = if of_key_store && framework::api_level(env)? >= 33 {
            Some(code(env, &current)?)
        } else {
            None
        };
        chain.push(Thrown { classes, key_store });
        current = current.get_cause(env)?;
    }
    Ok(())
}

fn classes(env: &mut Env<'_>, exception: &JThrowable) -> Result<Vec<String>> {
    let mut names = Vec::new();
    let mut class = Some(env.get_object_class(exception)?);
    while let Some(current) = class {
        names.push(current.get_name(env)?.try_to_string(env)?);
        if names.len() == DEEPEST_CLASS {
            break;
        }
        class = env.get_superclass(&current)?;
    }
    Ok(names)
}

fn code(env: &mut Env<'_>, exception: &JObject) -> Result<KeyStoreCode> {
    let number = env.call_method(
        exception,
        jni_str!("getNumericErrorCode"),
        jni_sig!("()I"),
        &[],
    )?;
    let is_transient = env.call_method(
        exception,
        jni_str!("isTransientFailure"),
        jni_sig!("()Z"),
        &[],
    )?;
    Ok(KeyStoreCode {
        number: number.i()?,
        is_transient: is_transient.z()?,
    })
}
