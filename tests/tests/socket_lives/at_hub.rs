//! After a storm the hub too holds what the cloud holds, in every column of the ten tables that are
//! pushed. What may differ is named here, each with its reason; nothing may be missing.
//!
//! Left out are the other tables, which neither goes to from a tablet: users, forms, the clinic's own
//! lists, and those that the cloud does not have. What is marked as deleted is not compared: the cloud
//! keeps it for ever, the hub by its own times.

use std::collections::BTreeMap;

use amana_core::model::dates::{self, Parsed};
use amana_core::model::schema::{Column, Direction, Role, Schema, Table};
use amana_peer::Peer;
use amana_peer::hub::Hub;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

/// Times that each server writes for itself, in whatever table.
const SERVERS_OWN_TIMES: [&str; 2] = ["last_modified", "server_created_at"];

/// Times that the cloud writes itself, whenever it stores a record: the hub keeps those of its own last
/// write where they are later, and an echo of what it sent is stamped anew. In the other tables both
/// keep the time of whoever made the edit, and that is compared.
const CLOUDS_OWN_TIMES: [(&str, &[&str]); 6] = [
    ("visits", &["updated_at"]),
    ("events", &["updated_at"]),
    ("patient_additional_attributes", &["updated_at"]),
    ("patient_vitals", &["updated_at", "created_at"]),
    ("patient_problems", &["updated_at", "created_at"]),
    ("dispensing_records", &["updated_at"]),
];

/// The cloud takes an update of an item and keeps the time of before, so that no pull of the hub's holds
/// it: what a tablet brings to the cloud first, the hub never hears of. Compared is that the item is
/// there, and what it belongs to.
const UPDATED_UNHEARD: &str = "prescription_items";

/// Where the cloud stores a no as nothing, when a tablet sends it, and as no, when a hub sends its 0: the
/// two are one here.
const NO_IS_NOTHING: (&str, &str) = ("patient_additional_attributes", "boolean_value");

/// A hub sends a time as a number, and the cloud takes one of before 9 September 2001 for none and puts its
/// own. It happens where a hub pushes what it has from the cloud: a row that is later than its last
/// push by the clock of who made it, for one. The hub does not take that echo.
const FIRST_NUMBER_THAT_IS_A_TIME: f64 = 1e12;

fn is_ruined_on_its_way(column: &Column, hub: &Json) -> bool {
    let is_before = |ms: f64| ms < FIRST_NUMBER_THAT_IS_A_TIME;
    column.role == Role::Instant && hub.as_f64().is_some_and(is_before)
}

/// Why a hub may have a record that the cloud does not show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    /// The cloud deletes the children of what was deleted, and announces none of them.
    ChildOfDeleted,
    /// The cloud has the same attribute of the same patient by another id.
    ByAnotherId,
}

/// Whether the hub passed over what the cloud has: it keeps its own of a record where that is later, and
/// where the cloud writes the time of an edit itself, one by a clock that was ahead is later for ever.
fn is_passed_over(table: &Table, cloud: &Row, hub: &Row) -> bool {
    let Some(at) = table.updated_at() else {
        return false;
    };
    let column = &table.columns[at];
    let is_clouds = CLOUDS_OWN_TIMES
        .iter()
        .any(|(name, times)| *name == table.name && times.contains(&&*column.name));
    let at = |row: &Row| meaning(column, &row[&column.name]).as_f64();
    is_clouds && at(hub) > at(cloud)
}

type Row = Map<String, Json>;
type Rows = BTreeMap<String, Row>;

fn by_id(rows: Vec<Row>) -> Rows {
    let id = |row: &Row| row["id"].as_str().unwrap().to_owned();
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

fn is_shown(row: &Row) -> bool {
    row["is_deleted"] == json!(false) && row["deleted_at"].is_null()
}

fn why_kept(table: &Table, in_cloud: &Rows, id: &str, row: &Row) -> Option<Kept> {
    if let Some(there) = in_cloud.get(id) {
        let unannounced = there["is_deleted"] == json!(true) && there["deleted_at"].is_null();
        return unannounced.then_some(Kept::ChildOfDeleted);
    }
    let names = table.natural_key.iter().map(|at| &table.columns[*at].name);
    let names: Vec<&String> = names.collect();
    let same = |other: &Row| names.iter().all(|name| other[*name] == row[*name]);
    (!names.is_empty() && in_cloud.values().any(same)).then_some(Kept::ByAnotherId)
}

/// What a value says, in whichever server's form: times and days as numbers or text, measurements as
/// numbers or text, truth as such or as 0 and 1, JSON as such or as text.
fn meaning(column: &Column, value: &Json) -> Json {
    let day = |parsed| match parsed {
        Parsed::Known(day) => json!(day),
        Parsed::Nothing | Parsed::Unreadable => value.clone(),
    };
    match (column.role, value) {
        (Role::Instant, Json::String(text)) => match dates::instant_from_text(text) {
            Parsed::Known(ms) => json!(ms),
            Parsed::Nothing | Parsed::Unreadable => value.clone(),
        },
        (Role::Day, Json::Number(ms)) => day(dates::day_from_number(ms.as_i64().unwrap())),
        (Role::Day, Json::String(text)) => day(dates::day_from_text(text)),
        (Role::Bool, Json::Number(flag)) => json!(flag.as_i64() != Some(0)),
        (Role::Integer | Role::Number | Role::Decimal, Json::Number(number)) => {
            json!(number.as_f64())
        }
        (Role::Integer | Role::Number | Role::Decimal, Json::String(text)) => {
            json!(text.parse::<f64>().unwrap())
        }
        (Role::Json, Json::String(text)) => serde_json::from_str(text).unwrap(),
        _ => value.clone(),
    }
}

/// Compares the two as they are stored.
pub fn check(schema: &Schema, peer: &Peer, hub: &Hub) -> Result<(), TestCaseError> {
    let pushed = schema.tables().map(|(_, table)| table);
    for table in pushed.filter(|table| table.direction == Direction::Both) {
        let name = &table.name;
        let in_cloud = by_id(peer.rows(name));
        let mut at_hub = by_id(hub.rows(name));
        at_hub.retain(|_, row| row["is_gone"] == json!(false));
        for (id, row) in &at_hub {
            let known = in_cloud.get(id).is_some_and(is_shown)
                || why_kept(table, &in_cloud, id, row).is_some();
            prop_assert!(known, "only at the hub: {name} {id}");
        }
        for (id, row) in in_cloud.iter().filter(|(_, row)| is_shown(row)) {
            let Some(there) = at_hub.get(id) else {
                return Err(TestCaseError::fail(format!("not at the hub: {name} {id}")));
            };
            let passed_over = is_passed_over(table, row, there);
            let columns = compared(table);
            for column in columns.filter(|column| !passed_over || column.role == Role::Ref) {
                let no_is_nothing = (name.as_str(), column.name.as_str()) == NO_IS_NOTHING;
                let [cloud, hub] = [row, there].map(|row| {
                    let value = meaning(column, &row[&column.name]);
                    if no_is_nothing && value == json!(false) {
                        Json::Null
                    } else {
                        value
                    }
                });
                prop_assert!(
                    cloud == hub || is_ruined_on_its_way(column, &hub),
                    "{name}.{} of {id}: {cloud} in the cloud, {hub} at the hub",
                    column.name
                );
            }
        }
    }
    Ok(())
}

fn compared(table: &Table) -> impl Iterator<Item = &Column> {
    let of_table = CLOUDS_OWN_TIMES
        .iter()
        .find(|(name, _)| *name == table.name);
    let times = of_table.map_or(&[][..], |(_, columns)| columns);
    let is_time = |column: &Column| {
        let name = column.name.as_str();
        SERVERS_OWN_TIMES.contains(&name) || times.contains(&name)
    };
    let pushed = table.columns.iter().filter(|column| column.pushed);
    let is_heard = |column: &Column| table.name != UPDATED_UNHEARD || column.role == Role::Ref;
    pushed.filter(move |column| !is_time(column) && is_heard(column))
}
