//! An app that is asked about conflicts, with a real store: what it answers, and what becomes of no
//! answer.

use std::sync::{Arc, Mutex};

use super::device::cloud_and_device;
use super::*;
use crate::error::Result;
use crate::model::ledger::{ConflictKind, Kept};
use crate::model::merge::ColumnConflict;
use crate::model::terms::{Choice, ConflictPolicy, ConflictQuestion, ConflictResolver, Usual};

type Answer = fn(&ConflictQuestion<'_>) -> Result<Vec<Choice>>;

/// Answers as it is told to, and keeps what it was asked about.
struct App {
    answer: Answer,
    asked: Mutex<Vec<Vec<String>>>,
}

impl ConflictResolver for App {
    fn resolve(&self, question: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        let name = |c: &ColumnConflict| question.table.columns[c.column].name.clone();
        self.asked
            .lock()
            .unwrap()
            .push(question.columns.iter().map(name).collect());
        assert_eq!(question.table.name, "patients");
        assert_eq!(question.id, id(1).as_str());
        assert!(question.local_at_ms.is_some() && question.remote_at_ms.is_some());
        (self.answer)(question)
    }
}

const COLUMNS: [&str; 3] = ["given_name", "phone", "camp"];

/// Both sides have changed three columns of a patient, and each side another one alone.
fn asked(answer: Answer, otherwise: Usual) -> (Cloud, Device, Arc<App>) {
    let (clock, cloud, device) = cloud_and_device();
    let app = Arc::new(App {
        answer,
        asked: Mutex::default(),
    });
    let policy = ConflictPolicy::Ask {
        resolver: app.clone(),
        otherwise,
    };
    let table = ("patients".to_owned(), policy);
    device.policy.lock().unwrap().tables.extend([table]);
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    let three = |side: &str| json!({"given_name": side, "phone": side, "camp": side});
    let mut theirs = three("Theirs");
    theirs["surname"] = json!("Only theirs");
    theirs["updated_at"] = json!(NOW + 5);
    cloud.put("patients", &id(1), theirs);
    clock.advance(1_000);
    let mut ours = three("Ours");
    ours["hometown"] = json!("Only ours");
    device.update("patients", &id(1), ours).unwrap();
    (cloud, device, app)
}

/// What device and cloud hold in the three columns after a sync, which has to be the same.
fn held(cloud: &Cloud, device: &Device) -> Vec<String> {
    device.sync(cloud);
    assert_eq!(device.pending(), 0);
    let all = [&COLUMNS[..], &["surname", "hometown"]].concat();
    let here = device.texts("patients", &id(1), &all);
    for (column, value) in all.iter().zip(&here) {
        let there = cloud.value("patients", &id(1), column);
        assert_eq!(there, Some(text(value)), "{column}");
    }
    assert_eq!(here[3..], ["Only theirs", "Only ours"]);
    here[..3].to_vec()
}

#[test]
fn an_app_is_asked_about_the_columns_in_conflict_and_its_answer_goes_to_the_peer() {
    let answer: Answer = |question| {
        let made = |c: &ColumnConflict| {
            let [ours, theirs] = [&c.local, &c.remote].map(|v| v.as_text().unwrap());
            match question.table.columns[c.column].name.as_str() {
                "given_name" => Choice::Value(text(&format!("{ours}+{theirs}"))),
                "phone" => Choice::Remote,
                _ => Choice::Local,
            }
        };
        Ok(question.columns.iter().map(made).collect())
    };
    let (cloud, device, app) = asked(answer, Usual::Remote);
    assert_eq!(held(&cloud, &device), ["Ours+Theirs", "Theirs", "Ours"]);
    let ledger = device.ledger();
    let kept: Vec<(&str, Kept)> = ledger
        .iter()
        .map(|entry| (entry.column.as_deref().unwrap(), entry.kept))
        .collect();
    for expected in [
        ("given_name", Kept::Rule),
        ("phone", Kept::Remote),
        ("camp", Kept::Local),
    ] {
        assert!(kept.contains(&expected), "{kept:?}");
    }
    assert!(ledger.iter().all(|e| e.kind == ConflictKind::BothChanged));
    // Once, with all of them; what comes again is no question any more.
    device.sync(&cloud);
    let mut once = app.asked.lock().unwrap().clone();
    once[0].sort_unstable();
    assert_eq!(once, [["camp", "given_name", "phone"]]);
    // The value that was made can be taken back for ours.
    let made = ledger.iter().find(|entry| entry.kept == Kept::Rule);
    let undone = device.database.undo_conflict(made.unwrap().id).wait();
    undone.unwrap();
    assert_eq!(held(&cloud, &device)[0], "Ours");
}

#[test]
fn a_value_that_is_one_sides_own_is_that_side() {
    let (cloud, device, _) = asked(
        |question| {
            let theirs = |c: &ColumnConflict| Choice::Value(c.remote.clone());
            Ok(question.columns.iter().map(theirs).collect())
        },
        Usual::Local,
    );
    assert_eq!(held(&cloud, &device), ["Theirs"; 3]);
    assert!(device.ledger().iter().all(|e| e.kept == Kept::Remote));
}

#[test]
fn without_an_answer_the_usual_policy_decides_and_the_ledger_says_so() {
    let no_answer: [Answer; 3] = [
        |_| Err(failure(ErrorCode::Internal)),
        |_| panic!("an app's fault"),
        |_| Ok(vec![Choice::Remote]),
    ];
    for (otherwise, stays) in [
        (Usual::Local, "Ours"),
        (Usual::Remote, "Theirs"),
        (Usual::Latest, "Ours"),
    ] {
        for answer in no_answer {
            let (cloud, device, _) = asked(answer, otherwise);
            assert_eq!(held(&cloud, &device), [stays; 3], "{otherwise:?}");
            let ledger = device.ledger();
            assert_eq!(ledger.len(), 3);
            for entry in &ledger {
                assert_eq!(entry.kind, ConflictKind::RuleFailed);
                assert_eq!(entry.local.as_deref(), Some("\"Ours\""));
                assert_eq!(entry.remote.as_deref(), Some("\"Theirs\""));
            }
            // Both values are there: the other one can still be taken.
            let undone = device.database.undo_conflict(ledger[0].id).wait();
            undone.unwrap();
        }
    }
    // No opinion about a column is no failure.
    let (cloud, device, _) = asked(|q| Ok(vec![Choice::Usual; q.columns.len()]), Usual::Remote);
    assert_eq!(held(&cloud, &device), ["Theirs"; 3]);
    let ledger = device.ledger();
    assert!(ledger.iter().all(|e| e.kind == ConflictKind::BothChanged));
}
