//! After a storm the hub too holds what the cloud holds, in every pushed column that the servers let
//! through. What may differ is named here, each with its reason; nothing may be missing.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::lives::comparable;
use super::*;

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

/// Why a hub may have a record that the cloud does not show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kept {
    /// The cloud deletes the children of what was deleted, and announces none of them.
    ChildOfDeleted,
    /// The cloud has the same attribute of the same patient by another id.
    ByAnotherId,
    /// It could not be brought to the cloud: a hub sticks on one row that the cloud refuses, and keeps
    /// back all that was written there since.
    HeldBack,
}

fn why_kept(cloud: &Cloud, hub: &Hub, key: &(TableIndex, String), row: &[Value]) -> Option<Kept> {
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
    hub.held_back().contains(key).then_some(Kept::HeldBack)
}

/// Whether the cloud refuses this row: what was dispensed to a patient whom it never had.
fn is_refused(cloud: &Cloud, key: &(TableIndex, String), row: &[Value]) -> bool {
    let (index, table) = cloud.schema.require("dispensing_records").unwrap();
    let patient = table.position("patient_id").unwrap();
    let patients = cloud.schema.find("patients").unwrap();
    key.0 == index && {
        let id = row[patient].as_text().unwrap().to_owned();
        let state = cloud.state.lock().unwrap();
        !state.rows.contains_key(&(patients, id))
    }
}

/// Compares the two, each as a pull of everything would show it.
pub(super) fn check(cloud: &Cloud, hub: &Hub) -> Result<(), TestCaseError> {
    let schema = &cloud.schema;
    let (in_cloud, at_hub) = (cloud.visible(), hub.visible());
    let held_back: BTreeSet<_> = hub.held_back();
    let refused = |key| {
        at_hub
            .get(key)
            .is_some_and(|row| is_refused(cloud, key, row))
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
        let of_table = CLOUDS_OWN_TIMES
            .iter()
            .find(|(name, _)| *name == table.name);
        let times = of_table.map_or(&[][..], |(_, columns)| columns);
        let cells = table
            .columns
            .iter()
            .zip(row)
            .zip(there.into_iter().flatten());
        for ((column, cloud), hub) in cells {
            prop_assert!(
                cloud == hub || times.contains(&column.name.as_str()),
                "{}.{} of {}: {cloud:?} in the cloud, {hub:?} at the hub",
                table.name,
                column.name,
                key.1
            );
        }
    }
    Ok(())
}
