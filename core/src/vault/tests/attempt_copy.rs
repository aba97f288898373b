//! Wrong PINs where the platform keeps a copy of their count: files copied back, removed, cut off
//! between two writes, and a copy that cannot be read or written.

use amana_keystore::{AttemptCopy, MemoryAttemptCopy};

use super::clinic::{Clinic, KDF, person, pin};
use super::*;
use crate::test_support::Phone;
use crate::vault::status::{self, Status};

/// A place for copies that counts its calls and fails as told.
#[derive(Default)]
struct Copy {
    inner: MemoryAttemptCopy,
    calls: Mutex<Vec<&'static str>>,
    reads_fail: Mutex<Option<KeyStoreError>>,
    writes_fail: Mutex<Option<KeyStoreError>>,
}

impl AttemptCopy for Copy {
    fn read(&self, alias: &Alias) -> Result<Option<Vec<u8>>, KeyStoreError> {
        self.calls.lock().unwrap().push("read");
        match *self.reads_fail.lock().unwrap() {
            Some(error) => Err(error),
            None => self.inner.read(alias),
        }
    }
    fn write(&self, alias: &Alias, bytes: &[u8]) -> Result<(), KeyStoreError> {
        self.calls.lock().unwrap().push("write");
        match *self.writes_fail.lock().unwrap() {
            Some(error) => Err(error),
            None => self.inner.write(alias, bytes),
        }
    }
    fn remove(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.calls.lock().unwrap().push("remove");
        self.inner.remove(alias)
    }
}

/// A phone whose key store has such a place.
struct Store<'a> {
    phone: &'a Phone,
    copy: &'a Copy,
}

impl KeyStore for Store<'_> {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        self.phone.create(alias)
    }
    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.phone.probe(alias)
    }
    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.phone.derive(alias, input)
    }
    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.phone.delete(alias)
    }
    fn attempt_copy(&self) -> Option<&dyn AttemptCopy> {
        Some(self.copy)
    }
}

/// A clinic's tablet with such a key store.
struct Tablet {
    clinic: Clinic,
    copy: Copy,
}

impl Tablet {
    fn with_ama() -> (Self, VaultKeys) {
        let (clinic, keys) = Clinic::with_ama(None);
        let copy = Copy::default();
        (Self { clinic, copy }, keys)
    }

    /// Does something with the key store that has the copy.
    fn on<T>(&self, act: impl FnOnce(&VaultIo<'_>) -> T) -> T {
        let store = Store {
            phone: &self.clinic.phone,
            copy: &self.copy,
        };
        act(&VaultIo {
            key_store: &store,
            ..self.clinic.io()
        })
    }

    fn enter_with(&self, text: &str, rules: PinRules) -> OpenResult<()> {
        let (person, pin) = (person("ama"), pin(text));
        let way = Way::Pin {
            person: &person,
            pin: &pin,
            rules,
        };
        self.on(|io| open(io, &way, None).map(|_| ()))
    }

    fn enter(&self, text: &str) -> OpenResult<()> {
        self.enter_with(text, PinRules::default())
    }

    /// A wrong PIN: how many there were, and the delay it costs.
    fn wrong(&self) -> (u32, u64) {
        match self.enter("0000").unwrap_err().report {
            Some(RefusalReport::WrongPin(report)) => (report.failures, report.delay_ms),
            other => panic!("not a wrong PIN: {other:?}"),
        }
    }

    fn code(&self, text: &str) -> ErrorCode {
        self.enter(text).unwrap_err().error.code()
    }

    fn status(&self) -> PathBuf {
        status::path(self.clinic.path())
    }

    fn alias(&self) -> Alias {
        Alias::parse(&self.clinic.phone.aliases()[0]).unwrap()
    }

    fn copied(&self) -> Option<Vec<u8>> {
        self.copy.inner.read(&self.alias()).unwrap()
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.copy.calls.lock().unwrap())
    }
}

#[test]
fn a_status_file_that_was_copied_back_or_removed_forgives_nothing() {
    for remove in [false, true] {
        let (tablet, _) = Tablet::with_ama();
        assert_eq!(tablet.wrong(), (1, 0));
        let old = fs::read(tablet.status()).unwrap();
        let reset = || {
            fs::write(tablet.status(), &old).unwrap();
            if remove {
                fs::remove_file(tablet.status()).unwrap();
            }
        };
        for failures in 2..=4 {
            assert_eq!(tablet.wrong(), (failures, 0));
        }
        reset();
        assert_eq!(tablet.wrong(), (5, 30_000));
        reset();
        assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
        tablet.clinic.clock.advance(30_000);
        reset();
        assert_eq!(tablet.wrong(), (6, 60_000));
        // A new boot starts the delay again once, and not for ever.
        tablet.clinic.phone.reboot();
        tablet.clinic.phone.unlock();
        reset();
        assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
        tablet.clinic.clock.advance(60_000);
        reset();
        tablet.enter("1111").unwrap();
    }
}

#[test]
fn a_lost_copy_forgives_nothing_that_the_file_knows() {
    let (tablet, _) = Tablet::with_ama();
    for _ in 0..4 {
        tablet.wrong();
    }
    tablet.copy.inner.remove(&tablet.alias()).unwrap();
    assert_eq!(tablet.wrong(), (5, 30_000));
}

#[test]
fn the_right_pin_clears_both() {
    let (tablet, _) = Tablet::with_ama();
    for _ in 0..4 {
        tablet.wrong();
    }
    assert!(tablet.copied().is_some());
    tablet.enter("1111").unwrap();
    assert_eq!(tablet.copied(), None);
    let status = Status::read(tablet.clinic.path());
    assert!(status.slots.is_empty());
    assert_eq!(tablet.wrong(), (1, 0));
}

#[test]
fn a_kill_between_the_two_writes_forgives_nothing() {
    let (tablet, _) = Tablet::with_ama();
    for _ in 0..3 {
        tablet.wrong();
    }
    let (file, copy) = (fs::read(tablet.status()).unwrap(), tablet.copied().unwrap());
    assert_eq!(tablet.wrong(), (4, 0));
    // Counted in the file, not yet in the copy; then the other way round.
    tablet.copy.inner.write(&tablet.alias(), &copy).unwrap();
    assert_eq!(tablet.wrong(), (5, 30_000));
    fs::write(tablet.status(), file).unwrap();
    assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
    tablet.clinic.clock.advance(30_000);
    // The copy of a right PIN is removed, its file is not yet.
    tablet.copy.inner.remove(&tablet.alias()).unwrap();
    tablet.enter("1111").unwrap();
    assert_eq!(tablet.wrong(), (1, 0));
}

#[test]
fn a_copy_that_cannot_be_read_neither_frees_a_pin_nor_keeps_anybody_out() {
    for error in [
        KeyStoreError::HardwareFailure,
        KeyStoreError::Denied,
        KeyStoreError::Absent,
        KeyStoreError::Invalidated,
    ] {
        let (tablet, _) = Tablet::with_ama();
        *tablet.copy.reads_fail.lock().unwrap() = Some(error);
        *tablet.copy.writes_fail.lock().unwrap() = Some(error);
        // A limit deletes: it sees no more wrong PINs than there were.
        let rules = PinRules {
            drop_after: Some(2),
        };
        let report = tablet.enter_with("0000", rules).unwrap_err().report;
        let Some(RefusalReport::WrongPin(report)) = report else {
            panic!("no report");
        };
        assert_eq!((report.failures, report.delay_ms), (1, 30_000));
        assert!(!report.dropped);
        assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
        tablet.clinic.clock.advance(30_000);
        tablet.enter("1111").unwrap();
    }
}

#[test]
fn a_copy_that_could_not_be_read_for_once_counts_again() {
    let (tablet, _) = Tablet::with_ama();
    for _ in 0..4 {
        tablet.wrong();
    }
    fs::remove_file(tablet.status()).unwrap();
    *tablet.copy.reads_fail.lock().unwrap() = Some(KeyStoreError::HardwareFailure);
    assert_eq!(tablet.wrong(), (1, 30_000));
    *tablet.copy.reads_fail.lock().unwrap() = None;
    assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
    tablet.clinic.clock.advance(30_000);
    assert_eq!(tablet.wrong(), (5, 30_000));
}

#[test]
fn a_damaged_copy_costs_a_delay_and_is_written_again() {
    let (tablet, _) = Tablet::with_ama();
    tablet.copy.inner.write(&tablet.alias(), b"noise").unwrap();
    assert_eq!(tablet.wrong(), (1, 30_000));
    fs::remove_file(tablet.status()).unwrap();
    assert_eq!(tablet.code("1111"), ErrorCode::PinDelayed);
    tablet.clinic.clock.advance(30_000);
    tablet.enter("1111").unwrap();
    assert_eq!(tablet.copied(), None);
}

#[test]
fn a_copy_that_cannot_be_written_leaves_no_free_pin() {
    let (tablet, _) = Tablet::with_ama();
    *tablet.copy.writes_fail.lock().unwrap() = Some(KeyStoreError::HardwareFailure);
    assert_eq!(tablet.wrong(), (1, 30_000));
    tablet.clinic.clock.advance(30_000);
    tablet.enter("1111").unwrap();
}

#[test]
fn a_store_that_cannot_answer_now_refuses_and_counts_nothing() {
    let (tablet, _) = Tablet::with_ama();
    tablet.wrong();
    for failing in [&tablet.copy.reads_fail, &tablet.copy.writes_fail] {
        *failing.lock().unwrap() = Some(KeyStoreError::Transient);
        for _ in 0..6 {
            let code = tablet.code("1111");
            assert_eq!(code, ErrorCode::KeyTemporarilyUnavailable);
        }
        *failing.lock().unwrap() = None;
    }
    assert_eq!(tablet.wrong(), (2, 0));
    tablet.enter("1111").unwrap();
}

#[test]
fn only_pins_ask_for_the_copy() {
    let (tablet, _) = Tablet::with_ama();
    tablet.enter("1111").unwrap();
    assert_eq!(tablet.calls(), ["read", "write", "remove"]);
    let refusal = tablet.on(|io| open(io, &Way::Device, None).unwrap_err());
    assert_eq!(refusal.error.code(), ErrorCode::PresenceRequired);
    tablet.on(|io| {
        glance(io).unwrap();
        pin_standing(io, &person("ama")).unwrap();
    });
    assert!(tablet.calls().is_empty());

    let clinic = Clinic::new(5);
    clinic.make(&NewVault::DEVICE);
    let tablet = Tablet {
        clinic,
        copy: Copy::default(),
    };
    tablet.on(|io| open(io, &Way::Device, None).unwrap());
    assert!(tablet.calls().is_empty());
}

#[test]
fn the_copy_goes_with_its_slot_and_with_the_vault() {
    let (tablet, mut keys) = Tablet::with_ama();
    tablet.clinic.add(&mut keys, "kofi", "2222");
    tablet.wrong();
    let ama = list_slots(tablet.clinic.path())[0].id;
    let copies = Copies::read(tablet.clinic.path());
    let slot = copies.active()[0].slots.iter().find(|slot| slot.id == ama);
    let alias = slot.unwrap().half().unwrap().alias.clone();
    let copied = || tablet.copy.inner.read(&alias).unwrap();
    assert!(copied().is_some());
    tablet.on(|io| remove_pin(io, &mut keys, &person("ama")).unwrap());
    assert_eq!(copied(), None);

    let (tablet, _) = Tablet::with_ama();
    tablet.wrong();
    let alias = tablet.alias();
    assert!(tablet.copied().is_some());
    tablet.on(|io| wipe(io).unwrap());
    assert_eq!(tablet.copy.inner.read(&alias).unwrap(), None);
}

#[test]
fn a_changed_pin_counts_the_old_one_in_the_copy_too() {
    let (tablet, mut keys) = Tablet::with_ama();
    for _ in 0..4 {
        tablet.wrong();
    }
    fs::remove_file(tablet.status()).unwrap();
    let mut change = |old: &str| {
        let (old, new) = (pin(old), pin("3333"));
        let rules = PinRules::default();
        tablet.on(|io| change_pin(io, &mut keys, &person("ama"), (&old, &new), KDF, rules))
    };
    assert_eq!(
        change("0000").unwrap_err().error.code(),
        ErrorCode::WrongPin
    );
    assert_eq!(
        change("1111").unwrap_err().error.code(),
        ErrorCode::PinDelayed
    );
    tablet.clinic.clock.advance(30_000);
    change("1111").unwrap();
    assert_eq!(tablet.copied(), None);
    tablet.enter("3333").unwrap();
}
