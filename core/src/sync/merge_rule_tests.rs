//! What a rule of the app may decide in a merge, and what it may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// Answers with this in the columns, and counts how often it is asked.
struct Answers(Vec<(usize, Value)>, AtomicU32);

impl ConflictRule for Answers {
    fn resolve(&self, question: &RuleQuestion<'_>) -> Vec<Value> {
        self.1.fetch_add(1, Ordering::Relaxed);
        let mut answer = question.merged.to_vec();
        for (position, value) in &self.0 {
            answer[*position] = value.clone();
        }
        answer
    }
}

/// What a rule makes of it, and how often it was asked.
fn ruled(
    answer: Vec<(usize, Value)>,
    local: &[Value],
    outbox: Option<&OutboxEntry>,
    cells: Vec<(usize, Value)>,
) -> (MergePlan<'static>, u32) {
    let rule = Arc::new(Answers(answer, AtomicU32::new(0)));
    let policy = ConflictPolicy::Rule(rule.clone());
    let plan = with_table(|table| {
        own(merge_by(
            &policy,
            &MergeInput {
                table,
                local: Some(local),
                outbox,
                remote: &remote(cells),
                held: &[],
                elsewhere: None,
            },
        ))
    });
    (plan, rule.1.load(Ordering::Relaxed))
}

#[test]
fn a_rules_answer_is_stored_in_all_columns_but_the_id_and_the_times() {
    let local = row("ours", "male", 100);
    let edited = entry(OutboxKind::Updated, vec![(NAME, text("base"))]);
    let theirs = vec![
        (NAME, text("theirs")),
        (SEX, text("female")),
        (UPDATED_AT, Value::Integer(200)),
    ];
    let everywhere = vec![
        (NAME, text("ruled")),
        (SEX, text("ruled")),
        (TEMPERATURE, text("99")),
        (CREATED_AT, Value::Integer(9)),
        (UPDATED_AT, Value::Integer(9)),
    ];
    let (plan, asked) = ruled(everywhere.clone(), &local, Some(&edited), theirs.clone());
    assert_eq!(asked, 1);
    let MergePlan::Update {
        cells,
        base,
        conflicts,
    } = plan
    else {
        panic!("{plan:?}")
    };
    let ours = Value::Integer(201);
    let stored = [(NAME, "ruled"), (SEX, "ruled"), (TEMPERATURE, "99")];
    let stored = stored.map(|(at, value)| (at, text(value)));
    assert_eq!(cells[..3], stored);
    assert_eq!(
        cells[3..],
        [(UPDATED_AT, ours)],
        "later, so that it is taken"
    );
    assert_eq!(base, Some(vec![(NAME, text("theirs"))]));
    let kept: Vec<_> = conflicts.iter().map(|c| (c.column, c.kept)).collect();
    assert_eq!(kept, [(NAME, Kept::Rule)]);

    // Nothing waits: it is stored all the same, and nothing is sent.
    let (plan, asked) = ruled(everywhere, &local, None, theirs);
    assert_eq!(asked, 1);
    let MergePlan::Update { cells, base, .. } = plan else {
        panic!("{plan:?}")
    };
    assert_eq!(cells[..3], stored);
    assert_eq!(cells[3..], [(UPDATED_AT, Value::Integer(200))]);
    assert_eq!(base, None);
}

#[test]
fn a_rule_that_takes_theirs_leaves_nothing_to_be_sent_and_their_time() {
    let local = row("ours", "male", 300);
    let edited = entry(OutboxKind::Updated, vec![(NAME, text("base"))]);
    let theirs = vec![(NAME, text("theirs")), (UPDATED_AT, Value::Integer(200))];
    let (plan, _) = ruled(
        vec![(NAME, text("theirs"))],
        &local,
        Some(&edited),
        theirs.clone(),
    );
    let MergePlan::Update {
        cells,
        base,
        conflicts,
    } = plan
    else {
        panic!("{plan:?}")
    };
    assert_eq!((cells, base), (theirs, Some(Vec::new())));
    assert_eq!(conflicts[0].kept, Kept::Remote);
}
