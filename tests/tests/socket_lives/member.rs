//! One tablet of the clinic, and what a test sees of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::model::hub::HubUrl;
use amana_core::model::ids::PeerId;
use amana_core::model::peer::Credentials;
use amana_core::secret::SecretText;
use amana_core::test_support::FakeClock;
use amana_peer::Peer;
use amana_peer::hub::Hub;
use amana_tests::{PASSWORD, Tablet};
use pollster::block_on;
use serde_json::Value as Json;

use crate::hub::ClinicHub;

/// Tables with the columns that people edit, all text.
pub const TABLES: [(&str, &[&str]); 4] = [
    ("patients", &["given_name", "surname", "phone"]),
    ("visits", &["provider_name"]),
    ("events", &["event_type"]),
    ("patient_additional_attributes", &["string_value"]),
];

const EMAIL: &str = "amal@clinic.example";

/// By table and id, the columns that the lives write.
pub type Rows = BTreeMap<(&'static str, String), Vec<Json>>;

pub fn texts(rows: &Rows) -> BTreeSet<String> {
    let values = rows.values().flatten();
    values
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

pub struct Member {
    pub tablet: Tablet,
    pub clock: Arc<FakeClock>,
    /// The hub that it was paired with.
    pub hub: Option<PeerId>,
}

impl Member {
    pub fn new(peer: &Peer, now_ms: i64) -> Self {
        let clock = Arc::new(FakeClock::at(now_ms));
        let tablet = Tablet::always_open(clock.clone());
        tablet.sign_in(peer, EMAIL, PASSWORD).unwrap();
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
    }

    /// Takes note of where the hub is now.
    pub fn follow(&self, hub: &ClinicHub) {
        let url = HubUrl::parse(&hub.with(|hub| hub.url().to_owned())).unwrap();
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
        let mut rows = Rows::new();
        for (table, columns) in TABLES {
            let page = block_on(self.tablet.amana.query(table, "{}")).unwrap();
            let page: Json = serde_json::from_str(&page).unwrap();
            let names = page["columns"].as_array().unwrap();
            let at = |name: &str| names.iter().position(|column| column == name).unwrap();
            for row in page["rows"].as_array().unwrap() {
                let id = row[at("id")].as_str().unwrap().to_owned();
                let values = columns.iter().map(|name| row[at(name)].clone()).collect();
                rows.insert((table, id), values);
            }
        }
        rows
    }

    pub fn pick(&self, table: &str, number: usize) -> Option<String> {
        let rows = self.rows();
        let ids: Vec<_> = rows.keys().filter(|(name, _)| *name == table).collect();
        (!ids.is_empty()).then(|| ids[number % ids.len()].1.clone())
    }

    /// Every value in the conflict ledger.
    pub fn ledger(&self) -> BTreeSet<String> {
        let mut values = BTreeSet::new();
        let mut after = 0;
        loop {
            let entries = block_on(self.tablet.amana.conflicts(after)).unwrap();
            let Some(last) = entries.last() else {
                return values;
            };
            after = last.id;
            for entry in entries {
                let sides = [entry.base, entry.local, entry.remote];
                values.extend(sides.iter().flatten().flat_map(|text| values_in(text)));
            }
        }
    }
}

/// Values are written as `v` and five digits.
fn values_in(text: &str) -> impl Iterator<Item = String> {
    text.match_indices('v')
        .filter_map(|(at, _)| text.get(at..at + 6).map(str::to_owned))
}
