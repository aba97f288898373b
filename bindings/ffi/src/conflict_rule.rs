//! An app's own rule for conflicts: asked with JSON text, answers with JSON text.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use amana_core::model::merge::ColumnConflict;
use amana_core::model::row::{parse_value, write_value};
use amana_core::model::terms::{self, Choice, ConflictQuestion};
use amana_core::{Error, Result};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::error::AmanaError;

/// An app's rule for the columns of a record that both sides changed.
///
/// Called on the thread that writes, in the transaction of the pull: nothing is written until it has
/// answered, and no time limit can be set on it. So it must be quick, and must not wait for another
/// thread that calls the vault: that one waits for the writer, and both would wait for ever. A call to
/// the vault from within it is refused as `busy`. The same question has to get the same answer.
#[uniffi::export(with_foreign)]
pub trait ConflictResolver: Send + Sync {
    /// The question: `{"table", "record_id", "local_at_ms", "remote_at_ms", "columns": [{"column",
    /// "base", "local", "remote"}…]}`, with values as records have them, and times (epoch milliseconds,
    /// or null) by each side's `updated_at`.
    ///
    /// The answer: `{COLUMN: "local" | "remote" | {"value": VALUE}}`, with the value as `update` takes
    /// it. For a column that is left out, what stays without a rule stays.
    ///
    /// Where it throws, or answers anything else, that goes for all of them, and the ledger's entries
    /// are `rule_failed`.
    fn resolve(&self, question: String) -> std::result::Result<String, AmanaError>;
}

/// A rule and its name, by which the rules of tables refer to it.
#[derive(Clone, uniffi::Record)]
pub struct AppRule {
    /// Its name.
    pub name: String,
    /// The rule.
    pub resolver: Arc<dyn ConflictResolver>,
}

impl fmt::Debug for AppRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AppRule").field(&self.name).finish()
    }
}

/// An app's rule as the core asks it.
pub(crate) struct Asked(pub Arc<dyn ConflictResolver>);

impl terms::ConflictResolver for Asked {
    fn resolve(&self, question: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        let answer = self.0.resolve(write_question(question));
        // What it threw may hold anything, and is nobody's business.
        read_answer(question, &answer.map_err(|_| NO_ANSWER)?)
    }
}

const NO_ANSWER: Error = Error::invalid("the app's rule gave no answer of the agreed form");

fn write_question(question: &ConflictQuestion<'_>) -> String {
    let mut columns = String::new();
    for conflict in question.columns {
        let column = &question.table.columns[conflict.column];
        let comma = if columns.is_empty() { "" } else { "," };
        columns.push_str(comma);
        columns.push_str("{\"column\":");
        columns.push_str(&Json::from(column.name.as_str()).to_string());
        for (name, value) in [
            ("base", &conflict.base),
            ("local", &conflict.local),
            ("remote", &conflict.remote),
        ] {
            columns.push_str(&format!(",\"{name}\":"));
            write_value(column, value, &mut columns);
        }
        columns.push('}');
    }
    format!(
        "{{\"table\":{},\"record_id\":{},\"local_at_ms\":{},\"remote_at_ms\":{},\"columns\":[{columns}]}}",
        Json::from(question.table.name.as_str()),
        Json::from(question.id),
        Json::from(question.local_at_ms),
        Json::from(question.remote_at_ms),
    )
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    Side(Side),
    Made(Made),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Side {
    Local,
    Remote,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    value: Json,
}

fn read_answer(question: &ConflictQuestion<'_>, answer: &str) -> Result<Vec<Choice>> {
    let mut answers: BTreeMap<String, Answer> =
        serde_json::from_str(answer).map_err(|_| NO_ANSWER)?;
    let table = question.table;
    let mut choice = |conflict: &ColumnConflict| {
        Ok(match answers.remove(&table.columns[conflict.column].name) {
            None => Choice::Usual,
            Some(Answer::Side(Side::Local)) => Choice::Local,
            Some(Answer::Side(Side::Remote)) => Choice::Remote,
            Some(Answer::Made(made)) => {
                Choice::Value(parse_value(table, conflict.column, &made.value)?)
            }
        })
    };
    let choices = question.columns.iter().map(&mut choice).collect();
    if answers.is_empty() {
        choices
    } else {
        // A column that was not asked about: the rule means something else than it says.
        Err(NO_ANSWER)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Mutex;

    use amana_core::model::ledger::Kept;
    use amana_core::model::schema::Schema;
    use amana_core::model::value::Value;

    use super::*;

    struct App(
        std::result::Result<&'static str, AmanaError>,
        Mutex<Option<Json>>,
    );

    impl ConflictResolver for App {
        fn resolve(&self, question: String) -> std::result::Result<String, AmanaError> {
            *self.1.lock().unwrap() = Some(serde_json::from_str(&question).unwrap());
            self.0.clone().map(str::to_owned)
        }
    }

    /// Asks about a name, a JSON column and a truth; the answer, and the question as it arrived.
    fn ask(answer: std::result::Result<&'static str, AmanaError>) -> (Result<Vec<Choice>>, Json) {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require("patients").unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let conflict = |name: &str, base: Value, local: Value, remote: Value| ColumnConflict {
            column: table.position(name).unwrap(),
            base,
            local,
            remote,
            kept: Kept::Local,
            unanswered: false,
        };
        let columns = [
            conflict("given_name", Value::Null, text("a\"b"), text("سلمى")),
            conflict(
                "metadata",
                text("{}"),
                text("{\"n\": 1.50}"),
                text("{\"r\":1}"),
            ),
        ];
        let app = Arc::new(App(answer, Mutex::default()));
        let choices = terms::ConflictResolver::resolve(
            &Asked(app.clone()),
            &ConflictQuestion {
                table,
                id: "p-1",
                columns: &columns,
                local_at_ms: Some(7),
                remote_at_ms: None,
            },
        );
        let question = app.1.lock().unwrap().take().unwrap();
        (choices, question)
    }

    #[test]
    fn the_question_has_values_as_records_have_them() {
        let (choices, question) = ask(Ok("{}"));
        assert_eq!(choices.unwrap(), [Choice::Usual, Choice::Usual]);
        assert_eq!(
            question,
            serde_json::json!({
                "table": "patients", "record_id": "p-1", "local_at_ms": 7, "remote_at_ms": null,
                "columns": [
                    {"column": "given_name", "base": null, "local": "a\"b", "remote": "سلمى"},
                    {"column": "metadata", "base": "{}", "local": "{\"n\": 1.50}", "remote": "{\"r\":1}"},
                ],
            })
        );
    }

    #[test]
    fn an_answer_names_a_side_or_a_value_for_each_column() {
        let answer = r#"{"given_name": "remote", "metadata": {"value": "{\"n\": 1.50}"}}"#;
        let (choices, _) = ask(Ok(answer));
        let choices = choices.unwrap();
        assert_eq!(choices[0], Choice::Remote);
        let json = Value::Text("{\"n\": 1.50}".to_owned());
        assert_eq!(choices[1], Choice::Value(json));
        let (choices, _) = ask(Ok(r#"{"given_name": {"value": "local"}}"#));
        let local = Value::Text("local".to_owned());
        assert_eq!(choices.unwrap(), [Choice::Value(local), Choice::Usual]);
    }

    #[test]
    fn anything_else_is_no_answer() {
        for answer in [
            "",
            "null",
            "\"local\"",
            r#"{"given_name": "ours"}"#,
            r#"{"given_name": {"value": 7}}"#,
            r#"{"given_name": {"value": "x", "more": 1}}"#,
            r#"{"given_name": {}}"#,
            r#"{"phone": "local"}"#,
        ] {
            assert!(ask(Ok(answer)).0.is_err(), "{answer}");
        }
        let thrown: AmanaError = Error::internal("thrown").into();
        assert!(ask(Err(thrown)).0.is_err());
    }
}
