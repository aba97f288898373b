//! The merge, case by case, then its laws over random records.

use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::model::change_set::Revision;
use crate::model::ids::RecordId;
use crate::model::schema::Schema;

#[path = "merge_rule_tests.rs"]
mod rules;

const ID: &str = "aaaaaaaa-0000-4000-8000-000000000001";
// Positions in the table below.
const NAME: usize = 1;
const SEX: usize = 2;
const TEMPERATURE: usize = 3;
const METADATA: usize = 4;
const PASSED_ON: usize = 5;
const CREATED_AT: usize = 6;
const UPDATED_AT: usize = 7;
const COLUMNS: usize = 9;

fn with_table<R>(test: impl FnOnce(&Table) -> R) -> R {
    let schema = Schema::from_json(
        r#"{"version":1,"tables":[{"name":"people","direction":"both","columns":[
        {"name":"id","role":"id"},
        {"name":"name","role":"text"},
        {"name":"sex","role":"enum","nullable":true},
        {"name":"temperature","role":"decimal"},
        {"name":"metadata","role":"json","default":"{}"},
        {"name":"passed_on","role":"integer","hidden":true},
        {"name":"created_at","role":"instant"},
        {"name":"updated_at","role":"instant"},
        {"name":"alive","role":"bool"}]}]}"#,
    )
    .unwrap();
    test(schema.tables().next().unwrap().1)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn row(name: &str, sex: &str, updated_at: i64) -> Vec<Value> {
    vec![
        text(ID),
        text(name),
        text(sex),
        text("36.6"),
        text("{}"),
        Value::Null,
        Value::Integer(1),
        Value::Integer(updated_at),
        Value::Integer(1),
    ]
}

fn remote(cells: Vec<(usize, Value)>) -> RemoteRow {
    RemoteRow {
        id: RecordId::parse_uuid(ID).unwrap(),
        cells,
    }
}

fn entry(kind: OutboxKind, base: Vec<(usize, Value)>) -> OutboxEntry {
    OutboxEntry {
        kind,
        revision: Revision(1),
        base,
    }
}

fn run(
    local: Option<&[Value]>,
    outbox: Option<&OutboxEntry>,
    cells: Vec<(usize, Value)>,
) -> MergePlan<'static> {
    with_table(|table| {
        own(merge(&MergeInput {
            table,
            local,
            outbox,
            remote: &remote(cells),
            held: &[],
            elsewhere: None,
        }))
    })
}

/// A plan that lends nothing.
fn own(plan: MergePlan<'_>) -> MergePlan<'static> {
    match plan {
        MergePlan::Insert(values) => {
            let own = |value: Cow<'_, Value>| Cow::Owned(value.into_owned());
            MergePlan::Insert(values.into_iter().map(own).collect())
        }
        MergePlan::Unchanged => MergePlan::Unchanged,
        MergePlan::Update {
            cells,
            base,
            conflicts,
        } => MergePlan::Update {
            cells,
            base,
            conflicts,
        },
        MergePlan::KeepTombstone { newer } => MergePlan::KeepTombstone { newer },
    }
}

#[test]
fn a_new_record_is_stored_whole() {
    let plan = run(
        None,
        None,
        vec![(NAME, text("Amal")), (UPDATED_AT, Value::Integer(9))],
    );
    let MergePlan::Insert(values) = plan else {
        panic!("not an insert")
    };
    let values: Vec<_> = values.into_iter().map(Cow::into_owned).collect();
    assert_eq!(
        values,
        vec![
            text(ID),
            text("Amal"),
            Value::Null,
            Value::Null,
            text("{}"),
            Value::Null,
            Value::Null,
            Value::Integer(9),
            Value::Integer(0),
        ]
    );
}

#[test]
fn a_clean_record_takes_what_differs() {
    let local = row("Amal", "female", 5);
    let same = vec![(NAME, text("Amal")), (UPDATED_AT, Value::Integer(5))];
    assert_eq!(run(Some(&local), None, same), MergePlan::Unchanged);
    let plan = run(
        Some(&local),
        None,
        vec![
            (UPDATED_AT, Value::Integer(6)),
            (NAME, text("Amal")),
            (SEX, Value::Null),
        ],
    );
    let expected = MergePlan::Update {
        cells: vec![(SEX, Value::Null), (UPDATED_AT, Value::Integer(6))],
        base: None,
        conflicts: vec![],
    };
    assert_eq!(plan, expected);
}

#[test]
fn a_tombstone_stays_and_knows_what_is_newer() {
    let deleted = entry(OutboxKind::Deleted, vec![(UPDATED_AT, Value::Integer(5))]);
    for (theirs, newer) in [(4, false), (5, false), (6, true)] {
        let plan = run(
            None,
            Some(&deleted),
            vec![(UPDATED_AT, Value::Integer(theirs))],
        );
        assert_eq!(plan, MergePlan::KeepTombstone { newer });
    }
    let unknown = entry(OutboxKind::Deleted, vec![]);
    for (tombstone, cells) in [
        (&unknown, vec![(UPDATED_AT, Value::Integer(6))]),
        (&deleted, vec![(UPDATED_AT, Value::Null)]),
        (&deleted, vec![]),
    ] {
        let plan = run(None, Some(tombstone), cells);
        assert_eq!(plan, MergePlan::KeepTombstone { newer: false });
    }
}

#[test]
fn both_sides_changed_a_column() {
    let local = row("Amal", "female", 5);
    let outbox = entry(
        OutboxKind::Updated,
        vec![(NAME, text("Aml")), (UPDATED_AT, Value::Integer(3))],
    );
    let plan = run(
        Some(&local),
        Some(&outbox),
        vec![
            (NAME, text("Amalia")),
            (SEX, text("other")),
            (UPDATED_AT, Value::Integer(8)),
        ],
    );
    let expected = MergePlan::Update {
        cells: vec![(SEX, text("other")), (UPDATED_AT, Value::Integer(9))],
        base: Some(vec![
            (NAME, text("Amalia")),
            (UPDATED_AT, Value::Integer(8)),
        ]),
        conflicts: vec![ColumnConflict {
            unanswered: false,
            column: NAME,
            base: text("Aml"),
            local: text("Amal"),
            remote: text("Amalia"),
            kept: Kept::Local,
        }],
    };
    assert_eq!(plan, expected);
}

#[test]
fn the_peers_own_version_again_changes_nothing() {
    let local = row("Amal", "female", 5);
    let outbox = entry(
        OutboxKind::Updated,
        vec![(NAME, text("Aml")), (UPDATED_AT, Value::Integer(3))],
    );
    let plan = run(
        Some(&local),
        Some(&outbox),
        vec![
            (NAME, text("Aml")),
            (SEX, text("female")),
            (UPDATED_AT, Value::Integer(3)),
        ],
    );
    assert_eq!(plan, MergePlan::Unchanged);
}

#[test]
fn what_the_peer_took_without_our_knowing_is_no_conflict() {
    let mut local = row("Amal", "female", 5);
    local[METADATA] = text(r#"{"a":1}"#);
    let outbox = entry(
        OutboxKind::Updated,
        vec![
            (NAME, text("Aml")),
            (TEMPERATURE, text("37")),
            (METADATA, text("{}")),
        ],
    );
    let cells = vec![
        (NAME, text("Amal")),
        (TEMPERATURE, text("36.60")),
        (METADATA, text(r#"{"a": 1}"#)),
        (UPDATED_AT, Value::Integer(6)),
    ];
    let expected = MergePlan::Update {
        cells: vec![(UPDATED_AT, Value::Integer(6))],
        base: Some(cells[..3].to_vec()),
        conflicts: vec![],
    };
    assert_eq!(run(Some(&local), Some(&outbox), cells), expected);
}

#[test]
fn a_created_record_that_was_never_edited_takes_the_peers_values() {
    let local = row("Amal", "female", 5);
    let outbox = entry(OutboxKind::Created, vec![]);
    let cells = vec![(NAME, text("Amalia")), (UPDATED_AT, Value::Integer(4))];
    let expected = MergePlan::Update {
        cells: cells.clone(),
        base: None,
        conflicts: vec![],
    };
    assert_eq!(run(Some(&local), Some(&outbox), cells), expected);
}

#[test]
fn an_edit_during_the_push_outlives_the_echo_of_the_older_version() {
    // Created as "Aml", pushed, edited to "Amal" while the push was under way.
    let local = row("Amal", "female", 7);
    let outbox = entry(OutboxKind::Created, vec![(NAME, text("Aml"))]);
    let plan = run(
        Some(&local),
        Some(&outbox),
        vec![(NAME, text("Aml")), (UPDATED_AT, Value::Integer(7))],
    );
    let expected = MergePlan::Update {
        cells: vec![(UPDATED_AT, Value::Integer(8))],
        base: None,
        conflicts: vec![],
    };
    assert_eq!(plan, expected);
}

#[test]
fn a_peer_without_a_time_does_not_take_ours_away() {
    let local = row("Amal", "female", 5);
    let outbox = entry(OutboxKind::Updated, vec![(NAME, text("Aml"))]);
    let nothing = vec![(UPDATED_AT, Value::Null)];
    assert_eq!(
        run(Some(&local), Some(&outbox), nothing),
        MergePlan::Unchanged
    );
    let mut timeless = local;
    timeless[UPDATED_AT] = Value::Null;
    let expected = MergePlan::Update {
        cells: vec![(UPDATED_AT, Value::Integer(4))],
        base: None,
        conflicts: vec![],
    };
    let theirs = vec![(UPDATED_AT, Value::Integer(3))];
    assert_eq!(run(Some(&timeless), Some(&outbox), theirs), expected);
}

#[test]
fn server_times_and_hidden_columns_are_the_peers() {
    let local = row("Amal", "female", 5);
    let outbox = entry(
        OutboxKind::Updated,
        vec![
            (CREATED_AT, Value::Integer(0)),
            (PASSED_ON, Value::Integer(3)),
        ],
    );
    let cells = vec![
        (PASSED_ON, Value::Integer(4)),
        (CREATED_AT, Value::Integer(2)),
    ];
    let expected = MergePlan::Update {
        cells: cells.clone(),
        base: Some(vec![
            (CREATED_AT, Value::Integer(2)),
            (PASSED_ON, Value::Integer(4)),
        ]),
        conflicts: vec![],
    };
    let mut shown = cells;
    shown.sort_unstable_by_key(|(p, _)| *p);
    assert_eq!(run(Some(&local), Some(&outbox), shown), expected);
}

#[test]
fn cells_that_no_column_has_are_passed_over() {
    let local = row("Amal", "female", 5);
    let odd = vec![(0, text("other-id")), (999, text("x"))];
    assert_eq!(run(Some(&local), None, odd.clone()), MergePlan::Unchanged);
    let outbox = entry(OutboxKind::Updated, vec![(999, text("y"))]);
    assert_eq!(run(Some(&[]), Some(&outbox), vec![]), MergePlan::Unchanged);
}

// The laws.

fn value(position: usize) -> BoxedStrategy<Value> {
    let few = prop_oneof![Just("a"), Just("b"), Just("c")];
    match position {
        METADATA => prop_oneof![Just("{}"), Just(r#"{"a":1}"#), Just(r#"{"a": 1}"#)]
            .prop_map(text)
            .boxed(),
        TEMPERATURE => prop_oneof![Just("36.6"), Just("36.60"), Just("37")]
            .prop_map(text)
            .boxed(),
        PASSED_ON | CREATED_AT | UPDATED_AT | 8 => (0i64..4).prop_map(Value::Integer).boxed(),
        SEX => prop_oneof![Just(Value::Null), few.prop_map(text)].boxed(),
        _ => few.prop_map(text).boxed(),
    }
}

fn a_row() -> impl Strategy<Value = Vec<Value>> {
    (1..COLUMNS)
        .map(value)
        .collect::<Vec<_>>()
        .prop_map(|mut values| {
            values.insert(0, text(ID));
            values
        })
}

fn some_cells() -> impl Strategy<Value = Vec<(usize, Value)>> {
    (1..COLUMNS)
        .map(|position| proptest::option::of(value(position)))
        .collect::<Vec<_>>()
        .prop_map(|cells| {
            cells
                .into_iter()
                .enumerate()
                .filter_map(|(i, cell)| cell.map(|value| (i + 1, value)))
                .collect()
        })
}

fn an_entry() -> impl Strategy<Value = Option<OutboxEntry>> {
    let kind = prop_oneof![Just(OutboxKind::Created), Just(OutboxKind::Updated)];
    proptest::option::of((kind, some_cells()).prop_map(|(kind, base)| entry(kind, base)))
}

/// What a store does with a plan.
fn applied(
    local: &[Value],
    outbox: &Option<OutboxEntry>,
    plan: &MergePlan<'_>,
) -> (Vec<Value>, Option<OutboxEntry>) {
    let (mut local, mut outbox) = (local.to_vec(), outbox.clone());
    match plan {
        MergePlan::Insert(values) => {
            local = values.iter().map(|value| value.as_ref().clone()).collect();
        }
        MergePlan::Update { cells, base, .. } => {
            for (position, value) in cells {
                local[*position] = value.clone();
            }
            if let (Some(entry), Some(base)) = (&mut outbox, base) {
                entry.base.clone_from(base);
            }
        }
        MergePlan::Unchanged | MergePlan::KeepTombstone { .. } => {}
    }
    (local, outbox)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_same_pull_again_changes_nothing(
        local in a_row(), outbox in an_entry(), cells in some_cells()
    ) {
        let first = run(Some(&local), outbox.as_ref(), cells.clone());
        let (local, outbox) = applied(&local, &outbox, &first);
        prop_assert_eq!(run(Some(&local), outbox.as_ref(), cells), MergePlan::Unchanged);
    }

    #[test]
    fn a_fresh_insert_is_what_the_same_pull_finds(cells in some_cells()) {
        let first = run(None, None, cells.clone());
        let (local, _) = applied(&[], &None, &first);
        prop_assert_eq!(run(Some(&local), None, cells), MergePlan::Unchanged);
    }

    #[test]
    fn a_value_changed_here_stays_and_a_lost_remote_value_is_in_the_ledger(
        local in a_row(), outbox in an_entry(), cells in some_cells()
    ) {
        let plan = run(Some(&local), outbox.as_ref(), cells.clone());
        let (after, _) = applied(&local, &outbox, &plan);
        let conflicts = match &plan {
            MergePlan::Update { conflicts, .. } => conflicts.clone(),
            _ => Vec::new(),
        };
        for (position, theirs) in &cells {
            let base = outbox.as_ref().and_then(|entry| base_of(entry, *position));
            let ours = !matches!(*position, UPDATED_AT | CREATED_AT | PASSED_ON);
            let conflict = conflicts.iter().find(|c| c.column == *position);
            match base.filter(|_| ours) {
                Some(base) => with_table(|table| {
                    let column = &table.columns[*position];
                    prop_assert_eq!(&after[*position], &local[*position]);
                    let lost = !same(column, theirs, base) && !same(column, theirs, &local[*position]);
                    prop_assert_eq!(conflict.is_some(), lost);
                    if let Some(conflict) = conflict {
                        prop_assert_eq!(&conflict.remote, theirs);
                        prop_assert_eq!(&conflict.local, &local[*position]);
                        prop_assert_eq!(&conflict.base, base);
                    }
                    Ok(())
                })?,
                None => {
                    prop_assert!(conflict.is_none());
                    if *position != UPDATED_AT {
                        prop_assert_eq!(&after[*position], theirs);
                    }
                }
            }
        }
    }

    #[test]
    fn cells_that_did_not_come_stay(
        local in a_row(), outbox in an_entry(), cells in some_cells()
    ) {
        let plan = run(Some(&local), outbox.as_ref(), cells.clone());
        let (after, _) = applied(&local, &outbox, &plan);
        for position in 0..COLUMNS {
            if cells.iter().all(|(p, _)| *p != position) {
                prop_assert_eq!(&after[position], &local[position]);
            }
        }
    }

    #[test]
    fn the_order_of_cells_does_not_matter(
        local in a_row(), outbox in an_entry(), cells in some_cells(), turn in 0usize..COLUMNS
    ) {
        let mut turned = cells.clone();
        turned.reverse();
        if !turned.is_empty() {
            let by = turn % turned.len();
            turned.rotate_left(by);
        }
        prop_assert_eq!(
            run(Some(&local), outbox.as_ref(), cells),
            run(Some(&local), outbox.as_ref(), turned)
        );
    }

    #[test]
    fn a_push_of_what_still_stands_is_later_than_the_peers_version(
        local in a_row(), outbox in an_entry(), cells in some_cells()
    ) {
        let plan = run(Some(&local), outbox.as_ref(), cells.clone());
        let (after, outbox) = applied(&local, &outbox, &plan);
        let theirs = cells.iter().find(|(p, _)| *p == UPDATED_AT).and_then(|(_, v)| v.as_integer());
        let stands = outbox.is_some_and(|entry| entry.base.iter().any(|(position, _)| {
            !matches!(*position, UPDATED_AT | CREATED_AT | PASSED_ON)
                && cells.iter().any(|(p, theirs)| p == position && with_table(|table| {
                    !same(&table.columns[*p], theirs, &after[*p])
                }))
        }));
        if let (Some(theirs), true) = (theirs, stands) {
            prop_assert!(after[UPDATED_AT].as_integer().unwrap() > theirs);
            prop_assert!(after[UPDATED_AT].as_integer() >= local[UPDATED_AT].as_integer());
        }
    }

    #[test]
    fn the_changed_columns_stay_the_same(
        local in a_row(), outbox in an_entry(), cells in some_cells()
    ) {
        if let MergePlan::Update { base: Some(base), .. } = run(Some(&local), outbox.as_ref(), cells) {
            let positions = |base: &[(usize, Value)]| base.iter().map(|(p, _)| *p).collect::<Vec<_>>();
            prop_assert_eq!(positions(&base), positions(&outbox.unwrap().base));
        }
    }
}
