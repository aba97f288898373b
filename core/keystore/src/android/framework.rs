//! The framework's classes and methods that are used, each with its signature. Decides nothing but what
//! differs between Android's versions.
//!
//! Only classes of the framework (`java.*`, `javax.*`, `android.*`), which the boot class loader finds on
//! every thread: a native thread has no other.

use jni::errors::Result;
use jni::objects::{JByteArray, JObject, JString, JValue};
use jni::{Env, jni_sig, jni_str};
use zeroize::{Zeroize, Zeroizing};

use super::java::Failure;
use crate::error::KeyStoreError;
use crate::options::{KeyStoreOptions, Presence};
use crate::traits::{Alias, SecurityLevel};

const PROVIDER: &str = "AndroidKeyStore";
const ALGORITHM: &str = "HmacSHA256";

// android.security.keystore.KeyProperties
const PURPOSE_SIGN: i32 = 4;
const AUTH_BIOMETRIC_STRONG: i32 = 2;
const SECURITY_LEVEL_UNKNOWN_SECURE: i32 = -1;
const SECURITY_LEVEL_TRUSTED_ENVIRONMENT: i32 = 1;
const SECURITY_LEVEL_STRONGBOX: i32 = 2;

/// `Build.VERSION.SDK_INT`
pub(super) fn api_level(env: &mut Env<'_>) -> Result<i32> {
    let class = env.find_class(jni_str!("android/os/Build$VERSION"))?;
    env.get_static_field(&class, jni_str!("SDK_INT"), jni_sig!("I"))?
        .i()
}

/// The key of an alias, or none.
///
/// `getKey`, not `containsAlias`: the latter answers "no" whatever went wrong.
pub(super) fn load<'local>(
    env: &mut Env<'local>,
    alias: &Alias,
) -> std::result::Result<Option<JObject<'local>>, Failure> {
    let store = open(env)?;
    let alias = env.new_string(alias.as_str())?;
    let key = env
        .call_method(
            &store,
            jni_str!("getKey"),
            jni_sig!("(Ljava/lang/String;[C)Ljava/security/Key;"),
            &[JValue::Object(&alias), JValue::Object(&JObject::null())],
        )?
        .l()?;
    Ok((!key.is_null()).then_some(key))
}

/// Deletes an alias.
pub(super) fn delete(env: &mut Env<'_>, alias: &Alias) -> std::result::Result<(), Failure> {
    let store = open(env)?;
    let alias = env.new_string(alias.as_str())?;
    env.call_method(
        &store,
        jni_str!("deleteEntry"),
        jni_sig!("(Ljava/lang/String;)V"),
        &[JValue::Object(&alias)],
    )?;
    Ok(())
}

/// Makes a key, with StrongBox where it is asked for and `may_use_strong_box`.
pub(super) fn generate(
    env: &mut Env<'_>,
    alias: &Alias,
    options: KeyStoreOptions,
    may_use_strong_box: bool,
) -> std::result::Result<(), Failure> {
    let api_level = api_level(env)?;
    let spec = spec(env, alias, options, may_use_strong_box, api_level)?;
    let class = env.find_class(jni_str!("javax/crypto/KeyGenerator"))?;
    let algorithm = env.new_string(ALGORITHM)?;
    let provider = env.new_string(PROVIDER)?;
    let generator = env
        .call_static_method(
            &class,
            jni_str!("getInstance"),
            jni_sig!("(Ljava/lang/String;Ljava/lang/String;)Ljavax/crypto/KeyGenerator;"),
            &[JValue::Object(&algorithm), JValue::Object(&provider)],
        )?
        .l()?;
    env.call_method(
        &generator,
        jni_str!("init"),
        jni_sig!("(Ljava/security/spec/AlgorithmParameterSpec;)V"),
        &[JValue::Object(&spec)],
    )?;
    env.call_method(
        &generator,
        jni_str!("generateKey"),
        jni_sig!("()Ljavax/crypto/SecretKey;"),
        &[],
    )?;
    Ok(())
}

fn spec<'local>(
    env: &mut Env<'local>,
    alias: &Alias,
    options: KeyStoreOptions,
    may_use_strong_box: bool,
    api_level: i32,
) -> Result<JObject<'local>> {
    let class = env.find_class(jni_str!(
        "android/security/keystore/KeyGenParameterSpec$Builder"
    ))?;
    let alias = env.new_string(alias.as_str())?;
    let builder = env.new_object(
        &class,
        jni_sig!("(Ljava/lang/String;I)V"),
        &[JValue::Object(&alias), JValue::Int(PURPOSE_SIGN)],
    )?;
    env.call_method(
        &builder,
        jni_str!("setKeySize"),
        jni_sig!("(I)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
        &[JValue::Int(256)],
    )?;
    if options.strong_box && may_use_strong_box && api_level >= 28 {
        env.call_method(
            &builder,
            jni_str!("setIsStrongBoxBacked"),
            jni_sig!("(Z)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
            &[JValue::Bool(true)],
        )?;
    }
    // There since 28, but on Android 12 to 14 removing the lock screen deletes such keys.
    if options.strict && api_level >= 35 {
        env.call_method(
            &builder,
            jni_str!("setUnlockedDeviceRequired"),
            jni_sig!("(Z)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
            &[JValue::Bool(true)],
        )?;
    }
    if options.presence == Presence::CurrentBiometry {
        require_presence(env, &builder, api_level)?;
    }
    env.call_method(
        &builder,
        jni_str!("build"),
        jni_sig!("()Landroid/security/keystore/KeyGenParameterSpec;"),
        &[],
    )?
    .l()
}

/// A strong biometric at each use; another finger invalidates.
fn require_presence(env: &mut Env<'_>, builder: &JObject, api_level: i32) -> Result<()> {
    for method in [
        jni_str!("setUserAuthenticationRequired"),
        jni_str!("setInvalidatedByBiometricEnrollment"),
    ] {
        env.call_method(
            builder,
            method,
            jni_sig!("(Z)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
            &[JValue::Bool(true)],
        )?;
    }
    // Before 30 "at each use, biometric" is what the first of the two means.
    if api_level >= 30 {
        env.call_method(
            builder,
            jni_str!("setUserAuthenticationParameters"),
            jni_sig!("(II)Landroid/security/keystore/KeyGenParameterSpec$Builder;"),
            &[JValue::Int(0), JValue::Int(AUTH_BIOMETRIC_STRONG)],
        )?;
    }
    Ok(())
}

/// How well a key is protected, as far as this version of Android tells. Before 31 it does not tell
/// StrongBox from the main processor's protected area, so the lesser is said.
pub(super) fn level(
    env: &mut Env<'_>,
    key: &JObject,
) -> std::result::Result<SecurityLevel, Failure> {
    let class = env.find_class(jni_str!("javax/crypto/SecretKeyFactory"))?;
    let algorithm = env.new_string(ALGORITHM)?;
    let provider = env.new_string(PROVIDER)?;
    let factory = env
        .call_static_method(
            &class,
            jni_str!("getInstance"),
            jni_sig!("(Ljava/lang/String;Ljava/lang/String;)Ljavax/crypto/SecretKeyFactory;"),
            &[JValue::Object(&algorithm), JValue::Object(&provider)],
        )?
        .l()?;
    let wanted = env.find_class(jni_str!("android/security/keystore/KeyInfo"))?;
    let info = env
        .call_method(
            &factory,
            jni_str!("getKeySpec"),
            jni_sig!("(Ljavax/crypto/SecretKey;Ljava/lang/Class;)Ljava/security/spec/KeySpec;"),
            &[JValue::Object(key), JValue::Object(&wanted)],
        )?
        .l()?;
    if api_level(env)? < 31 {
        let inside = env
            .call_method(
                &info,
                jni_str!("isInsideSecureHardware"),
                jni_sig!("()Z"),
                &[],
            )?
            .z()?;
        return Ok(if inside {
            SecurityLevel::TrustedEnvironment
        } else {
            SecurityLevel::Software
        });
    }
    let number = env
        .call_method(&info, jni_str!("getSecurityLevel"), jni_sig!("()I"), &[])?
        .i()?;
    Ok(match number {
        SECURITY_LEVEL_STRONGBOX => SecurityLevel::SecureElement,
        SECURITY_LEVEL_TRUSTED_ENVIRONMENT | SECURITY_LEVEL_UNKNOWN_SECURE => {
            SecurityLevel::TrustedEnvironment
        }
        _ => SecurityLevel::Software,
    })
}

/// HMAC-SHA-256 of an input, made by the key store.
pub(super) fn hmac(
    env: &mut Env<'_>,
    key: &JObject,
    input: &[u8; 32],
) -> std::result::Result<Zeroizing<[u8; 32]>, Failure> {
    let class = env.find_class(jni_str!("javax/crypto/Mac"))?;
    let algorithm = env.new_string(ALGORITHM)?;
    // Without a provider: the first that takes such a key is chosen when the key is there.
    let mac = env
        .call_static_method(
            &class,
            jni_str!("getInstance"),
            jni_sig!("(Ljava/lang/String;)Ljavax/crypto/Mac;"),
            &[JValue::Object(&algorithm)],
        )?
        .l()?;
    env.call_method(
        &mac,
        jni_str!("init"),
        jni_sig!("(Ljava/security/Key;)V"),
        &[JValue::Object(key)],
    )?;
    let asked = env.byte_array_from_slice(input)?;
    let answered = env.call_method(
        &mac,
        jni_str!("doFinal"),
        jni_sig!("([B)[B"),
        &[JValue::Object(&asked)],
    );
    wipe(env, &asked)?;
    let answer = answered?.l()?;
    let answer = env.cast_local::<JByteArray>(answer)?;
    if answer.len(env)? != 32 {
        return Err(Failure::Store(KeyStoreError::HardwareFailure));
    }
    let mut signed = Zeroizing::new([0_i8; 32]);
    answer.get_region(env, 0, signed.as_mut_slice())?;
    wipe(env, &answer)?;
    let mut bytes = Zeroizing::new([0; 32]);
    for (byte, signed) in bytes.iter_mut().zip(signed.iter()) {
        *byte = signed.cast_unsigned();
    }
    signed.zeroize();
    Ok(bytes)
}

/// Zeroes 32 bytes in the JVM's memory. (What the JVM has copied meanwhile, nobody can reach.) No call
/// is allowed while an exception is pending, so that one is put aside for as long.
fn wipe(env: &mut Env<'_>, array: &JByteArray) -> Result<()> {
    let pending = env.exception_occurred();
    env.exception_clear();
    array.set_region(env, 0, &[0; 32])?;
    match pending {
        // `throw` answers that an exception is pending, which is what is wanted
        Some(exception) => env.throw(exception),
        None => Ok(()),
    }
}

fn open<'local>(env: &mut Env<'local>) -> Result<JObject<'local>> {
    let class = env.find_class(jni_str!("java/security/KeyStore"))?;
    let provider: JString = env.new_string(PROVIDER)?;
    let store = env
        .call_static_method(
            &class,
            jni_str!("getInstance"),
            jni_sig!("(Ljava/lang/String;)Ljava/security/KeyStore;"),
            &[JValue::Object(&provider)],
        )?
        .l()?;
    env.call_method(
        &store,
        jni_str!("load"),
        jni_sig!("(Ljava/security/KeyStore$LoadStoreParameter;)V"),
        &[JValue::Object(&JObject::null())],
    )?;
    Ok(store)
}
