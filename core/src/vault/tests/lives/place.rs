//! Where a life happens: a phone, its disk, the app's folder on it, the organisation behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::clinic::{KDF, person, pin};
use super::super::*;
use super::event::{NAMES, PINS};
use crate::secret::OrganisationPrivateKey;
use crate::test_support::{Phone, PhoneDisk};
use crate::vault::keyring::{Slot, SlotLock};

/// What stays the same for a whole life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traits {
    pub person: bool,
    pub recovery: bool,
    pub strict: bool,
    pub drop_after: Option<u32>,
}

pub(super) struct Place {
    home: tempfile::TempDir,
    moves: u32,
    pub traits: Traits,
    pub directory: PathBuf,
    pub database: PathBuf,
    pub phone: Phone,
    pub disk: Arc<PhoneDisk>,
    pub clock: Arc<FakeClock>,
    pub entropy: SeededEntropy,
    pub organisation: (OrganisationPrivateKey, RecoveryKey),
    cancel: CancelToken,
    /// Which PIN each salt was drawn for.
    pub pins: BTreeMap<[u8; 32], usize>,
    pub slow_ms: u64,
}

impl Place {
    pub fn new(seed: u64, traits: Traits) -> Self {
        // In memory where the system has such a place: thousands of lives write a lot.
        let memory = Path::new("/dev/shm");
        let home = match memory.is_dir() {
            true => tempfile::tempdir_in(memory).unwrap(),
            false => tempfile::tempdir().unwrap(),
        };
        let clock = Arc::new(FakeClock::at(1_000_000));
        let entropy = SeededEntropy::new(seed);
        let phone = Phone::new(Arc::clone(&clock));
        phone.set_strict(traits.strict);
        let mut place = Self {
            moves: 0,
            traits,
            directory: PathBuf::new(),
            database: PathBuf::new(),
            phone,
            disk: Arc::default(),
            clock,
            organisation: make_organisation_key(&entropy).unwrap(),
            entropy,
            cancel: CancelToken::new(),
            pins: BTreeMap::new(),
            slow_ms: 0,
            home,
        };
        let directory = place.home.path().join("vault");
        fs::create_dir(&directory).unwrap();
        place.live_in(directory);
        place
    }

    pub fn live_in(&mut self, directory: PathBuf) {
        self.disk.settle();
        self.database = database_path(&directory);
        self.directory = directory;
    }

    /// What an update of the app does on some systems: its folder has another path.
    pub fn move_home(&mut self) {
        self.moves += 1;
        let to = self.home.path().join(format!("vault{}", self.moves));
        fs::rename(&self.directory, &to).unwrap();
        self.live_in(to);
    }

    /// Removes the app's files.
    pub fn clear_files(&self) {
        self.disk.settle();
        fs::remove_dir_all(&self.directory).unwrap();
        fs::create_dir(&self.directory).unwrap();
    }

    pub fn io(&self) -> VaultIo<'_> {
        self.io_at(&self.directory, &self.database)
    }

    pub fn io_at<'a>(&'a self, directory: &'a Path, database_file: &'a Path) -> VaultIo<'a> {
        VaultIo {
            directory,
            database_file,
            key_store: &self.phone,
            clock: &*self.clock,
            entropy: &self.entropy,
            timer: &self.phone,
            cancel: &self.cancel,
        }
    }

    pub fn recovery(&self) -> Option<RecoveryKey> {
        self.traits.recovery.then_some(self.organisation.1)
    }

    /// Opens as one of the ways, with this name and PIN, making a vault where `new` says so.
    pub fn open(&self, io: &VaultIo<'_>, way: &Entry, new: bool) -> OpenResult<Opened> {
        let ama = person(NAMES[0]);
        let first_pin = pin(PINS[0]);
        let new_vault = NewVault {
            policy: match self.traits.person {
                true => NewPolicy::Person {
                    person: &ama,
                    pin: &first_pin,
                    kdf: KDF,
                },
                false => NewPolicy::Device,
            },
            recovery: self.recovery(),
        };
        let new = new.then_some(&new_vault);
        match way {
            Entry::Device => open(io, &Way::Device, new),
            Entry::Pin { name, pin: text } => {
                let way = Way::Pin {
                    person: &person(NAMES[*name]),
                    pin: &pin(PINS[*text]),
                    rules: self.rules(),
                };
                open(io, &way, new)
            }
            Entry::Presence(answer) => open(io, &Way::Presence(answer), new),
            Entry::Recovery(opening) => open(io, &Way::Recovery(opening), new),
        }
    }

    pub fn rules(&self) -> PinRules {
        PinRules {
            drop_after: self.traits.drop_after,
        }
    }

    /// Remembers which PIN new salts were drawn for.
    pub fn learn(&mut self, slots: &[Slot], text: usize) {
        for slot in slots {
            if let SlotLock::Pin { half, .. } = &slot.lock {
                self.pins.entry(half.salt).or_insert(text);
            }
        }
    }

    /// As [`Place::learn`], from the disk.
    pub fn learn_from_disk(&mut self, text: usize) {
        let copies = Copies::read(&self.directory);
        for active in copies.active() {
            self.learn(&active.slots, text);
        }
    }

    /// The names of the files that are data or keyrings.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.ends_with(".new") && name != "status" && name != "lock")
            .collect();
        names.sort();
        names
    }
}

/// A way in, with all that it needs.
#[derive(Debug)]
pub(super) enum Entry {
    Device,
    Pin { name: usize, pin: usize },
    Presence(PresenceAnswer),
    Recovery(RecoveryOpening),
}
