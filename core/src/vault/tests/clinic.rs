//! A clinic's tablet: a simulated phone, a vault of policy `person`, and what its tests do with it.

use std::sync::Arc;

use super::*;
use crate::test_support::Phone;

pub(super) struct Clinic {
    _home: tempfile::TempDir,
    pub phone: Phone,
    pub clock: Arc<FakeClock>,
    entropy: SeededEntropy,
    cancel: CancelToken,
    database: PathBuf,
}

pub(super) const KDF: PinKdf = PinKdf::for_tests();

pub(super) fn person(name: &str) -> PersonId {
    PersonId::new(name).unwrap()
}

pub(super) fn pin(text: &str) -> Pin {
    Pin::new(text.as_bytes().to_vec()).unwrap()
}

impl Clinic {
    pub fn new(seed: u64) -> Self {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("vault");
        fs::create_dir(&directory).unwrap();
        let clock = Arc::new(FakeClock::at(1_000_000));
        Self {
            database: database_path(&directory),
            phone: Phone::new(Arc::clone(&clock)),
            clock,
            entropy: SeededEntropy::new(seed),
            cancel: CancelToken::new(),
            _home: home,
        }
    }

    /// With a vault that Ama made, with her PIN 1111.
    pub fn with_ama(recovery: Option<RecoveryKey>) -> (Self, VaultKeys) {
        let clinic = Self::new(11);
        let keys = clinic.make_person(recovery);
        (clinic, keys)
    }

    pub fn make_person(&self, recovery: Option<RecoveryKey>) -> VaultKeys {
        self.make(&NewVault {
            policy: NewPolicy::Person {
                person: &person("ama"),
                pin: &pin("1111"),
                kdf: KDF,
            },
            recovery,
        })
    }

    pub fn make(&self, new: &NewVault<'_>) -> VaultKeys {
        let mut opened = open(&self.io(), &Way::Device, Some(new)).unwrap();
        assert!(opened.first_run);
        fs::write(&self.database, b"a database").unwrap();
        finish_creation(self.path(), &mut opened.keys).unwrap();
        opened.keys
    }

    pub fn path(&self) -> &Path {
        self.database.parent().unwrap()
    }

    pub fn io(&self) -> VaultIo<'_> {
        VaultIo {
            directory: self.path(),
            database_file: &self.database,
            key_store: &self.phone,
            clock: &*self.clock,
            entropy: &self.entropy,
            timer: &self.phone,
            cancel: &self.cancel,
        }
    }

    pub fn enter(&self, name: &str, text: &str) -> OpenResult<VaultKeys> {
        self.enter_with(name, text, PinRules::default())
    }

    pub fn enter_with(&self, name: &str, text: &str, rules: PinRules) -> OpenResult<VaultKeys> {
        let (person, pin) = (person(name), pin(text));
        let way = Way::Pin {
            person: &person,
            pin: &pin,
            rules,
        };
        open(&self.io(), &way, None).map(|opened| opened.keys)
    }

    pub fn code(&self, name: &str, text: &str) -> ErrorCode {
        self.enter(name, text).unwrap_err().error.code()
    }

    pub fn add(&self, keys: &mut VaultKeys, name: &str, text: &str) {
        add_pin(&self.io(), keys, &person(name), &pin(text), KDF).unwrap();
    }
}
