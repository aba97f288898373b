//! Queries as the app gives them: a small closed form, never SQL.
//!
//! ```json
//! {"where": {"and": [{"column": "surname", "op": "startsWith", "value": "Kh"},
//!                    {"not": {"column": "camp", "op": "in", "value": ["North"]}}]},
//!  "order": [{"column": "surname", "descending": false}], "limit": 50, "offset": 0,
//!  "include": [{"column": "clinic_id"}, {"table": "visits", "column": "patient_id"}]}
//! ```
//!
//! `include` is in `model::include`.

use serde::Deserialize;
use serde_json::Value as Json;

use super::ids::RecordId;
use super::include::{Include, IncludeJson};
use super::object::Object;
use super::row;
use super::schema::{Role, Schema, Table, TableIndex};
use super::value::Value;
use crate::error::{Error, Result};

/// The most rows of one page.
pub const MAX_PAGE_ROWS: u32 = 10_000;
/// The rows of a page where the query does not say.
pub const DEFAULT_PAGE_ROWS: u32 = 1_000;
const MAX_DEPTH: usize = 32;
/// SQLite binds at most 32,766 values and nests at most 1,000 expressions deep.
const MAX_VALUES: usize = 30_000;
const MAX_LEAVES: usize = 500;
const MAX_ORDER: usize = 16;
const MAX_PATTERN_BYTES: usize = 16 * 1024;
const MAX_QUERY_BYTES: usize = 4 * 1024 * 1024;

/// How a value is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal; null is not equal to any value.
    Ne,
    /// Less than.
    Lt,
    /// Less than or equal.
    Lte,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Gte,
}

/// A condition on one record.
#[derive(Clone, PartialEq, Debug)]
pub enum Condition {
    /// All of them; true where there are none.
    And(Vec<Condition>),
    /// Any of them; false where there are none.
    Or(Vec<Condition>),
    /// Exactly the records that it does not fit: also those where a column holds null.
    Not(Box<Condition>),
    /// A column against a value.
    Compare(usize, Comparison, Value),
    /// A column against a list.
    In(usize, Vec<Value>),
    /// A column holds null, or does not.
    IsNull(usize, bool),
    /// Text that begins so, without regard to the case of ASCII letters.
    StartsWith(usize, String),
    /// Text that holds it, without regard to the case of ASCII letters.
    Contains(usize, String),
}

/// A checked query on one table.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    /// Which records.
    pub condition: Condition,
    /// Columns to order by, and whether descending; the id is always the last.
    pub order: Vec<(usize, bool)>,
    /// The most rows of the page.
    pub limit: u32,
    /// How many rows to pass over.
    pub offset: u32,
    /// Related records that the page brings along.
    pub include: Vec<Include>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryJson {
    #[serde(rename = "where")]
    condition: Option<ConditionJson>,
    #[serde(default)]
    order: Vec<Object<OrderJson>>,
    limit: Option<u32>,
    #[serde(default)]
    offset: u32,
    #[serde(default)]
    include: Vec<Object<IncludeJson>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrderJson {
    column: String,
    #[serde(default)]
    descending: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ConditionJson {
    And(Object<AndJson>),
    Or(Object<OrJson>),
    Not(Object<NotJson>),
    Leaf(Object<LeafJson>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AndJson {
    and: Vec<ConditionJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrJson {
    or: Vec<ConditionJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NotJson {
    not: Box<ConditionJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LeafJson {
    column: String,
    op: OpJson,
    #[serde(default)]
    value: Json,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "camelCase")]
enum OpJson {
    Eq,
    Ne,
    Lt,
    Lte,
    Gt,
    Gte,
    In,
    IsNull,
    StartsWith,
    Contains,
}

impl Query {
    /// Reads and checks a query on a table of this schema. Errors name table and column; they are
    /// `invalid_input`, or `forbidden_table` where records are to be included that are never stored.
    pub fn parse(schema: &Schema, index: TableIndex, text: &str) -> Result<Self> {
        let table = schema.table(index);
        if text.len() > MAX_QUERY_BYTES {
            return Err(Error::invalid("the query is too long").at(table.name.as_str()));
        }
        let json: Object<QueryJson> = serde_json::from_str(text).map_err(|_| {
            Error::invalid("the query has not the form of a query").at(&*table.name)
        })?;
        let condition = match &json.condition {
            Some(condition) => {
                let mut size = Size::default();
                size.measure(condition);
                if size.leaves > MAX_LEAVES || size.values > MAX_VALUES {
                    return Err(Error::invalid("the query is too large").at(table.name.as_str()));
                }
                check(table, condition, 0)?
            }
            None => Condition::And(Vec::new()),
        };
        if json.order.len() > MAX_ORDER {
            return Err(Error::invalid("a query orders by at most 16 columns").at(&*table.name));
        }
        let order = json
            .order
            .iter()
            .map(|o| Ok((table.visible(&o.column)?.0, o.descending)))
            .collect::<Result<_>>()?;
        let limit = json.limit.unwrap_or(DEFAULT_PAGE_ROWS);
        if limit == 0 || limit > MAX_PAGE_ROWS {
            return Err(Error::invalid("limit is from 1 to 10000").at(table.name.as_str()));
        }
        Ok(Self {
            condition,
            order,
            limit,
            offset: json.offset,
            include: Include::check_all(schema, index, &json.include)?,
        })
    }
}

/// How much a query asks of SQLite.
#[derive(Default)]
struct Size {
    leaves: usize,
    values: usize,
}

impl Size {
    fn measure(&mut self, json: &ConditionJson) {
        match json {
            ConditionJson::And(list) => list.and.iter().for_each(|c| self.measure(c)),
            ConditionJson::Or(list) => list.or.iter().for_each(|c| self.measure(c)),
            ConditionJson::Not(one) => self.measure(&one.not),
            ConditionJson::Leaf(leaf) => {
                self.leaves += 1;
                self.values += leaf.value.as_array().map_or(1, Vec::len);
            }
        }
    }
}

fn check(table: &Table, json: &ConditionJson, depth: usize) -> Result<Condition> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid("the query is nested too deep").at(table.name.as_str()));
    }
    let all = |list: &[ConditionJson]| -> Result<Vec<Condition>> {
        list.iter().map(|c| check(table, c, depth + 1)).collect()
    };
    match json {
        ConditionJson::And(list) => all(&list.and).map(Condition::And),
        ConditionJson::Or(list) => all(&list.or).map(Condition::Or),
        ConditionJson::Not(one) => {
            check(table, &one.not, depth + 1).map(|c| Condition::Not(Box::new(c)))
        }
        ConditionJson::Leaf(leaf) => check_leaf(table, leaf),
    }
}

fn check_leaf(table: &Table, leaf: &LeafJson) -> Result<Condition> {
    let (position, column) = table.visible(&leaf.column)?;
    let wrong = |detail| Error::invalid(detail).at(table.place(position));
    let compare = |comparison| {
        let value = operand(table, position, &leaf.value)?;
        Ok(Condition::Compare(position, comparison, value))
    };
    match leaf.op {
        OpJson::Eq => compare(Comparison::Eq),
        OpJson::Ne => compare(Comparison::Ne),
        OpJson::Lt => compare(Comparison::Lt),
        OpJson::Lte => compare(Comparison::Lte),
        OpJson::Gt => compare(Comparison::Gt),
        OpJson::Gte => compare(Comparison::Gte),
        OpJson::In => {
            let list = leaf
                .value
                .as_array()
                .ok_or_else(|| wrong("in needs a list"))?;
            let values = list
                .iter()
                .map(|v| operand(table, position, v))
                .collect::<Result<_>>()?;
            Ok(Condition::In(position, values))
        }
        OpJson::IsNull => match &leaf.value {
            Json::Null => Ok(Condition::IsNull(position, true)),
            Json::Bool(wanted) => Ok(Condition::IsNull(position, *wanted)),
            _ => Err(wrong("isNull takes true or false")),
        },
        OpJson::StartsWith | OpJson::Contains => {
            let texty = !matches!(
                column.role,
                Role::Integer | Role::Number | Role::Bool | Role::Instant
            );
            let text = leaf.value.as_str().filter(|_| texty);
            let text = text
                .ok_or_else(|| wrong("text is searched in text columns"))?
                .to_owned();
            if text.len() > MAX_PATTERN_BYTES {
                return Err(wrong("the text to search for is longer than 16 KiB"));
            }
            Ok(if leaf.op == OpJson::StartsWith {
                Condition::StartsWith(position, text)
            } else {
                Condition::Contains(position, text)
            })
        }
    }
}

/// The value that a column is compared with. Null has an operator of its own.
fn operand(table: &Table, position: usize, json: &Json) -> Result<Value> {
    let column = &table.columns[position];
    if json.is_null() {
        return Err(Error::invalid("compare with null by isNull").at(table.place(position)));
    }
    match column.role {
        // Any text may be looked for, also one that could not be stored.
        Role::Text | Role::Enum | Role::Json => json
            .as_str()
            .map(|text| Value::Text(text.to_owned()))
            .ok_or_else(|| Error::invalid("text is expected").at(table.place(position))),
        Role::Id => json
            .as_str()
            .and_then(RecordId::from_peer)
            .map(|id| Value::Text(id.into_string()))
            .ok_or_else(|| Error::invalid("an id is expected").at(table.place(position))),
        // Also a number that is too large to be stored.
        Role::Decimal => row::decimal_text(json).map(Value::Text).ok_or_else(|| {
            Error::invalid("a decimal number is expected").at(table.place(position))
        }),
        _ => row::parse_value(table, position, json),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Query> {
        let schema = Schema::hikma().unwrap();
        Query::parse(&schema, schema.find("patients").unwrap(), text)
    }

    #[test]
    fn reads_the_closed_form() {
        let query = parse(
            r#"{"where":{"or":[{"column":"sex","op":"eq","value":"female"},
                {"and":[{"column":"camp","op":"isNull"},{"column":"id","op":"in","value":["a"]}]}]},
                "order":[{"column":"surname","descending":true}],"limit":5,"offset":10}"#,
        )
        .unwrap();
        assert!(matches!(query.condition, Condition::Or(ref list) if list.len() == 2));
        assert!(query.include.is_empty());
        assert_eq!((query.limit, query.offset, query.order.len()), (5, 10, 1));
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "[]",
            r#"{"sql":"1=1"}"#,
            r#"{"limit":0}"#,
            r#"{"limit":10001}"#,
            r#"{"offset":-1}"#,
            r#"{"where":{"column":"nope","op":"eq","value":1}}"#,
            r#"{"where":{"column":"image_timestamp","op":"isNull"}}"#,
            r#"{"where":{"column":"sex","op":"like","value":"%"}}"#,
            r#"{"where":{"column":"sex","op":"eq","value":null}}"#,
            r#"{"where":{"column":"created_at","op":"contains","value":"1"}}"#,
            r#"{"order":[{"column":"x; DROP TABLE patients"}]}"#,
            r#"[null,[],5,0,[]]"#,
            r#"{"where":["sex","isNull"]}"#,
            r#"{"where":[[]]}"#,
            r#"{"order":[["sex",true]]}"#,
            r#"{"include":[["clinic_id","x"]]}"#,
            r#"{"where":{"not":[{"column":"sex","op":"isNull"}]}}"#,
            r#"{"where":{"not":{"column":"nope","op":"isNull"}}}"#,
            r#"{"where":{"not":{"column":"sex","op":"isNull"},"and":[]}}"#,
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let leaves = vec![r#"{"column":"sex","op":"isNull"}"#; 501].join(",");
        let values = vec!["\"a\""; 30_001].join(",");
        let pattern = "x".repeat(16 * 1024 + 1);
        for large in [
            format!(r#"{{"where":{{"and":[{leaves}]}}}}"#),
            format!(r#"{{"where":{{"column":"id","op":"in","value":[{values}]}}}}"#),
            format!(r#"{{"where":{{"column":"sex","op":"contains","value":"{pattern}"}}}}"#),
            format!(
                r#"{{"order":[{}]}}"#,
                vec![r#"{"column":"sex"}"#; 17].join(",")
            ),
        ] {
            assert!(parse(&large).is_err());
        }
        let deep = format!(
            r#"{{"where":{}{{"column":"sex","op":"isNull"}}{}}}"#,
            r#"{"and":["#.repeat(40),
            "]}".repeat(40)
        );
        assert!(parse(&deep).is_err());
    }

    #[test]
    fn a_negation_counts_as_a_level() {
        let nested = |levels: usize| {
            parse(&format!(
                r#"{{"where":{}{{"column":"sex","op":"isNull"}}{}}}"#,
                r#"{"not":"#.repeat(levels),
                "}".repeat(levels)
            ))
        };
        assert!(matches!(nested(1).unwrap().condition, Condition::Not(_)));
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).is_err());
    }
}
