//! What listeners of the state hear, by whatever cause it changes; and reads on the caller's thread.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::ports::StateListener;

struct Told(mpsc::Sender<VaultState>);

impl StateListener for Told {
    fn changed(&self, state: VaultState) {
        let _ = self.0.send(state);
    }
}

/// What comes next; a test that waits for more than came hangs for a minute, and then fails.
fn next(told: &mpsc::Receiver<VaultState>) -> VaultState {
    told.recv_timeout(Duration::from_secs(60)).unwrap()
}

#[test]
fn each_change_of_the_state_is_told_once_and_in_order() {
    let tablet = Tablet::new();
    let vault = tablet.attach("notes");
    let (sender, told) = mpsc::channel();
    let _listening = vault.subscribe_state(Arc::new(Told(sender)));

    vault
        .create(&NewVault {
            policy: NewPolicy::Device,
            recovery: None,
        })
        .unwrap();
    assert_eq!(next(&told), VaultState::Unlocked);
    vault.unlock().unwrap();
    vault.lock().unwrap();
    assert_eq!(
        next(&told),
        VaultState::Locked,
        "unlocking once more is no change"
    );
    vault.lock().unwrap();
    vault.unlock().unwrap();
    assert_eq!(next(&told), VaultState::Unlocked);

    tablet.clock.advance(300_001);
    vault.check_idle_lock();
    assert_eq!(
        next(&told),
        VaultState::Locked,
        "the idle lock is told, too"
    );

    vault.close().unwrap();
    assert_eq!(next(&told), VaultState::Closed);
    drop(vault);
    assert!(told.recv().is_err(), "nothing else was told");
}

#[test]
fn a_refused_opening_is_no_change() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let (sender, told) = mpsc::channel();
    let listening = vault.subscribe_state(Arc::new(Told(sender)));
    vault.lock().unwrap();
    assert_eq!(next(&told), VaultState::Locked);
    let (person, pin) = (
        PersonId::new("ama").unwrap(),
        Pin::new(b"9999".to_vec()).unwrap(),
    );
    let (person, pin) = (&person, &pin);
    assert!(vault.unlock_with(&Unlock::Pin { person, pin }).is_err());
    drop(listening);
    drop(vault);
    assert!(told.recv().is_err());
}

#[test]
fn a_record_can_be_read_on_the_callers_thread() {
    let tablet = Tablet::new();
    let vault = tablet.open("notes").unwrap();
    let id = block_on(vault.insert("patients", r#"{"given_name":"Amal"}"#)).unwrap();
    let now = vault.get_now("patients", &id).unwrap();
    assert_eq!(now, block_on(vault.get("patients", &id)).unwrap());
    assert!(now.unwrap().contains("Amal"));
    let missing = "00000000-0000-7000-8000-000000000000";
    assert_eq!(vault.get_now("patients", missing).unwrap(), None);
    assert_eq!(vault.get_now("patients", "no id at all").unwrap(), None);
    let unknown = vault.get_now("nothing", missing).err().unwrap();
    assert_eq!(unknown.code(), ErrorCode::InvalidInput);
    vault.lock().unwrap();
    let locked = vault.get_now("patients", &id).err().unwrap();
    assert_eq!(locked.code(), ErrorCode::Locked);
}

#[test]
fn a_handle_can_be_had_again_while_another_thread_still_lets_go_of_the_last_one() {
    let tablet = Tablet::new();
    drop(tablet.open("notes").unwrap());
    for _ in 0..200 {
        let vault = tablet.open("notes").unwrap();
        // As the watching thread does: it holds the vault for a moment, and may be the last.
        let held = vault.clone();
        let other = std::thread::spawn(move || drop(held));
        drop(vault);
        drop(tablet.attach("notes"));
        other.join().unwrap();
    }
}

#[test]
fn who_attached_keeps_the_vault_until_the_last_one_has_detached() {
    let tablet = Tablet::new();
    let (first, second) = (tablet.patients(), tablet.attach("patients"));
    first.detach().unwrap();
    assert_eq!(count(&second).unwrap(), 1);
    // Who is not let in takes nobody's place.
    second.lock().unwrap();
    assert!(tablet.open("patients").is_err());
    enter(&second, "ama", "1111").unwrap();
    second.detach().unwrap();
    assert_eq!(first.state(), VaultState::Closed);
    second.detach().unwrap();
    assert_eq!(tablet.attach("patients").state(), VaultState::Locked);
}

#[test]
fn who_attaches_while_the_last_one_lets_go_gets_a_vault_that_lives() {
    for by_detaching in [true, false] {
        let tablet = Tablet::new();
        let vault = tablet.open("notes").unwrap();
        // A call that takes long, as a PIN's: who lets go waits for it.
        let (change, ()) = vault.inner.life.begin(Doing::Opening, |_| Ok(())).unwrap();
        std::thread::scope(|scope| {
            let leaving = scope.spawn(|| match by_detaching {
                true => vault.detach(),
                false => vault.close(),
            });
            while by_detaching && !registry::is_detaching(&vault) {
                std::thread::yield_now();
            }
            let attaching = by_detaching.then(|| scope.spawn(|| tablet.attach("notes")));
            change.end(State::Locked);
            leaving.join().unwrap().unwrap();
            let again = attaching.map_or_else(|| tablet.attach("notes"), |a| a.join().unwrap());
            again.unlock().unwrap();
            assert_eq!(again.state(), VaultState::Unlocked);
        });
    }
}

#[test]
fn who_attaches_while_a_vault_is_closed_or_wiped_waits_for_it() {
    let tablet = Tablet::new();
    for doing in [Doing::Closing, Doing::Removing] {
        let vault = tablet.open("notes").unwrap();
        let (change, ()) = vault.inner.life.begin(doing, |_| Ok(())).unwrap();
        std::thread::scope(|scope| {
            let attaching = scope.spawn(|| tablet.attach("notes"));
            while !registry::is_detaching(&vault) {
                std::thread::yield_now();
            }
            vault.inner.let_go();
            change.end(State::Closed);
            assert_eq!(attaching.join().unwrap().state(), VaultState::Locked);
        });
    }
}
