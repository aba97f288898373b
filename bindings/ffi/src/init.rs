//! Where Android hands over its JVM. The app calls `System.loadLibrary("amana_ffi")` before it uses the
//! bindings; JNA then finds the library loaded. (What JNA alone loads never gets this call.)

use std::ffi::c_void;

/// Called by the JVM, once.
#[unsafe(no_mangle)]
#[allow(unsafe_code, non_snake_case, reason = "the JVM looks for this name")]
pub extern "system" fn JNI_OnLoad(vm: *mut c_void, _reserved: *mut c_void) -> i32 {
    // SAFETY: the JVM's own pointer, as it is.
    unsafe { amana_keystore::android::on_load(vm) }
}
