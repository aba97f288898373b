//! An app's own rule for conflicts, through the front door: what it may do, and what it may not.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex, OnceLock};

use amana_core::model::ledger::ConflictKind;
use amana_core::model::terms::{Choice, ConflictPolicy, ConflictQuestion, ConflictResolver, Usual};
use amana_core::{Amana, Config, ErrorCode, NewPolicy, NewVault, Result, SyncOptions};
use amana_peer::Peer;
use amana_tests::{Tablet, clinic, patient};
use pollster::block_on;
use serde_json::json;

const EMAIL: &str = "basem@clinic.example";

fn tablet(peer: &Peer, configure: fn(&mut Config)) -> Tablet {
    let tablet = Tablet::configured(configure);
    tablet.sign_in(peer, EMAIL, "battery staple").unwrap();
    tablet
}

fn ask(config: &mut Config, resolver: Arc<dyn ConflictResolver>) {
    let otherwise = Usual::Remote;
    config.sync.conflicts = ConflictPolicy::Ask {
        resolver,
        otherwise,
    };
}

/// A patient whose phone both tablets have changed; the second one meets the conflict.
fn in_conflict(one: &Tablet, two: &Tablet) -> String {
    let id = one.insert("patients", &patient("Amal"));
    one.sync().unwrap();
    two.sync().unwrap();
    one.update("patients", &id, &json!({"phone": "111"}));
    two.update("patients", &id, &json!({"phone": "222"}));
    one.sync().unwrap();
    id
}

struct Both;

impl ConflictResolver for Both {
    fn resolve(&self, question: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        let conflict = &question.columns[0];
        let text = [&conflict.local, &conflict.remote].map(|value| value.as_text().unwrap_or("?"));
        Ok(vec![Choice::Value(amana_core::model::value::Value::Text(
            text.join(" / "),
        ))])
    }
}

#[test]
fn what_the_rule_makes_of_both_is_what_all_get() {
    let peer = clinic();
    let one = tablet(&peer, |_| {});
    let two = tablet(&peer, |config| ask(config, Arc::new(Both)));
    let id = in_conflict(&one, &two);
    assert_eq!(two.sync().unwrap().applied.conflicts, 1);
    one.sync().unwrap();
    for tablet in [&one, &two] {
        assert_eq!(tablet.get("patients", &id)["phone"], "222 / 111");
    }
    assert_eq!(two.pending(), 0);
}

static VAULT: OnceLock<Amana> = OnceLock::new();
static HEARD: Mutex<Vec<ErrorCode>> = Mutex::new(Vec::new());

/// Calls its own vault from within the transaction.
struct Meddler;

impl ConflictResolver for Meddler {
    fn resolve(&self, _: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        let vault = VAULT.get().unwrap();
        let mut heard = HEARD.lock().unwrap();
        let mut hear = |result: Result<()>| heard.push(result.unwrap_err().code());
        hear(block_on(vault.insert("patients", "{}")).map(|_| ()));
        hear(block_on(vault.query("patients", "{}")).map(|_| ()));
        hear(vault.get_now("patients", "x").map(|_| ()));
        hear(block_on(vault.sync(SyncOptions::default())).map(|_| ()));
        hear(block_on(vault.sign_out()));
        hear(vault.lock());
        hear(vault.unlock());
        hear(vault.create(&NewVault {
            policy: NewPolicy::Device,
            recovery: None,
        }));
        hear(vault.rotate());
        hear(vault.wipe());
        hear(vault.close());
        Err(amana_core::Error::new(ErrorCode::Busy, "as it was told"))
    }
}

#[test]
fn a_rule_that_calls_its_vault_is_refused_and_harms_nobody() {
    let peer = clinic();
    let one = tablet(&peer, |_| {});
    let two = tablet(&peer, |config| ask(config, Arc::new(Meddler)));
    assert!(VAULT.set(two.amana.clone()).is_ok());
    let id = in_conflict(&one, &two);
    assert_eq!(two.sync().unwrap().applied.conflicts, 1);
    assert_eq!(*HEARD.lock().unwrap(), [ErrorCode::Busy; 11]);
    // What stays otherwise stays, and both values are in the ledger.
    assert_eq!(two.get("patients", &id)["phone"], "111");
    let ledger = block_on(two.amana.conflicts(0)).unwrap();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].kind, ConflictKind::RuleFailed);
    assert_eq!(ledger[0].local.as_deref(), Some("\"222\""));
    two.sync().unwrap();
    assert_eq!(HEARD.lock().unwrap().len(), 11, "it is not asked again");
}
