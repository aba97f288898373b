//! Reads a schema from JSON and checks it. Errors name the place by JSON pointer.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::json_text;
use super::schema::{Child, Column, Direction, Role, Schema, Table, TableIndex};
use crate::error::{Error, Result};

/// The largest schema text, in bytes.
pub const MAX_SCHEMA_BYTES: usize = 4 * 1024 * 1024;
const MAX_TABLES: usize = 200;
const MAX_COLUMNS: usize = 200;
const MAX_NAME_BYTES: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaJson {
    version: u32,
    #[serde(default)]
    never_tables: Vec<String>,
    #[serde(default)]
    never_columns: Vec<String>,
    tables: Vec<TableJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TableJson {
    name: String,
    direction: Direction,
    columns: Vec<ColumnJson>,
    #[serde(default)]
    children: Vec<ChildJson>,
    #[serde(default)]
    natural_key: Vec<String>,
    #[serde(default = "yes")]
    deletions_announced: bool,
    #[serde(default = "yes")]
    updates_announced: bool,
    #[serde(default)]
    push_stage: u8,
    own_rows_only: Option<String>,
    #[serde(default)]
    whole_history: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnJson {
    name: String,
    role: Role,
    #[serde(default)]
    nullable: bool,
    #[serde(default)]
    indexed: bool,
    #[serde(rename = "ref")]
    references: Option<String>,
    #[serde(default)]
    must_exist: bool,
    default: Option<String>,
    max_chars: Option<u32>,
    precision: Option<(u32, u32)>,
    #[serde(default = "yes")]
    push: bool,
    #[serde(default)]
    hidden: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChildJson {
    table: String,
    column: String,
}

const fn yes() -> bool {
    true
}

/// Every device refuses these, whatever an app's schema says.
const NEVER_TABLES: [&str; 7] = [
    "users",
    "clinicians",
    "devices",
    "undefined",
    "device_pin_codes",
    "tokens",
    "server_variables",
];
const NEVER_COLUMNS: [&str; 7] = [
    "hashed_password",
    "password",
    "api_key_hash",
    "pin_hash",
    "pin_code_hash",
    "token",
    "instance_url",
];

pub(super) fn parse(text: &str) -> Result<Schema> {
    if text.len() > MAX_SCHEMA_BYTES {
        return Err(Error::invalid("the schema is larger than 4 MiB"));
    }
    let mut json: SchemaJson = serde_json::from_str(text).map_err(|e| {
        Error::invalid("the schema has not the form of a schema").at(format!(
            "line {}, column {}",
            e.line(),
            e.column()
        ))
    })?;
    if json.version == 0 {
        return Err(Error::invalid("the version starts at 1").at("/version"));
    }
    if json.tables.is_empty() || json.tables.len() > MAX_TABLES {
        return Err(Error::invalid("a schema has 1 to 200 tables").at("/tables"));
    }
    add_missing(&mut json.never_tables, &NEVER_TABLES);
    add_missing(&mut json.never_columns, &NEVER_COLUMNS);

    let mut by_name = HashMap::new();
    for (i, table) in json.tables.iter().enumerate() {
        let at = format!("/tables/{i}/name");
        check_name(&table.name, &at)?;
        if json.never_tables.contains(&table.name) {
            return Err(Error::invalid("this table must never be stored").at(at));
        }
        if by_name
            .insert(table.name.clone(), TableIndex(i as u16))
            .is_some()
        {
            return Err(Error::invalid("two tables have the same name").at(at));
        }
    }
    let mut tables = json
        .tables
        .iter()
        .enumerate()
        .map(|(i, table)| read_table(&json, table, i))
        .collect::<Result<Vec<_>>>()?;
    link(&json, &by_name, &mut tables)?;
    Ok(Schema::new(
        json.version,
        json.never_tables,
        json.never_columns,
        tables,
        by_name,
    ))
}

fn add_missing(list: &mut Vec<String>, required: &[&str]) {
    for name in required {
        if !list.iter().any(|n| n == name) {
            list.push((*name).to_owned());
        }
    }
}

/// Names go into SQL between quotes, and into errors: lower-case ASCII only.
fn check_name(name: &str, at: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !first || !rest || name.len() > MAX_NAME_BYTES {
        return Err(Error::invalid("a name is a-z, 0-9 and _, at most 64, a letter first").at(at));
    }
    if name.starts_with("amana_") || name.starts_with("sqlite_") {
        return Err(Error::invalid("names with this beginning are taken").at(at));
    }
    Ok(())
}

fn read_table(schema: &SchemaJson, json: &TableJson, index: usize) -> Result<Table> {
    let at = format!("/tables/{index}/columns");
    if json.columns.len() > MAX_COLUMNS {
        return Err(Error::invalid("a table has at most 200 columns").at(at));
    }
    let mut seen = HashSet::new();
    let columns = json
        .columns
        .iter()
        .enumerate()
        .map(|(c, column)| {
            let at = format!("{at}/{c}");
            if !seen.insert(column.name.as_str()) {
                return Err(Error::invalid("two columns have the same name").at(at));
            }
            if schema.never_columns.contains(&column.name) {
                return Err(Error::invalid("this column must never be stored").at(at));
            }
            read_column(column, &at)
        })
        .collect::<Result<Vec<_>>>()?;
    let ids = columns.iter().filter(|c| c.role == Role::Id).count();
    if ids != 1
        || columns
            .first()
            .is_none_or(|c| c.role != Role::Id || c.name != "id")
    {
        return Err(Error::invalid("the first column, and only that, is id with role id").at(at));
    }
    let mut table = Table::new(json.name.clone(), json.direction, columns);
    table.deletions_announced = json.deletions_announced;
    table.updates_announced = json.updates_announced;
    table.push_stage = json.push_stage;
    table.whole_history = json.whole_history;
    Ok(table)
}

fn read_column(json: &ColumnJson, at: &str) -> Result<Column> {
    check_name(&json.name, &format!("{at}/name"))?;
    let role = json.role;
    let default = match (role, &json.default) {
        (Role::Json, None) => Some("{}".to_owned()),
        (Role::Json, Some(text)) if json_text::is_json(text) && text.starts_with(['{', '[']) => {
            Some(text.clone())
        }
        (_, None) => None,
        _ => {
            return Err(
                Error::invalid("only json columns have a default, an array or object")
                    .at(format!("{at}/default")),
            );
        }
    };
    if role == Role::Id && json.nullable {
        return Err(Error::invalid("the id is never null").at(format!("{at}/nullable")));
    }
    if let Some((digits, scale)) = json.precision
        && (role != Role::Decimal || scale > digits || digits > 38)
    {
        return Err(Error::invalid("precision is digits and scale of a decimal")
            .at(format!("{at}/precision")));
    }
    Ok(Column {
        name: json.name.clone(),
        role,
        nullable: json.nullable,
        indexed: json.indexed,
        references: json.references.clone(),
        must_exist: json.must_exist,
        default,
        max_chars: json.max_chars,
        precision: json.precision,
        pushed: json.push && role != Role::Id,
        hidden: json.hidden,
    })
}

/// Resolves the names that tables use of each other.
fn link(
    json: &SchemaJson,
    by_name: &HashMap<String, TableIndex>,
    tables: &mut [Table],
) -> Result<()> {
    for (i, source) in json.tables.iter().enumerate() {
        for (c, child) in source.children.iter().enumerate() {
            let at = format!("/tables/{i}/children/{c}");
            let table = *by_name
                .get(&child.table)
                .ok_or_else(|| Error::invalid("unknown table").at(format!("{at}/table")))?;
            if usize::from(table.0) == i {
                return Err(Error::invalid("a table is not its own child").at(at));
            }
            let column = tables[usize::from(table.0)]
                .position(&child.column)
                .ok_or_else(|| Error::invalid("unknown column").at(format!("{at}/column")))?;
            // A deletion looks the children up by it.
            tables[usize::from(table.0)].columns[column].indexed = true;
            tables[i].children.push(Child { table, column });
        }
        for (k, name) in source.natural_key.iter().enumerate() {
            let position = tables[i].position(name).ok_or_else(|| {
                Error::invalid("unknown column").at(format!("/tables/{i}/natural_key/{k}"))
            })?;
            tables[i].natural_key.push(position);
        }
        if let Some(name) = &source.own_rows_only {
            let position = tables[i].position(name).ok_or_else(|| {
                Error::invalid("unknown column").at(format!("/tables/{i}/own_rows_only"))
            })?;
            tables[i].own_rows_only = Some(position);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::error::ErrorCode;
    use crate::model::schema::{Direction, Schema};

    #[test]
    fn the_built_in_schema_is_valid() {
        let schema = Schema::hikma().unwrap();
        assert_eq!(schema.version, 9);
        let both: Vec<_> = schema
            .tables()
            .filter(|(_, t)| t.direction == Direction::Both)
            .map(|(_, t)| t.name.as_str())
            .collect();
        assert_eq!(both.len(), 10);
        let position = |name| both.iter().position(|t| *t == name).unwrap();
        assert!(position("patients") < position("visits"));
        assert!(position("prescription_items") < position("dispensing_records"));
        let patients = schema.table(schema.find("patients").unwrap());
        assert_eq!(patients.children.len(), 8);
        assert!(schema.is_forbidden_table("users"));
        assert!(schema.is_forbidden_column("hashed_password"));
    }

    #[test]
    fn mistakes_are_named_by_place() {
        let with =
            |tables: &str| Schema::from_json(&format!(r#"{{"version":1,"tables":[{tables}]}}"#));
        let id = r#"{"name":"id","role":"id"}"#;
        for (tables, place) in [
            (
                format!(r#"{{"name":"Users","direction":"both","columns":[{id}]}}"#),
                "/tables/0/name",
            ),
            (
                format!(r#"{{"name":"users","direction":"both","columns":[{id}]}}"#),
                "/tables/0/name",
            ),
            (
                format!(r#"{{"name":"amana_x","direction":"both","columns":[{id}]}}"#),
                "/tables/0/name",
            ),
            (
                r#"{"name":"a","direction":"both","columns":[]}"#.to_owned(),
                "/tables/0/columns",
            ),
            (
                format!(
                    r#"{{"name":"a","direction":"both","columns":[{id},{{"name":"password","role":"text"}}]}}"#
                ),
                "/tables/0/columns/1",
            ),
            (
                format!(
                    r#"{{"name":"a","direction":"both","columns":[{id}],"children":[{{"table":"b","column":"a"}}]}}"#
                ),
                "/tables/0/children/0/table",
            ),
            (
                format!(
                    r#"{{"name":"a","direction":"both","columns":[{id},{{"name":"x","role":"text","default":"1"}}]}}"#
                ),
                "/tables/0/columns/1/default",
            ),
        ] {
            let error = with(&tables).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidInput);
            assert_eq!(error.place(), Some(place), "{tables}");
        }
        for text in [
            "",
            "{}",
            "[]",
            r#"{"version":0,"tables":[]}"#,
            r#"{"version":1,"tables":[]}"#,
        ] {
            assert!(Schema::from_json(text).is_err(), "{text}");
        }
        assert!(Schema::from_json(&" ".repeat(super::MAX_SCHEMA_BYTES + 1)).is_err());
    }
}
