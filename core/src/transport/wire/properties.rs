//! Whatever records hold: written for the cloud and read back, they are the same.

use proptest::prelude::*;

use super::decode_tests::{Pieces, decode_from};
use super::encode;
use crate::model::change_set::{OutboxKind, OutboxRow, Revision};
use crate::model::ids::RecordId;
use crate::model::schema::{Column, Direction, Role, Schema, Table, TableIndex};
use crate::model::value::Value;

fn any_text() -> impl Strategy<Value = String> {
    // Every character but NUL, the awkward ones often.
    prop_oneof![
        "[^\0]{0,20}",
        Just("\u{1f}\"\\/\u{7f}\u{2028}".to_owned()),
        Just("null".to_owned()),
        Just("0".to_owned()),
    ]
}

fn any_value(column: &Column) -> BoxedStrategy<Value> {
    let value = match column.role {
        Role::Text | Role::Enum => any_text().prop_map(Value::Text).boxed(),
        Role::Id | Role::Ref => "[a-z0-9-]{1,40}".prop_map(Value::Text).boxed(),
        Role::Integer => any::<i64>().prop_map(Value::Integer).boxed(),
        Role::Number => prop::num::f64::NORMAL.prop_map(Value::Real).boxed(),
        Role::Decimal => "-?[0-9]{1,20}(\\.[0-9]{1,10})?"
            .prop_map(Value::Text)
            .boxed(),
        Role::Bool => (0..=1i64).prop_map(Value::Integer).boxed(),
        // 0 is how peers write that nothing is known.
        Role::Instant => (-100_000_000_000_000..100_000_000_000_000i64)
            .prop_filter("zero", |ms| *ms != 0)
            .prop_map(Value::Integer)
            .boxed(),
        Role::Day => "(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
            .prop_map(Value::Text)
            .boxed(),
        Role::Json => any_text()
            .prop_map(|text| {
                let text = serde_json::Value::from(text);
                Value::Text(format!("{{ \"k\": [{text}, 1.50, 1e2 ],\"k\":null}}"))
            })
            .boxed(),
    };
    prop_oneof![9 => value, 1 => Just(Value::Null)].boxed()
}

fn any_row(index: TableIndex, table: &Table) -> BoxedStrategy<OutboxRow> {
    let values: Vec<_> = table.columns.iter().map(any_value).collect();
    (values, "[a-z0-9-]{1,40}", any::<bool>())
        .prop_map(move |(values, id, created)| OutboxRow {
            table: index,
            id: RecordId::from_peer(&id).unwrap(),
            kind: if created {
                OutboxKind::Created
            } else {
                OutboxKind::Updated
            },
            revision: Revision(1),
            values,
            changed: Vec::new(),
            dangling: Vec::new(),
            only_elsewhere: false,
        })
        .boxed()
}

fn any_pushed_row() -> impl Strategy<Value = OutboxRow> {
    let schema = Schema::hikma().unwrap();
    let tables: Vec<_> = schema
        .tables()
        .filter(|(_, table)| table.direction == Direction::Both)
        .map(|(index, table)| any_row(index, table))
        .collect();
    prop::strategy::Union::new(tables)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..Default::default() })]

    #[test]
    fn what_is_written_is_read_back(
        rows in prop::collection::vec(any_pushed_row(), 1..5),
        chunk in 1..300usize,
    ) {
        let schema = Schema::hikma().unwrap();
        let body = encode(&schema, &rows).unwrap();
        let mut reply = br#"{"timestamp":7,"changes":"#.to_vec();
        reply.extend_from_slice(&body);
        reply.push(b'}');
        let (counted, kept) = decode_from(Pieces(&reply, chunk)).unwrap();
        prop_assert_eq!(counted.skipped, Default::default());
        prop_assert_eq!(counted.upserts, rows.len() as u64);

        // The body orders by table and list; within those the order stays.
        let mut expected: Vec<_> = rows.iter().collect();
        expected.sort_by_key(|row| (row.table, row.kind == OutboxKind::Updated));
        for (row, (table, read)) in expected.into_iter().zip(&kept.upserts) {
            prop_assert_eq!(row.table, *table);
            prop_assert_eq!(&row.id, &read.id);
            let columns = &schema.table(row.table).columns;
            let cells: Vec<_> = row.values.iter().cloned().enumerate()
                .filter(|(i, _)| columns[*i].pushed)
                .collect();
            prop_assert_eq!(&cells, &read.cells);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_from(bytes.as_slice());
    }

    #[test]
    fn no_json_makes_it_panic(
        mut reply in "\\{\"timestamp\":7,\"changes\":\\{(\"(patients|users|x)\":[\\[\\{\\]\\}:,\"0-9a-z]{0,30},?){0,4}\\}\\}",
        chunk in 1..50usize,
    ) {
        reply.push(' ');
        let _ = decode_from(Pieces(reply.as_bytes(), chunk));
    }
}
