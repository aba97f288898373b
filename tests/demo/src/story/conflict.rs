//! The same patient edited on both tablets: one column by both, one by each alone.

use serde_json::{Value as Json, json};

use super::Stage;
use crate::error::Result;

impl Stage<'_> {
    /// Tablet 1 syncs its edit first. Tablet 2 then finds the conflict: its own value stays, both
    /// are in its ledger, and what each changed alone is kept.
    pub(super) fn conflict(&mut self) -> Result<()> {
        let id = self.first_patient()?;
        let edits = [
            json!({"phone": "+961 1 000001", "camp": "Cedar"}),
            json!({"phone": "+961 2 000002", "hometown": "Tyre"}),
        ];
        for (tablet, edit) in self.tablets.iter().zip(&edits) {
            tablet.call(&["edit", "--id", &id, "--fields", &edit.to_string()])?;
        }
        let seen = self.tablet(2).call(&["conflicts"])?;
        let seen = seen["conflicts"].as_array().and_then(|list| list.last());
        let seen = seen
            .and_then(|entry| entry["id"].as_i64())
            .unwrap_or_default();
        self.sync(1, "its edit up", &[])?;
        self.sync(2, "meets the other edit", &[])?;
        self.sync(1, "the outcome", &[])?;

        let ledger = self
            .tablet(2)
            .call(&["conflicts", "--after", &seen.to_string()])?;
        let ledger = ledger["conflicts"].as_array().cloned().unwrap_or_default();
        let expected = json!({"phone": "+961 2 000002", "camp": "Cedar", "hometown": "Tyre"});
        let mut wrong = Vec::new();
        for number in [1, 2] {
            let answer = self.tablet(number).call(&["get", "--id", &id])?;
            let holds = shown(&answer["record"], &expected);
            if holds != expected {
                wrong.push(format!("tablet {number} holds {holds}"));
            }
        }
        let about = |entry: &&Json| entry["record_id"] == *id && entry["column"] == "phone";
        match ledger.iter().filter(about).collect::<Vec<_>>().as_slice() {
            [entry] if remembers(entry, &edits) => {}
            [_] => wrong.push("tablet 2's ledger does not have both values".to_owned()),
            entries => wrong.push(format!("tablet 2's ledger has {} entries", entries.len())),
        }
        if ledger.iter().any(|entry| !about(&entry)) {
            wrong.push("tablet 2's ledger has conflicts that nobody made".to_owned());
        }
        self.output.line(&format!("both hold now {expected}"));
        self.report.prove(
            "conflict_resolved",
            wrong,
            "the value of the tablet that met the conflict stays, the other is in its ledger, and \
             what one alone changed is on both"
                .to_owned(),
        );
        let [first, second] = edits;
        self.report.facts.insert(
            "conflict".to_owned(),
            json!({
                "record_id": id,
                "tablet_1": first,
                "tablet_2": second,
                "ledger": ledger,
                "result": expected,
            }),
        );
        Ok(())
    }
}

/// The columns that matter.
fn shown(record: &Json, columns: &Json) -> Json {
    let names = columns
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name);
    names
        .map(|name| (name.clone(), record[name].clone()))
        .collect()
}

/// Values in the ledger are JSON text.
fn remembers(entry: &Json, [theirs, ours]: &[Json; 2]) -> bool {
    let value = |name: &str| -> Option<Json> { serde_json::from_str(entry[name].as_str()?).ok() };
    entry["kind"] == "both_changed"
        && value("local").as_ref() == Some(&ours["phone"])
        && value("remote").as_ref() == Some(&theirs["phone"])
}
