//! Where a case is played: a simulated phone, its disk, and one vault with a value in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::test_support::{FakeClock, Phone, PhoneDisk};
use amana_core::{
    Amana, Config, NewPolicy, NewVault, PersonId, Pin, PinKdf, RecoveryKey, RefusalReport, Remedy,
    System, Unlock,
};
use tempfile::TempDir;

use crate::error::{Doing as _, Error, Result};

/// A stage.
pub struct Stage {
    home: TempDir,
    pub phone: Arc<Phone>,
    pub disk: Arc<PhoneDisk>,
    pub clock: Arc<FakeClock>,
}

/// All files of a vault with their content, and the aliases in the key store.
#[derive(PartialEq)]
pub struct Trace {
    files: BTreeMap<PathBuf, Vec<u8>>,
    secrets: Vec<String>,
}

pub const VALUE: &str = "the value that was committed";

impl Stage {
    /// An empty stage.
    pub fn new() -> Result<Self> {
        let clock = Arc::new(FakeClock::at(1_800_000_000_000));
        // In memory where the system has such a place: every case has stages of its own.
        let memory = Path::new("/dev/shm");
        let home = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        Ok(Self {
            home: home.doing("a folder for the phone")?,
            phone: Arc::new(Phone::new(Arc::clone(&clock))),
            disk: Arc::default(),
            clock,
        })
    }

    /// With a vault that opens without a person, and its value.
    pub fn with_device_vault(recovery: Option<RecoveryKey>) -> Result<Self> {
        let stage = Self::new()?;
        let vault = stage.start()?;
        let policy = NewPolicy::Device;
        vault
            .create(&NewVault { policy, recovery })
            .doing("create")?;
        put_value(&vault)?;
        vault.close().doing("close")?;
        Ok(stage)
    }

    /// With a vault that opens for Ama, with her PIN 1111, and its value.
    pub fn with_persons_vault() -> Result<Self> {
        let stage = Self::new()?;
        let vault = stage.start()?;
        let (person, pin) = (person("ama")?, pin("1111")?);
        let policy = NewPolicy::Person {
            person: &person,
            pin: &pin,
        };
        let recovery = None;
        vault
            .create(&NewVault { policy, recovery })
            .doing("create")?;
        put_value(&vault)?;
        vault.close().doing("close")?;
        Ok(stage)
    }

    /// The app is started: a handle, locked.
    pub fn start(&self) -> Result<Amana> {
        let config = Config {
            idle_lock: None,
            pin_kdf: Some(PinKdf::for_tests()),
            ..Config::new(self.path())
        };
        let system = System {
            clock: self.clock.clone(),
            timer: self.phone.clone(),
            disk: self.disk.clone(),
            ..System::real()
        };
        Amana::attach(config, self.phone.clone(), system).doing("attach")
    }

    /// The vault's directory.
    pub fn path(&self) -> PathBuf {
        self.home.path().join("vault")
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Starts the app, opens without a person, and says what comes of it.
    pub fn open(&self) -> Result<String> {
        self.open_with(&Unlock::Device)
    }

    /// As [`Stage::open`], with a PIN.
    pub fn enter(&self, name: &str, text: &str) -> Result<String> {
        let (person, pin) = (person(name)?, pin(text)?);
        self.open_with(&Unlock::Pin {
            person: &person,
            pin: &pin,
        })
    }

    /// As [`Stage::open`], in any way.
    pub fn open_with(&self, unlock: &Unlock<'_>) -> Result<String> {
        let vault = self.start()?;
        let opened = self.disk.run(|| vault.unlock_with(unlock));
        let seen = match opened {
            None => "killed".to_owned(),
            Some(Ok(())) => has_value(&vault)?.to_owned(),
            Some(Err(error)) => {
                let mut seen = error.code().as_str().to_owned();
                match vault.last_refusal().and_then(|refusal| refusal.report) {
                    Some(RefusalReport::KeyLost(report)) => seen += &offers(&report.remedies),
                    Some(RefusalReport::Damage(report)) => seen += &offers(&report.remedies),
                    Some(RefusalReport::PinDelayed { left_ms }) => {
                        seen += &format!(" for {} s", left_ms / 1000);
                    }
                    _ => {}
                }
                seen
            }
        };
        vault.close().doing("close")?;
        Ok(seen)
    }

    /// Opens, and says also whether anything was written, made or deleted by that.
    pub fn open_and_compare(&self) -> Result<String> {
        self.compare(Self::open)
    }

    /// What was seen, and whether anything was written, made or deleted meanwhile.
    pub fn compare(&self, look: impl FnOnce(&Self) -> Result<String>) -> Result<String> {
        let before = self.trace()?;
        let seen = look(self)?;
        let after = self.trace()?;
        let files = match before.files == after.files {
            true => "nothing written",
            false => "FILES CHANGED",
        };
        let secrets = match before.secrets == after.secrets {
            true => "no key made or deleted",
            false => "KEYS CHANGED",
        };
        Ok(format!("{seen}; {files}, {secrets}"))
    }

    /// What is there now. The lock file and the status are not what is at stake.
    pub fn trace(&self) -> Result<Trace> {
        let mut files = BTreeMap::new();
        for path in crate::files::list(&self.path())? {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !["lock", "status", "database-shm"].contains(&&*name) {
                let bytes = std::fs::read(&path).doing(path.display())?;
                files.insert(path, bytes);
            }
        }
        let secrets = self.phone.aliases();
        Ok(Trace { files, secrets })
    }

    /// The names of the vault's files.
    pub fn names(&self) -> Result<Vec<String>> {
        let trace = self.trace()?;
        let name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
        Ok(trace.files.keys().filter_map(name).collect())
    }
}

fn offers(remedies: &[Remedy]) -> String {
    let name = |remedy: &Remedy| match remedy {
        Remedy::TryLater => "a later try",
        Remedy::Recovery => "recovery",
        Remedy::Salvage => "salvage",
        Remedy::Quarantine => "quarantine",
    };
    let names: Vec<&str> = remedies.iter().map(name).collect();
    format!(", offering {}", names.join(" and "))
}

fn namespace() -> KvNamespace {
    KvNamespace::Stored("demo".to_owned())
}

fn put_value(vault: &Amana) -> Result<()> {
    let namespace = namespace();
    let set = vault.kv_set(&namespace, "value", KvValue::text(VALUE.to_owned()), None);
    pollster::block_on(set).doing("a value")
}

/// Whether the committed value can be read.
pub fn has_value(vault: &Amana) -> Result<&'static str> {
    let value = vault.kv_get_now(&namespace(), "value").doing("a value")?;
    Ok(match value.as_ref().map(|value| value.as_text()) {
        Some(Ok(VALUE)) => "opens with its value",
        Some(_) => "OPENS WITH ANOTHER VALUE",
        None => "OPENS EMPTY",
    })
}

/// A person's id.
pub fn person(name: &str) -> Result<PersonId> {
    PersonId::new(name).doing("a person")
}

/// A PIN.
pub fn pin(text: &str) -> Result<Pin> {
    Pin::new(text.as_bytes().to_vec()).doing("a PIN")
}

/// Writes a file of the stage.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).doing(path.display())
}

/// Reads one.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).doing(path.display())
}

/// For what cannot happen on a stage.
pub fn never(what: &str) -> Error {
    Error::new(what)
}
