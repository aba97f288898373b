//! A JVM with the stand-ins for the phone's classes, in a process of its own: there is one JVM per
//! process, and `-Xcheck:jni` ends the process when a call is wrong.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jni::errors::Result;
use jni::objects::{JString, JValue};
use jni::strings::JNIStr;
use jni::{Env, InitArgsBuilder, JNIVersion, JavaVM, jni_sig, jni_str};

const CLASSES: &str = "AMANA_TEST_JVM_CLASSES";

/// Runs a test of this binary, one of those that only work in a JVM, in a process of its own. None
/// where this machine has no JDK and is not expected to have one.
pub(super) fn run(test: &str) -> Option<Output> {
    let home = java_home()?;
    let classes = tempfile::tempdir().unwrap();
    compile(&home, classes.path());
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            test,
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(CLASSES, classes.path())
        .env("JAVA_HOME", &home)
        .output()
        .unwrap();
    Some(output)
}

/// Whether this process is one of those that `run` starts.
pub(super) fn is_the_process() -> bool {
    std::env::var_os(CLASSES).is_some()
}

/// Starts this process's JVM. Its pointer is what `JNI_OnLoad` would be given.
pub(super) fn start() -> JavaVM {
    let classes = std::env::var(CLASSES).unwrap();
    let library = library(Path::new(&std::env::var("JAVA_HOME").unwrap()));
    let arguments = InitArgsBuilder::new()
        .version(JNIVersion::V1_8)
        .option("-Xcheck:jni")
        .option("-Xmx128m")
        .option("-Xrs")
        .option(format!("-Djava.class.path={classes}"))
        .build()
        .unwrap();
    let vm = JavaVM::with_libjvm(arguments, || Ok(library)).unwrap();
    phone(&vm, |env, phone| {
        env.call_static_method(phone, jni_str!("start"), jni_sig!("()V"), &[])?;
        Ok(())
    });
    vm
}

/// Calls into the stand-in for the hardware.
pub(super) fn phone<T>(vm: &JavaVM, call: impl FnOnce(&mut Env<'_>, &JNIStr) -> Result<T>) -> T {
    vm.attach_current_thread_for_scope(|env| call(env, jni_str!("standin/Phone")))
        .unwrap()
}

/// From now on a step throws; an empty name ends it.
pub(super) fn fail(vm: &JavaVM, step: &str, what: &str) {
    phone(vm, |env, phone| {
        let step = env.new_string(step)?;
        let what = env.new_string(what)?;
        let arguments = [JValue::Object(&step), JValue::Object(&what)];
        let signature = jni_sig!("(Ljava/lang/String;Ljava/lang/String;)V");
        env.call_static_method(phone, jni_str!("fail"), signature, &arguments)?;
        Ok(())
    });
}

/// Sets a number of the phone: `useLevel`.
pub(super) fn use_level(vm: &JavaVM, level: i32) {
    phone(vm, |env, phone| {
        let arguments = [JValue::Int(level)];
        env.call_static_method(phone, jni_str!("useLevel"), jni_sig!("(I)V"), &arguments)?;
        Ok(())
    });
}

/// Whether the hardware answers with too few bytes.
pub(super) fn answer_shortly(vm: &JavaVM, wanted: bool) {
    phone(vm, |env, phone| {
        let arguments = [JValue::Bool(wanted)];
        let name = jni_str!("answerShortly");
        env.call_static_method(phone, name, jni_sig!("(Z)V"), &arguments)?;
        Ok(())
    });
}

/// Puts a key whose secret is known.
pub(super) fn plant(vm: &JavaVM, alias: &str, fill: i32) {
    phone(vm, |env, phone| {
        let alias = env.new_string(alias)?;
        let arguments = [JValue::Object(&alias), JValue::Int(fill)];
        let signature = jni_sig!("(Ljava/lang/String;I)V");
        env.call_static_method(phone, jni_str!("plant"), signature, &arguments)?;
        Ok(())
    });
}

/// What the last key was asked to be.
pub(super) fn asked(vm: &JavaVM) -> String {
    phone(vm, |env, phone| {
        let signature = jni_sig!("()Ljava/lang/String;");
        let text = env.call_static_method(phone, jni_str!("asked"), signature, &[])?;
        env.cast_local::<JString>(text.l()?)?.try_to_string(env)
    })
}

/// Whether nothing of the last question and answer stayed in the JVM's arrays.
pub(super) fn nothing_stayed(vm: &JavaVM) -> bool {
    phone(vm, |env, phone| {
        env.call_static_method(phone, jni_str!("nothingStayed"), jni_sig!("()Z"), &[])?
            .z()
    })
}

/// How many keys there are.
pub(super) fn keys(vm: &JavaVM) -> i32 {
    phone(vm, |env, phone| {
        env.call_static_method(phone, jni_str!("keys"), jni_sig!("()I"), &[])?
            .i()
    })
}

/// Makes it this version of Android.
pub(super) fn use_api_level(vm: &JavaVM, level: i32) {
    phone(vm, |env, _| {
        let class = env.find_class(jni_str!("android/os/Build$VERSION"))?;
        let value = JValue::Int(level);
        env.set_static_field(&class, jni_str!("SDK_INT"), jni_sig!("I"), value)
    });
}

/// JAVA_HOME where it is a JDK, else the home of the `javac` on the path.
fn java_home() -> Option<PathBuf> {
    let named = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let found = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).find_map(|folder| {
            let javac = folder.join("javac").canonicalize().ok()?;
            Some(javac.parent()?.parent()?.to_path_buf())
        })
    });
    let home = [named, found]
        .into_iter()
        .flatten()
        .find(|home| home.join("bin/javac").exists() && library(home).exists());
    if home.is_none() {
        // scripts/setup brings one there
        assert!(
            !is_debian(),
            "no JDK found (JAVA_HOME, javac): scripts/setup kotlin installs one"
        );
        println!("skipped: no JDK on this machine (JAVA_HOME, javac)");
    }
    home
}

fn is_debian() -> bool {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    release
        .lines()
        .filter(|line| line.starts_with("ID=") || line.starts_with("ID_LIKE="))
        .any(|line| line.contains("debian") || line.contains("ubuntu"))
}

fn library(home: &Path) -> PathBuf {
    let name = format!(
        "{}jvm{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    home.join("lib/server").join(name)
}

fn compile(home: &Path, classes: &Path) {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/android/java");
    let mut files = Vec::new();
    collect(&sources, &mut files);
    let output = Command::new(home.join("bin/javac"))
        .args(["-nowarn", "-d"])
        .arg(classes)
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "javac: {said}");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
