//! Many threads at once, in every state: typed answers alone, and all of them end.

use super::*;
use crate::model::kv::{KvNamespace, KvValue};

/// What a call may hear while others lock, rotate and wipe.
const EXPECTED: [ErrorCode; 6] = [
    ErrorCode::Locked,
    ErrorCode::Closed,
    ErrorCode::Busy,
    // The handle is of a vault that was wiped meanwhile.
    ErrorCode::NotFound,
    // Two threads make a vault at once.
    ErrorCode::InvalidInput,
    ErrorCode::PresenceRequired,
];

fn expect<T>(what: &str, result: Result<T>) {
    if let Err(error) = result {
        assert!(EXPECTED.contains(&error.code()), "{what}: {error:?}");
    }
}

#[test]
fn sixteen_threads_open_use_lock_rotate_and_wipe() {
    const THREADS: usize = 16;
    const ROUNDS: usize = 40;
    let tablet = Tablet::new();
    let (tablet, namespace) = (&tablet, &KvNamespace::Stored("s".to_owned()));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let vault = match tablet.open("settings") {
                        Ok(vault) => vault,
                        Err(error) => {
                            assert!(EXPECTED.contains(&error.code()), "open: {error:?}");
                            continue;
                        }
                    };
                    match (thread + round) % 8 {
                        0 => expect("lock", vault.lock()),
                        1 => expect("rotate", vault.rotate()),
                        2 if round % 4 == 0 => expect("wipe", vault.wipe()),
                        3 => expect("slots", vault.slots()),
                        4 => expect("close", vault.close()),
                        _ => {}
                    }
                    let fields = r#"{"given_name":"Amal"}"#;
                    expect("insert", block_on(vault.insert("patients", fields)));
                    expect("count", count(&vault));
                    let value = KvValue::text("v");
                    expect("set", block_on(vault.kv_set(namespace, "k", value, None)));
                    expect("get", vault.kv_get_now(namespace, "k"));
                    expect("unlock", vault.unlock());
                }
            });
        }
    });
    // It is a vault as any other afterwards, and its secrets are those of its one slot.
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "last");
    assert!(count(&vault).unwrap() > 0);
    assert_eq!(vault.slots().unwrap().slots.len(), 1);
    assert_eq!(tablet.phone.aliases().len(), 1);
}

#[test]
fn who_proves_a_key_to_an_open_vault_disturbs_nobody() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    std::thread::scope(|scope| {
        let prover = scope.spawn(|| {
            for _ in 0..20 {
                enter(&vault, "ama", "1111").unwrap();
                assert_eq!(code(enter(&vault, "ama", "0000")), ErrorCode::WrongPin);
            }
        });
        while !prover.is_finished() {
            assert_eq!(vault.state(), VaultState::Unlocked);
            assert_eq!(count(&vault).unwrap(), 1);
        }
    });
}

#[test]
fn calls_that_come_during_a_change_of_the_root_key_are_busy_and_lose_nothing() {
    const WRITES: u64 = 25;
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut made = 0;
                while made < WRITES {
                    let fields = r#"{"given_name":"Amal"}"#;
                    match block_on(vault.insert("patients", fields)) {
                        Ok(_) => made += 1,
                        Err(error) => assert_eq!(error.code(), ErrorCode::Busy),
                    }
                    std::thread::yield_now();
                }
            });
        }
        for _ in 0..6 {
            vault.rotate().unwrap();
        }
    });
    assert_eq!(count(&vault).unwrap(), 4 * WRITES);
}
