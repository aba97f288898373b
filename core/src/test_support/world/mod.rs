//! Devices with real stores, a cloud and a hub with the real servers' rules, all in one process and
//! one time: what the engine and the store do together.

mod adopting;
mod arriving;
mod asking;
mod at_hub;
mod cloud;
mod device;
mod given_again;
mod hub;
mod hub_decides;
mod line;
mod lives;
mod marks;
mod meanwhile;
mod merging;
mod only_at_hub;
mod order;
mod peers;
mod pulling;
mod pushing;
mod reconciling;
mod refusing;
mod same_key;
mod sent_again;
mod setting_back;
mod steps;
mod taking_back;
mod undoing;
mod verifying;
mod waiting;
mod wire;
mod writing;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::{Value as Json, json};

use crate::error::{Error, ErrorCode};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, TableIndex};
use crate::model::value::Value;
use crate::test_support::all_tables;

use cloud::Cloud;
use device::Device;
use hub::Hub;

const NOW: i64 = 1_795_470_612_883;

/// Records by table and id, whole, by column position.
type Rows = BTreeMap<(TableIndex, String), Vec<Value>>;

fn schema() -> Arc<Schema> {
    static SCHEMA: OnceLock<Arc<Schema>> = OnceLock::new();
    Arc::clone(SCHEMA.get_or_init(|| Schema::hikma().unwrap()))
}

fn id(number: u32) -> RecordId {
    RecordId::parse_uuid(&format!("00000000-0000-7000-8000-{number:012}")).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn failure(code: ErrorCode) -> Error {
    Error::new(code, "simulated")
}

/// A patient whose cells a server sends whole.
fn patient(name: &str, updated_at: i64) -> Json {
    json!({"given_name": name, "surname": "", "metadata": "{}", "additional_data": "{}",
           "is_deleted": 0, "created_at": NOW - 1_000_000, "updated_at": updated_at})
}
