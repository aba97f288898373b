//! The store on a real JVM with `-Xcheck:jni`, against stand-ins for the phone's classes
//! (`tests/android/java`). It shows that every call is right and every exception understood; what a
//! phone's hardware does it cannot show (README.md).

mod jvm;
mod scenarios;

use std::ptr;

use jni::{jni_sig, jni_str};

use super::{AndroidKeyStore, java, on_load};
use crate::options::KeyStoreOptions;

#[test]
fn through_a_real_jvm() {
    let Some(output) = jvm::run("android::host_tests::in_the_jvm") else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    let all = format!("{said}\n{complained}");
    assert!(output.status.success(), "{all}");
    assert!(said.contains("every scenario was played"), "{all}");
    // what -Xcheck:jni finds and does not end the process for
    assert!(!all.contains("WARNING"), "{all}");
    // no text of the platform's leaves
    assert!(!all.contains("must go nowhere"), "{all}");
}

/// The checks above are worth what they find: a call that is wrong must end the process.
#[test]
fn a_wrong_call_does_not_pass() {
    let Some(output) = jvm::run("android::host_tests::a_wrong_call_in_the_jvm") else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("FATAL ERROR in native method"), "{said}");
    assert!(!said.contains("the wrong call came back"), "{said}");
}

#[test]
#[allow(unsafe_code)]
fn without_a_jvm_there_is_no_store() {
    // SAFETY: null is allowed.
    assert_eq!(unsafe { on_load(ptr::null_mut()) }, jni::sys::JNI_ERR);
    assert!(AndroidKeyStore::new(KeyStoreOptions::default()).is_none());
}

#[test]
#[ignore = "runs in a process of its own, which through_a_real_jvm starts"]
#[allow(unsafe_code)]
fn in_the_jvm() {
    if !jvm::is_the_process() {
        return;
    }
    let vm = jvm::start();
    // SAFETY: the JVM's own pointer.
    let version = unsafe { on_load(vm.get_raw().cast()) };
    assert_eq!(version, jni::sys::JNI_VERSION_1_6);
    for (name, play) in scenarios::ALL {
        println!("scenario {name}");
        play(&vm);
    }
    println!("every scenario was played");
}

#[test]
#[ignore = "runs in a process of its own, which a_wrong_call_does_not_pass starts"]
#[allow(unsafe_code)]
fn a_wrong_call_in_the_jvm() {
    if !jvm::is_the_process() {
        return;
    }
    let _vm = jvm::start();
    let answer = java::with(|env| {
        let class = env.find_class(jni_str!("java/lang/String"))?;
        let length = env.get_method_id(&class, jni_str!("length"), jni_sig!("()I"))?;
        let thread = env.find_class(jni_str!("java/lang/Thread"))?;
        let stranger = env.new_object(&thread, jni_sig!("()V"), &[])?;
        let int = jni::signature::ReturnType::Primitive(jni::signature::Primitive::Int);
        // SAFETY: it is not; that is the test. The JVM has to notice, and ends the process.
        unsafe { env.call_method_unchecked(&stranger, length, int, &[]) }?;
        Ok(())
    });
    println!("the wrong call came back: {}", answer.is_ok());
}
