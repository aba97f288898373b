//! A whole pull reply: what each table holds, and how much of it is the demonstration's own.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use super::decode::decode;
use super::schema::{Schema, Table};
use super::{Digests, TableDigest};
use crate::error::{Doing as _, Error, Result};

/// What a pull of everything held.
#[derive(Debug)]
pub struct PullDigest {
    /// The tables that all devices keep whole.
    pub shared: Digests,
    /// For each of the given users: the tables of which a device keeps only the user's own rows.
    pub own: Vec<Digests>,
    /// Patients whose surname holds the given word.
    pub patients: u64,
    /// Visits of those patients.
    pub visits: u64,
    /// Values that no column could hold.
    pub unreadable: u64,
}

/// Reads the reply to a pull with `last_pulled_at=0`.
pub fn of_pull(body: &[u8], users: &[&str], family: &str) -> Result<PullDigest> {
    let reply: HashMap<String, &RawValue> =
        serde_json::from_slice(body).doing("the server's pull reply")?;
    let changes = reply
        .get("changes")
        .ok_or_else(|| Error::new("a pull reply without changes"))?;
    let changes: HashMap<String, &RawValue> =
        serde_json::from_str(changes.get()).doing("the changes of the pull reply")?;
    let mut reading = Reading {
        users,
        family,
        patients: HashSet::new(),
        result: PullDigest {
            shared: Digests::new(),
            own: vec![Digests::new(); users.len()],
            patients: 0,
            visits: 0,
            unreadable: 0,
        },
    };
    let schema = Schema::hikma()?;
    // Patients first: whose visit a visit is must be known by then.
    let (first, others): (Vec<_>, Vec<_>) = schema
        .tables
        .iter()
        .partition(|table| table.name == "patients");
    for table in first.into_iter().chain(others) {
        let lists: BTreeMap<String, Vec<&RawValue>> = match changes.get(&table.name) {
            Some(lists) => serde_json::from_str(lists.get()).doing(&table.name)?,
            None => BTreeMap::new(),
        };
        let records = ["created", "updated"]
            .into_iter()
            .filter_map(|name| lists.get(name))
            .flatten();
        reading.table(table, records.copied())?;
    }
    Ok(reading.result)
}

struct Reading<'a> {
    users: &'a [&'a str],
    family: &'a str,
    patients: HashSet<String>,
    result: PullDigest,
}

impl Reading<'_> {
    fn table<'r>(
        &mut self,
        table: &Table,
        records: impl Iterator<Item = &'r RawValue>,
    ) -> Result<()> {
        let mut shared = TableDigest::default();
        let mut own = vec![TableDigest::default(); self.users.len()];
        for record in records {
            let record: Map<String, Json> =
                serde_json::from_str(record.get()).doing(&table.name)?;
            let id = record.get("id").and_then(Json::as_str).unwrap_or_default();
            self.count(table, id, &record);
            let cells = self.cells(table, &record);
            match &table.own_rows_only {
                None => shared.add(&table.name, id, cells),
                Some(column) => {
                    let owner = record.get(column).and_then(Json::as_str);
                    for (user, digest) in self.users.iter().zip(&mut own) {
                        if owner == Some(user) {
                            digest.add(&table.name, id, cells.clone());
                        }
                    }
                }
            }
        }
        if table.own_rows_only.is_none() {
            self.result
                .shared
                .insert(table.name.clone(), (shared.rows, shared.text()));
        } else {
            for (digests, table_digest) in self.result.own.iter_mut().zip(own) {
                digests.insert(table.name.clone(), (table_digest.rows, table_digest.text()));
            }
        }
        Ok(())
    }

    fn cells<'t>(&mut self, table: &'t Table, record: &Map<String, Json>) -> Vec<(&'t str, Json)> {
        table
            .columns
            .iter()
            .map(|column| {
                let (value, readable) = decode(column, record.get(&column.name));
                self.result.unreadable += u64::from(!readable);
                (column.name.as_str(), value)
            })
            .collect()
    }

    fn count(&mut self, table: &Table, id: &str, record: &Map<String, Json>) {
        let text = |name: &str| record.get(name).and_then(Json::as_str).unwrap_or_default();
        match table.name.as_str() {
            "patients" if text("surname").contains(self.family) => {
                self.patients.insert(id.to_owned());
                self.result.patients += 1;
            }
            "visits" if self.patients.contains(text("patient_id")) => self.result.visits += 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reply(name: &str) -> Vec<u8> {
        json!({"success": true, "timestamp": 1, "changes": {
            "patients": {"created": [
                {"id": "p1", "surname": "Canary 1", "metadata": {}, "additional_data": {"b": 1, "a": 2},
                 "date_of_birth": "1980-02-03T00:00:00.000Z", "image_timestamp": null},
                {"id": "p2", "surname": name},
            ], "updated": [], "deleted": []},
            "visits": {"created": [
                {"id": "v1", "patient_id": "p1"}, {"id": "v2", "patient_id": "p2"},
            ], "updated": [], "deleted": []},
            "user_clinic_permissions": {"created": [
                {"id": "c1", "user_id": "u1"}, {"id": "c2", "user_id": "u2"},
                {"id": "c3", "user_id": "u2"},
            ], "updated": [], "deleted": []},
            "users": {"created": [{"id": "u1"}]},
        }})
        .to_string()
        .into_bytes()
    }

    #[test]
    fn counts_tables_and_own_rows() {
        let digest = of_pull(&reply("Other"), &["u1", "u2"], "Canary").unwrap();
        assert_eq!(
            (digest.patients, digest.visits, digest.unreadable),
            (1, 1, 0)
        );
        assert_eq!(digest.shared["patients"].0, 2);
        assert_eq!(digest.shared["clinics"], (0, "0".repeat(64)));
        let own: Vec<_> = digest
            .own
            .iter()
            .map(|own| own["user_clinic_permissions"].0)
            .collect();
        assert_eq!(own, [1, 2]);
        assert!(!digest.shared.contains_key("user_clinic_permissions"));
        assert!(!digest.shared.contains_key("users"));
    }

    #[test]
    fn one_changed_letter_changes_its_table_alone() {
        let (a, b) = (
            of_pull(&reply("Other"), &[], "x"),
            of_pull(&reply("Othet"), &[], "x"),
        );
        let different = super::super::differences(&a.unwrap().shared, &b.unwrap().shared);
        assert_eq!(different, ["patients (2 / 2 rows)"]);
    }

    #[test]
    fn a_broken_reply_is_an_error() {
        assert!(of_pull(b"{\"success\":true}", &[], "x").is_err());
        assert!(of_pull(b"[object Object]", &[], "x").is_err());
    }
}
