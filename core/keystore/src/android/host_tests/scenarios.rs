//! What is tried in the JVM, one after another.

use std::sync::atomic::{AtomicU8, Ordering};

use jni::{JavaVM, jni_sig, jni_str};

use super::super::{AndroidKeyStore, java};
use super::jvm;
use crate::error::KeyStoreError::{self, Absent, HardwareFailure, Invalidated, Transient};
use crate::options::{KeyStoreOptions, Presence};
use crate::traits::{Alias, KeyStore, SecurityLevel};

type Scenario = (&'static str, fn(&JavaVM));

pub(super) const ALL: &[Scenario] = &[
    ("contract", contract),
    ("derivation", derivation),
    ("levels", levels),
    ("what_is_asked_for", what_is_asked_for),
    ("strong_box", strong_box),
    ("faults", faults),
    ("numbers", numbers),
    ("no_key_is_made_blindly", no_key_is_made_blindly),
    ("delete_of_what_is_not_there", delete_of_what_is_not_there),
    ("odd_answers", odd_answers),
    ("nothing_stays_in_the_jvm", nothing_stays_in_the_jvm),
    ("threads", threads),
    (
        "pending_exception_of_the_caller",
        pending_exception_of_the_caller,
    ),
    ("signature_that_is_not_there", signature_that_is_not_there),
    ("slow", slow),
    ("one_creator_wins", one_creator_wins),
    ("references", references),
];

const INPUT: [u8; 32] = [5; 32];

fn store(options: KeyStoreOptions) -> AndroidKeyStore {
    AndroidKeyStore::new(options).unwrap()
}

fn plain() -> AndroidKeyStore {
    store(KeyStoreOptions::default())
}

fn alias() -> Alias {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    Alias::from_random(&[NEXT.fetch_add(1, Ordering::Relaxed); 16])
}

fn contract(vm: &JavaVM) {
    for strict in [false, true] {
        for strong_box in [false, true] {
            let options = KeyStoreOptions {
                strict,
                strong_box,
                presence: Presence::None,
            };
            let found = crate::run_self_test(&store(options)).unwrap();
            assert!(found.report.is_kept(), "{options:?}\n{}", found.report);
            let level = if strong_box {
                SecurityLevel::SecureElement
            } else {
                SecurityLevel::TrustedEnvironment
            };
            assert_eq!(found.level, Some(level));
            assert_eq!(jvm::keys(vm), 0);
        }
    }
}

fn derivation(vm: &JavaVM) {
    let alias = alias();
    jvm::plant(vm, alias.as_str(), 7);
    let derived = plain().derive(&alias, &INPUT).unwrap();
    let hex: String = derived
        .expose()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    // Changing this would lose every vault on Android. Computed apart from this code.
    assert_eq!(
        hex,
        "d8b047b6b7f346d0925bdab4403e34d6276aa64d6002b538288d466842c82055"
    );
    plain().delete(&alias).unwrap();
}

fn levels(vm: &JavaVM) {
    use SecurityLevel::{SecureElement, Software, TrustedEnvironment};
    for (api_level, number, level) in [
        (35, 2, SecureElement),
        (35, 1, TrustedEnvironment),
        (35, -1, TrustedEnvironment),
        (35, 0, Software),
        (35, -2, Software),
        (31, 2, SecureElement),
        // before 31 the lesser is said
        (30, 2, TrustedEnvironment),
        (30, 1, TrustedEnvironment),
        (30, 0, Software),
        (23, 0, Software),
    ] {
        jvm::use_api_level(vm, api_level);
        jvm::use_level(vm, number);
        let alias = alias();
        assert_eq!(plain().create(&alias), Ok(level), "{api_level} {number}");
        assert_eq!(plain().probe(&alias).unwrap().level, level);
        plain().delete(&alias).unwrap();
    }
    jvm::use_api_level(vm, 35);
    jvm::use_level(vm, 1);
}

fn what_is_asked_for(vm: &JavaVM) {
    let nothing = KeyStoreOptions::default();
    let strict = KeyStoreOptions {
        strict: true,
        ..nothing
    };
    let strong_box = KeyStoreOptions {
        strong_box: true,
        ..nothing
    };
    let presence = KeyStoreOptions {
        presence: Presence::CurrentBiometry,
        ..nothing
    };
    for (api_level, options, asked) in [
        (35, nothing, "size=256"),
        (35, strict, "size=256 unlocked=true"),
        // on 12 to 14 removing the lock screen would delete such keys
        (34, strict, "size=256"),
        (28, strict, "size=256"),
        (28, strong_box, "size=256 strongBox=true"),
        (27, strong_box, "size=256"),
        (
            30,
            presence,
            "size=256 authentication=true invalidated=true parameters=0,2",
        ),
        (
            29,
            presence,
            "size=256 authentication=true invalidated=true",
        ),
    ] {
        jvm::use_api_level(vm, api_level);
        let alias = alias();
        store(options).create(&alias).unwrap();
        assert_eq!(jvm::asked(vm), asked, "{api_level} {options:?}");
        plain().delete(&alias).unwrap();
    }
    jvm::use_api_level(vm, 35);
}

fn strong_box(vm: &JavaVM) {
    let wants = store(KeyStoreOptions {
        strong_box: true,
        ..KeyStoreOptions::default()
    });
    for refusal in [
        "android.security.keystore.StrongBoxUnavailableException",
        "java.security.ProviderException",
        "java.security.ProviderException < @10",
    ] {
        jvm::fail(vm, "strongbox", refusal);
        let alias = alias();
        assert_eq!(
            wants.create(&alias),
            Ok(SecurityLevel::TrustedEnvironment),
            "{refusal}"
        );
        assert_eq!(jvm::asked(vm), "size=256");
        wants.delete(&alias).unwrap();
    }
    // another failure is not a refusal
    jvm::fail(vm, "strongbox", "java.lang.OutOfMemoryError");
    assert_eq!(wants.create(&alias()), Err(Transient));
    jvm::fail(vm, "strongbox", "");
    assert_eq!(jvm::keys(vm), 0);
}

/// What a step throws, and what that means.
#[rustfmt::skip]
const FAULTS: &[(&str, KeyStoreError)] = &[
    ("android.security.keystore.KeyPermanentlyInvalidatedException", Invalidated),
    ("android.security.keystore.KeyPermanentlyInvalidatedException < @6", Invalidated),
    ("java.security.ProviderException < android.security.keystore.KeyPermanentlyInvalidatedException", Invalidated),
    ("android.security.keystore.UserNotAuthenticatedException", Transient),
    ("android.security.keystore.UserNotAuthenticatedException < @2", Transient),
    ("android.security.keystore.UserPresenceUnavailableException", Transient),
    ("android.security.keystore.BackendBusyException", Transient),
    ("android.security.keystore.KeyStoreConnectException", Transient),
    ("android.os.DeadObjectException", Transient),
    ("android.os.TransactionTooLargeException", Transient),
    ("java.lang.OutOfMemoryError", Transient),
    ("android.security.keystore.StrongBoxUnavailableException", HardwareFailure),
    ("android.security.keystore.KeyExpiredException", HardwareFailure),
    ("android.security.keystore.KeyNotYetValidException", HardwareFailure),
    ("java.security.UnrecoverableKeyException", HardwareFailure),
    ("java.security.UnrecoverableKeyException < @11!", Transient),
    ("java.security.UnrecoverableKeyException < @6", Absent),
    ("java.security.InvalidKeyException", HardwareFailure),
    ("java.security.KeyStoreException", HardwareFailure),
    ("java.security.KeyStoreException < @3", Transient),
    ("java.security.ProviderException", HardwareFailure),
    ("java.security.ProviderException < @2", Transient),
    ("java.security.NoSuchAlgorithmException", HardwareFailure),
    ("java.lang.IllegalStateException", HardwareFailure),
    ("java.lang.SecurityException", HardwareFailure),
    ("java.lang.NullPointerException", HardwareFailure),
    ("java.lang.StackOverflowError", HardwareFailure),
    ("circle", HardwareFailure),
];

fn faults(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    store.create(&alias).unwrap();
    let before = store.derive(&alias, &INPUT).unwrap();
    for (what, outcome) in FAULTS {
        for step in ["load", "getKey", "init", "doFinal"] {
            jvm::fail(vm, step, what);
            let answer = store.derive(&alias, &INPUT).err();
            assert_eq!(answer, Some(*outcome), "derive, {step}: {what}");
            jvm::fail(vm, step, "");
        }
        for step in ["load", "getKey", "info"] {
            jvm::fail(vm, step, what);
            assert_eq!(store.probe(&alias), Err(*outcome), "probe, {step}: {what}");
            jvm::fail(vm, step, "");
        }
        jvm::fail(vm, "generate", what);
        let made = store.create(&alias_of(200));
        assert_eq!(made, Err(*outcome), "create: {what}");
        jvm::fail(vm, "generate", "");

        jvm::fail(vm, "delete", what);
        assert_eq!(store.delete(&alias), Err(*outcome), "delete: {what}");
        jvm::fail(vm, "delete", "");

        // nothing pending, nothing lost
        let after = store.derive(&alias, &INPUT).unwrap();
        assert_eq!(after.expose(), before.expose(), "{what}");
    }
    assert_eq!(jvm::keys(vm), 1);
    store.delete(&alias).unwrap();
}

fn alias_of(n: u8) -> Alias {
    Alias::from_random(&[n; 16])
}

fn numbers(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    store.create(&alias).unwrap();
    for number in 1..=17 {
        let outcome = match number {
            2 | 3 | 15 => Transient,
            6 => Absent,
            _ => HardwareFailure,
        };
        jvm::fail(
            vm,
            "getKey",
            &format!("java.security.UnrecoverableKeyException < @{number}"),
        );
        assert_eq!(store.probe(&alias), Err(outcome), "{number}");
        jvm::fail(
            vm,
            "getKey",
            &format!("java.security.UnrecoverableKeyException < @{number}!"),
        );
        assert_eq!(store.probe(&alias), Err(Transient), "{number}");
        // before 33 nobody may ask for the number
        jvm::use_api_level(vm, 32);
        assert_eq!(store.probe(&alias), Err(HardwareFailure), "{number}");
        jvm::use_api_level(vm, 33);
    }
    jvm::use_api_level(vm, 35);
    jvm::fail(vm, "getKey", "");
    store.delete(&alias).unwrap();
}

fn no_key_is_made_blindly(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    for what in [
        "java.security.UnrecoverableKeyException < @4!",
        "java.security.ProviderException",
        "android.security.keystore.KeyPermanentlyInvalidatedException",
    ] {
        jvm::fail(vm, "getKey", what);
        assert!(store.create(&alias).is_err(), "{what}");
        jvm::fail(vm, "getKey", "");
        assert_eq!(jvm::keys(vm), 0, "{what}");
    }
    // and deriving makes none either
    assert_eq!(store.derive(&alias, &INPUT).err(), Some(Absent));
    assert_eq!(jvm::keys(vm), 0);
}

fn delete_of_what_is_not_there(vm: &JavaVM) {
    jvm::fail(vm, "delete", "java.security.KeyStoreException");
    assert_eq!(plain().delete(&alias()), Ok(()));
    jvm::fail(vm, "delete", "");
}

fn odd_answers(vm: &JavaVM) {
    let alias = alias();
    plain().create(&alias).unwrap();
    jvm::answer_shortly(vm, true);
    assert_eq!(plain().derive(&alias, &INPUT).err(), Some(HardwareFailure));
    jvm::answer_shortly(vm, false);
    plain().delete(&alias).unwrap();
}

fn nothing_stays_in_the_jvm(vm: &JavaVM) {
    let alias = alias();
    plain().create(&alias).unwrap();
    plain().derive(&alias, &INPUT).unwrap();
    assert!(jvm::nothing_stayed(vm));
    jvm::fail(vm, "doFinal", "java.security.ProviderException");
    assert!(plain().derive(&alias, &INPUT).is_err());
    jvm::fail(vm, "doFinal", "");
    assert!(jvm::nothing_stayed(vm));
    plain().delete(&alias).unwrap();
}

fn threads(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    store.create(&alias).unwrap();
    let expected = *store.derive(&alias, &INPUT).unwrap().expose();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert!(!vm.is_thread_attached().unwrap());
                    let derived = store.derive(&alias, &INPUT).unwrap();
                    assert_eq!(derived.expose(), &expected);
                    assert!(!vm.is_thread_attached().unwrap());
                }
                // a thread that the JVM knows stays known
                vm.attach_current_thread(|_| -> jni::errors::Result<()> { Ok(()) })
                    .unwrap();
                store.probe(&alias).unwrap();
                assert!(vm.is_thread_attached().unwrap());
            });
        }
    });
    store.delete(&alias).unwrap();
}

fn pending_exception_of_the_caller(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    store.create(&alias).unwrap();
    let seen = vm.attach_current_thread_for_scope(|env| -> jni::errors::Result<bool> {
        let _ = env.throw_new(
            jni_str!("java/lang/IllegalStateException"),
            jni_str!("the caller's own"),
        );
        store.probe(&alias).unwrap();
        assert_eq!(store.probe(&alias_of(201)), Err(Absent));
        let still = env.exception_check();
        env.exception_clear();
        Ok(still)
    });
    assert!(seen.unwrap());
    store.delete(&alias).unwrap();
}

fn slow(vm: &JavaVM) {
    let store = plain();
    let (late, other) = (alias(), alias());
    store.create(&late).unwrap();
    store.create(&other).unwrap();
    let expected = *store.derive(&late, &INPUT).unwrap().expose();
    jvm::fail(vm, "doFinal", "slow:1500");
    let begun = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            begun.wait();
            *store.derive(&late, &INPUT).unwrap().expose()
        });
        begun.wait();
        // nobody else waits for it
        store.probe(&other).unwrap();
        store.delete(&other).unwrap();
        store.create(&other).unwrap();
        assert!(!waiting.is_finished());
        assert_eq!(waiting.join().unwrap(), expected);
    });
    jvm::fail(vm, "doFinal", "");
    store.delete(&late).unwrap();
    store.delete(&other).unwrap();
}

fn one_creator_wins(vm: &JavaVM) {
    let alias = alias();
    jvm::fail(vm, "generate", "slow:20");
    let wins = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| plain().create(&alias).is_ok()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .filter(|won| *won)
            .count()
    });
    jvm::fail(vm, "generate", "");
    assert_eq!(wins, 1);
    plain().delete(&alias).unwrap();
}

/// On a thread that stays attached, and so never frees its references by leaving.
fn references(vm: &JavaVM) {
    let store = plain();
    let alias = alias();
    store.create(&alias).unwrap();
    vm.attach_current_thread_for_scope(|_| -> jni::errors::Result<()> {
        for _ in 0..1000 {
            store.derive(&alias, &INPUT).unwrap();
            assert_eq!(store.probe(&alias_of(202)), Err(Absent));
        }
        Ok(())
    })
    .unwrap();
    jvm::fail(vm, "getKey", "java.security.UnrecoverableKeyException < @4");
    vm.attach_current_thread_for_scope(|_| -> jni::errors::Result<()> {
        for _ in 0..1000 {
            assert_eq!(store.probe(&alias), Err(HardwareFailure));
        }
        Ok(())
    })
    .unwrap();
    jvm::fail(vm, "getKey", "");
    store.delete(&alias).unwrap();
}

/// A signature that the class does not have is an error, not a crash.
fn signature_that_is_not_there(_: &JavaVM) {
    let answer = java::with(|env| {
        let text = env.new_string("four")?;
        env.call_method(&text, jni_str!("length"), jni_sig!("()J"), &[])?;
        Ok(())
    });
    assert_eq!(answer.map_err(KeyStoreError::from), Err(HardwareFailure));
}
