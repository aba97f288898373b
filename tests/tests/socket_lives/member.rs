//! One tablet of the clinic, and what a test sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::model::dates::{self, Parsed};
use amana_core::model::hub::HubUrl;
use amana_core::model::ids::PeerId;
use amana_core::model::ledger::ConflictEntry;
use amana_core::model::peer::Credentials;
use amana_core::model::schema::{Column, Role, Schema};
use amana_core::secret::SecretText;
use amana_core::test_support::FakeClock;
use amana_core::test_support::life_values::TABLES;
use amana_peer::Peer;
use amana_peer::hub::Hub;
use amana_tests::line::Line;
use amana_tests::{PASSWORD, Tablet, address_by};
use pollster::block_on;
use serde_json::{Value as Json, json};

use crate::hub::ClinicHub;

const EMAIL: &str = "amal@clinic.example";

/// By table and id, the columns that the lives write.
pub type Rows = BTreeMap<(&'static str, String), Vec<Json>>;

/// A value with its table and column.
pub type Mark = (&'static str, &'static str, String);

/// How a value can be found again. None where it can be anybody's: nothing, and yes or no.
pub fn mark(table: &'static str, column: &'static str, value: &Json) -> Option<Mark> {
    let unique = !value.is_null() && !value.is_boolean();
    unique.then(|| (table, column, value.to_string()))
}

pub fn marks(rows: &Rows) -> BTreeSet<Mark> {
    let mut found = BTreeSet::new();
    for ((table, _), values) in rows {
        let (_, columns) = TABLES.iter().find(|(name, _)| name == table).unwrap();
        let cells = columns.iter().zip(values);
        found.extend(cells.filter_map(|(column, value)| mark(table, column, value)));
    }
    found
}

/// A value as the app sees it, from the form of the wire. JSON is compared by what it says.
fn plain(column: &Column, value: &Json) -> Json {
    let text = value.as_str();
    match (column.role, text) {
        (Role::Instant, Some(text)) => match dates::instant_from_text(text) {
            Parsed::Known(ms) => json!(ms),
            _ => value.clone(),
        },
        (Role::Day, Some(text)) => match dates::day_from_text(text) {
            Parsed::Known(day) => json!(day),
            _ => value.clone(),
        },
        (Role::Json, Some(text)) => serde_json::from_str(text).unwrap(),
        _ => value.clone(),
    }
}

/// The columns of a record that the lives write.
pub fn cells(schema: &Schema, table: &str, row: &Json) -> Vec<Json> {
    let (_, columns) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
    let (_, table) = schema.require(table).unwrap();
    let cells = columns.iter().map(|name| {
        let column = &table.columns[table.position(name).unwrap()];
        plain(column, &row[*name])
    });
    cells.collect()
}

pub struct Member {
    pub tablet: Tablet,
    pub clock: Arc<FakeClock>,
    /// The hub that it was paired with.
    pub hub: Option<PeerId>,
}

impl Member {
    pub fn new(peer: &Peer, line: &Line, now_ms: i64) -> Self {
        let clock = Arc::new(FakeClock::at(now_ms));
        let tablet = Tablet::always_open(clock.clone());
        let address = address_by(line, peer);
        tablet.sign_in_at(address, EMAIL, PASSWORD).unwrap();
        Self {
            tablet,
            clock,
            hub: None,
        }
    }

    /// Pairs with the hub and signs in there.
    pub fn pair(&mut self, hub: &ClinicHub) {
        let amana = &self.tablet.amana;
        let code = hub.with(Hub::qr_text);
        let peer = block_on(amana.pair_hub(&code, CancelToken::new()))
            .unwrap()
            .peer;
        let password = SecretText::new(PASSWORD.to_owned());
        let credentials = Credentials::new(EMAIL.to_owned(), password).unwrap();
        block_on(amana.sign_in_at_hub(&peer, credentials, CancelToken::new())).unwrap();
        self.hub = Some(peer);
        self.follow(hub);
    }

    /// Takes note of where the hub is now.
    pub fn follow(&self, hub: &ClinicHub) {
        let url = HubUrl::parse(&hub.url()).unwrap();
        let peer = self.hub.as_ref().unwrap();
        block_on(self.tablet.amana.move_hub(peer, url)).unwrap();
    }

    /// What it holds and the cloud shows: a hub keeps the children of what was deleted in the cloud,
    /// and who met one of them only there has it, marked as absent.
    pub fn rows_shown(&self) -> Rows {
        let mut rows = self.rows();
        rows.retain(|(table, id), _| {
            let standing = block_on(self.tablet.amana.standing(table, id)).unwrap();
            standing.absent_since_ms.is_none()
        });
        rows
    }

    pub fn rows(&self) -> Rows {
        let names = TABLES.iter().map(|(name, _)| *name);
        names.flat_map(|name| self.rows_of(name)).collect()
    }

    fn rows_of(&self, table: &'static str) -> Rows {
        let amana = &self.tablet.amana;
        let page = block_on(amana.query(table, "{}")).unwrap();
        let page: Json = serde_json::from_str(&page).unwrap();
        let names = page["columns"].as_array().unwrap();
        let mut rows = Rows::new();
        for row in page["rows"].as_array().unwrap() {
            let row = names.iter().zip(row.as_array().unwrap());
            let row: Json = row
                .map(|(name, value)| (name.as_str().unwrap().to_owned(), value.clone()))
                .collect::<serde_json::Map<_, _>>()
                .into();
            let id = row["id"].as_str().unwrap().to_owned();
            rows.insert((table, id), cells(amana.schema(), table, &row));
        }
        rows
    }

    pub fn pick(&self, table: &'static str, number: usize) -> Option<String> {
        let rows = self.rows_of(table);
        let ids: Vec<_> = rows.into_keys().map(|(_, id)| id).collect();
        (!ids.is_empty()).then(|| ids[number % ids.len()].clone())
    }

    /// Every value in the conflict ledger.
    pub fn ledger(&self) -> BTreeSet<Mark> {
        let mut values = BTreeSet::new();
        let mut after = 0;
        loop {
            let entries = block_on(self.tablet.amana.conflicts(after)).unwrap();
            let Some(last) = entries.last() else {
                return values;
            };
            after = last.id;
            for entry in &entries {
                let sides = [&entry.base, &entry.local, &entry.remote];
                for side in sides.into_iter().flatten() {
                    values.extend(self.marks_of(entry, side));
                }
            }
        }
    }

    /// A side of an entry: a column's value, or several columns of a record.
    fn marks_of(&self, entry: &ConflictEntry, side: &str) -> Vec<Mark> {
        let schema = self.tablet.amana.schema();
        let (_, table) = schema.require(&entry.table).unwrap();
        let (name, columns) = TABLES
            .iter()
            .find(|(name, _)| *name == entry.table)
            .unwrap();
        let side: Json = serde_json::from_str(side).unwrap();
        let side = match &entry.column {
            Some(column) => json!({ column.as_str(): side }),
            None => side,
        };
        let known = columns.iter().filter(|column| !side[**column].is_null());
        known
            .filter_map(|column| {
                let of = &table.columns[table.position(column).unwrap()];
                mark(name, column, &plain(of, &side[*column]))
            })
            .collect()
    }
}
