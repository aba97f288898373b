//! After a storm the hub too holds what the cloud holds, in every pushed column that the servers let
//! through. What may differ is named here, each with its reason; nothing may be missing.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::lives::comparable;
use super::*;
use crate::model::schema::Table;

/// Times that the cloud writes itself, whenever it stores a record: the hub keeps those of its own last
/// write where they are later, and an echo of what it sent is stamped anew. In the other tables both
/// keep the time of whoever made the edit, and that is compared.
const CLOUDS_OWN_TIMES: [(&str, &[&str]); 7] = [
    ("visits", &["updated_at"]),
    ("events", &["updated_at"]),
    ("patient_additional_attributes", &["updated_at"]),
    ("patient_vitals", &["updated_at", "created_at"]),
    ("patient_problems", &["updated_at", "created_at"]),
    ("dispensing_records", &["updated_at"]),
    // An update of an item leaves the cloud's time as it was.
    ("prescription_items", &["updated_at"]),
];

pub(super) fn is_clouds_own_time(table: &str, column: &str) -> bool {
    let mut of_table = CLOUDS_OWN_TIMES.iter().filter(|(name, _)| *name == table);
    of_table.any(|(_, columns)| columns.contains(&column))
}

/// Why a hub may have a record that the cloud does not show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kept {
    /// The cloud deletes the children of what was deleted, and announces none of them.
    ChildOfDeleted,
    /// The cloud has the same attribute of the same patient by another id.
    ByAnotherId,
    /// The cloud has removed an item for good, and announces that to nobody: a hub that had it from the
    /// cloud has it still.
    RemovedUnheard,
    /// It could not be brought to the cloud: a hub sticks on one row that the cloud refuses, and keeps
    /// back all that was written there since.
    HeldBack,
}

pub(super) fn why_kept(
    cloud: &Cloud,
    hub: &Hub,
    key: &(TableIndex, String),
    row: &[Value],
) -> Option<Kept> {
    let state = cloud.state.lock().unwrap();
    if let Some(there) = state.rows.get(key) {
        return (there.is_deleted && there.deleted_at.is_none()).then_some(Kept::ChildOfDeleted);
    }
    let natural = &cloud.schema.table(key.0).natural_key;
    let same = |other: &[Value]| natural.iter().all(|at| other[*at] == row[*at]);
    let mut others = state.rows.iter().filter(|((table, _), _)| *table == key.0);
    if !natural.is_empty() && others.any(|(_, kept)| same(&kept.values)) {
        return Some(Kept::ByAnotherId);
    }
    if state.removed.contains(key) {
        return Some(Kept::RemovedUnheard);
    }
    hub.held_back().contains(key).then_some(Kept::HeldBack)
}

/// Whether the cloud refuses this row: it belongs to a patient whom the cloud never had. Either it is
/// something dispensed; or the patient was deleted at the hub before the hub's next relay, and somebody
/// who had not heard of that gave the hub something of them: a hub's deletions take nothing along.
fn is_refused(cloud: &Cloud, hub: &Hub, key: &(TableIndex, String), row: &[Value]) -> bool {
    let table = cloud.schema.table(key.0);
    let Some(patient) = table.position("patient_id") else {
        return false;
    };
    let Some(patient) = row[patient].as_text() else {
        return false;
    };
    let patient = (cloud.schema.find("patients").unwrap(), patient.to_owned());
    if cloud.state.lock().unwrap().rows.contains_key(&patient) {
        return false;
    }
    let at_hub = hub.state.lock().unwrap();
    let deleted = |kept: &super::hub::Kept| kept.deleted_at.is_some();
    table.name == "dispensing_records" || at_hub.rows.get(&patient).is_some_and(deleted)
}

/// Whether the hub leaves aside what the cloud has. A hub takes nothing whose time is earlier than what
/// it has; where the cloud sets the time of an edit itself, that is earlier than the one of a version
/// that somebody made whose clock was ahead. With the next edit after that time both have the same.
fn is_earlier(table: &Table, in_cloud: &[Value], at_hub: &[Value]) -> bool {
    let time = |row: &[Value]| table.updated_at().and_then(|at| row[at].as_integer());
    is_clouds_own_time(&table.name, "updated_at") && time(in_cloud) < time(at_hub)
}

/// Compares the two, each as a pull of everything would show it.
pub(super) fn check(cloud: &Cloud, hub: &Hub) -> Result<(), TestCaseError> {
    let schema = &cloud.schema;
    let (in_cloud, at_hub) = (cloud.visible(), hub.visible());
    let held_back: BTreeSet<_> = hub.held_back();
    let refused = |key| {
        at_hub
            .get(key)
            .is_some_and(|row| is_refused(cloud, hub, key, row))
    };
    prop_assert!(
        held_back.is_empty() || held_back.iter().any(refused),
        "the hub sticks, and nothing there is refused: {held_back:?}"
    );
    for (key, row) in &at_hub {
        let known = in_cloud.contains_key(key) || why_kept(cloud, hub, key, row).is_some();
        prop_assert!(
            known,
            "only at the hub: {} {}",
            schema.table(key.0).name,
            key.1
        );
    }
    let (in_cloud, at_hub) = (comparable(schema, in_cloud), comparable(schema, at_hub));
    for (key, row) in &in_cloud {
        if held_back.contains(key) {
            continue;
        }
        let table = schema.table(key.0);
        let there = at_hub.get(key);
        prop_assert!(there.is_some(), "not at the hub: {} {}", table.name, key.1);
        if there.is_some_and(|there| is_earlier(table, row, there)) {
            continue;
        }
        let cells = table
            .columns
            .iter()
            .zip(row)
            .zip(there.into_iter().flatten());
        for ((column, cloud), hub) in cells {
            prop_assert!(
                cloud == hub || is_clouds_own_time(&table.name, &column.name),
                "{}.{} of {}: {cloud:?} in the cloud, {hub:?} at the hub",
                table.name,
                column.name,
                key.1
            );
        }
    }
    Ok(())
}
