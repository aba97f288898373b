//! The lives of a configuration in which the hub has the last word: what a hub took leaves the outbox,
//! the cloud has it by the hub's relay, and the devices talk to the cloud as well. After the storm
//! nothing waits anywhere, each device holds what the hub holds, and the hub what the cloud holds.
//!
//! What may be otherwise on a device than at the hub: the times that the cloud sets itself
//! (`at_hub::is_clouds_own_time`). Of what the hub has and the cloud does not show (`at_hub::why_kept`)
//! a device has whatever it heard last. So it has of what belongs to a record that was deleted at the
//! hub by somebody who did not know of it: both servers keep it, and the hub says that deletion again
//! in each pull of everything, so that the device deletes what belongs to it.

use super::*;

impl World {
    /// The last word is heard last, and once more after the hub has brought the cloud what came of that.
    pub(super) fn hear_the_hub(&mut self) {
        for _ in 0..2 {
            self.relay();
            for device in 0..self.devices.len() {
                self.sync(device, true, true, Fault::None);
            }
        }
    }

    pub(super) fn check_by_hub(&self) -> std::result::Result<(), TestCaseError> {
        let schema = &self.cloud.schema;
        let (in_cloud, visible) = (self.cloud.visible(), self.hub.visible());
        let mut expected = visible.clone();
        expected.retain(|key, row| !has_a_later_one(schema, &visible, key, row));
        let expected = comparable(schema, expected);
        let mut known = self.replaced.clone();
        for (number, device) in self.devices.iter().enumerate() {
            prop_assert_eq!(device.pending(), 0, "device {}", number);
            let rows = comparable(schema, device.rows());
            for (key, row) in &expected {
                let only_there = !in_cloud.contains_key(key)
                    && at_hub::why_kept(&self.cloud, &self.hub, key, &visible[key]).is_some();
                if !only_there && !goes_with_a_deleted_one(&self.hub, key) {
                    same(schema, number, key, rows.get(key), row)?;
                }
            }
            for (table, id) in rows.keys().filter(|key| !expected.contains_key(*key)) {
                let name = &schema.table(*table).name;
                let standing = device.standing(name, &RecordId::from_peer(id).unwrap());
                prop_assert!(
                    standing.absent_since_ms.is_some(),
                    "only on device {number}: {name} {id}"
                );
            }
            for entry in device.ledger() {
                let sides = [&entry.base, &entry.local, &entry.remote];
                for side in sides.into_iter().flatten() {
                    known.extend(marks_of_entry(schema, &self.places, &entry, side));
                }
            }
        }
        self.no_visit_was_invented()?;
        self.nothing_is_lost(known, &expected)?;
        at_hub::check(&self.cloud, &self.hub)
    }
}

/// Whether the hub has the same key once more, in a later version: it may have an attribute by two ids.
fn has_a_later_one(
    schema: &Schema,
    visible: &Rows,
    (index, id): &(TableIndex, String),
    row: &[Value],
) -> bool {
    let table = schema.table(*index);
    let version = |row: &[Value]| table.updated_at().and_then(|at| row[at].as_integer());
    let same_key = |other: &[Value]| table.natural_key.iter().all(|at| other[*at] == row[*at]);
    !table.natural_key.is_empty()
        && visible.iter().any(|((other, other_id), other_row)| {
            (other, other_id != id) == (index, true)
                && same_key(other_row)
                && version(other_row) > version(row)
        })
}

/// Whether a record belongs to one that is deleted at the hub, by whatever way.
fn goes_with_a_deleted_one(hub: &Hub, key: &(TableIndex, String)) -> bool {
    let state = hub.state.lock().unwrap();
    let mut of = vec![key.clone()];
    let mut next = 0;
    while let Some(key) = of.get(next).cloned() {
        next += 1;
        let Some(kept) = state.rows.get(&key) else {
            continue;
        };
        if kept.deleted_at.is_some() {
            return true;
        }
        for (parent, table) in hub.schema.tables() {
            let children = table.children.iter().filter(|child| child.table == key.0);
            let ids = children.filter_map(|child| kept.values[child.column].as_text());
            of.extend(ids.map(|id| (parent, id.to_owned())).collect::<Vec<_>>());
        }
    }
    false
}

fn same(
    schema: &Schema,
    device: usize,
    (index, id): &(TableIndex, String),
    here: Option<&Vec<Value>>,
    at_hub: &[Value],
) -> std::result::Result<(), TestCaseError> {
    let table = schema.table(*index);
    prop_assert!(
        here.is_some(),
        "not on device {device}: {} {id}",
        table.name
    );
    let cells = here.into_iter().flatten().zip(at_hub);
    for (column, (here, there)) in table.columns.iter().zip(cells) {
        prop_assert!(
            here == there || at_hub::is_clouds_own_time(&table.name, &column.name),
            "{}.{} of {id}: {here:?} on device {device}, {there:?} at the hub",
            table.name,
            column.name
        );
    }
    Ok(())
}

#[test]
fn after_a_storm_where_the_hub_has_the_last_word_all_hold_the_same_and_nothing_is_lost() {
    storms(4, 500, PeerKind::Hub, &a_storm());
}

#[test]
fn what_one_clears_where_the_hub_has_the_last_word_while_another_edits_it_is_not_lost() {
    storms(3, 500, PeerKind::Hub, &a_meeting());
}
