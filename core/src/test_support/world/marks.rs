//! Follows what people write in a life: each value with its place, wherever it goes.

use std::collections::BTreeSet;

use super::*;
use crate::model::schema::Role;
use crate::test_support::life_values::TABLES;

/// A value in a column, in its JSON form.
pub(super) type Mark = (TableIndex, usize, String);

/// How a value can be found again. None where it can be anybody's: nothing, and yes or no.
pub(super) fn mark(table: TableIndex, position: usize, value: &Json) -> Option<Mark> {
    let unique = value.is_string() || value.is_number();
    unique.then(|| (table, position, value.to_string()))
}

/// Where a life writes: the columns of a table, by position.
pub(super) fn edited(schema: &Schema, table: TableIndex) -> Vec<usize> {
    let table = schema.table(table);
    let of_table = TABLES.iter().find(|(name, _)| *name == table.name);
    let names = of_table.into_iter().flat_map(|(_, columns)| columns.iter());
    names.filter_map(|name| table.position(name)).collect()
}

/// All that lives wrote, as far as it stands in these records.
pub(super) fn marks(schema: &Schema, rows: &Rows) -> BTreeSet<Mark> {
    let mut found = BTreeSet::new();
    for ((table, _), values) in rows {
        let of_row = edited(schema, *table);
        let of_row = of_row
            .iter()
            .filter_map(|at| mark(*table, *at, &values[*at].to_json()));
        // Yes and no are numbers in the store.
        found.extend(
            of_row.filter(|(_, at, _)| schema.table(*table).columns[*at].role != Role::Bool),
        );
    }
    found
}

/// What a side of a ledger's entry holds: a column's value, or several columns of a record.
pub(super) fn marks_of_entry(
    schema: &Schema,
    table: &str,
    column: Option<&str>,
    side: &str,
) -> BTreeSet<Mark> {
    let index = schema.find(table).unwrap();
    let position = |name: &str| schema.table(index).position(name).unwrap();
    let side: Json = serde_json::from_str(side).unwrap();
    match (column, &side) {
        (Some(column), value) => mark(index, position(column), value).into_iter().collect(),
        (None, Json::Object(cells)) => cells
            .iter()
            .filter_map(|(name, value)| mark(index, position(name), value))
            .collect(),
        (None, _) => BTreeSet::new(),
    }
}
