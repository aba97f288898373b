//! The JVM: where it comes from, and how a call enters and leaves it.

use std::ffi::c_void;

use jni::errors::{Error, JniError};
use jni::sys::{JNI_ERR, JNI_VERSION_1_6};
use jni::{Env, JavaVM};

use crate::android_status;
use crate::error::KeyStoreError;

/// What `JNI_OnLoad` has to do: keeps the JVM, and returns the JNI version that is used.
///
/// # Safety
/// `vm` is null or the `JavaVM*` that the JVM has handed to `JNI_OnLoad`.
#[allow(unsafe_code)]
pub unsafe fn on_load(vm: *mut c_void) -> i32 {
    if vm.is_null() {
        return JNI_ERR;
    }
    // SAFETY: not null, and the caller promises that it is the JVM's own, which lives as long as the
    // process.
    let _kept = unsafe { JavaVM::from_raw(vm.cast()) };
    JNI_VERSION_1_6
}

/// Whether the JVM is known.
pub(super) fn is_there() -> bool {
    JavaVM::singleton().is_ok()
}

/// Why work in the JVM did not come to its end.
pub(super) enum Failure {
    /// A call into the JVM failed; where it threw, the exception is pending.
    Java(Error),
    /// What was found is an answer of its own.
    Store(KeyStoreError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Java(error)
    }
}

/// A failure with everything taken from it that is needed outside: no exception is pending any more.
pub(super) struct Thrown {
    /// The exception and its causes, where there was one.
    pub(super) chain: Vec<android_status::Thrown>,
    outcome: KeyStoreError,
}

impl From<Error> for Thrown {
    // Outside of any call of ours: attaching failed, or the frame could not be made.
    fn from(error: Error) -> Self {
        Self {
            chain: Vec::new(),
            outcome: of_jni(&error),
        }
    }
}

impl From<Thrown> for KeyStoreError {
    fn from(thrown: Thrown) -> Self {
        thrown.outcome
    }
}

/// Runs work on this thread, attached for as long as it takes. A thread that was attached before stays
/// so. Every local reference of the work is freed with its frame.
pub(super) fn with<T>(work: impl FnOnce(&mut Env<'_>) -> Result<T, Failure>) -> Result<T, Thrown> {
    JavaVM::singleton()?
        .attach_current_thread_for_scope(|env| work(env).map_err(|failure| settle(env, failure)))
}

fn settle(env: &mut Env<'_>, failure: Failure) -> Thrown {
    // Also where the failure is another one: nothing may stay pending.
    let chain = super::thrown::take(env);
    let outcome = match failure {
        Failure::Store(outcome) => outcome,
        Failure::Java(Error::JavaException) => android_status::of_thrown(&chain),
        Failure::Java(error) => of_jni(&error),
    };
    Thrown { chain, outcome }
}

fn of_jni(error: &Error) -> KeyStoreError {
    match error {
        Error::JniCall(JniError::NoMemory) => KeyStoreError::Transient,
        _ => KeyStoreError::HardwareFailure,
    }
}
