//! The description of the tables: which columns, which role each.

use serde_json::Value as Json;

use crate::error::{Doing as _, Error, Result};

/// The tables that travel.
pub struct Schema {
    pub tables: Vec<Table>,
}

/// A table.
pub struct Table {
    pub name: String,
    /// The column with the user whose rows alone a device keeps.
    pub own_rows_only: Option<String>,
    /// Without the id and without hidden ones.
    pub columns: Vec<Column>,
}

/// A column.
pub struct Column {
    pub name: String,
    pub role: Role,
    pub nullable: bool,
    /// The text of a JSON column's default.
    pub default: Option<String>,
}

/// What a column means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Text,
    Reference,
    Json,
    Decimal,
    Day,
    Instant,
    Integer,
    Number,
    Bool,
}

impl Schema {
    /// Hikma's.
    pub fn hikma() -> Result<Self> {
        let text = include_str!("../../../../core/src/model/hikma.json");
        let json: Json = serde_json::from_str(text).doing("the schema")?;
        let tables = array(&json["tables"])
            .filter(|table| table["direction"] != "local")
            .map(table)
            .collect::<Result<_>>()?;
        Ok(Self { tables })
    }
}

fn array(json: &Json) -> impl Iterator<Item = &Json> {
    json.as_array().into_iter().flatten()
}

fn text(json: &Json) -> Option<String> {
    json.as_str().map(str::to_owned)
}

fn table(json: &Json) -> Result<Table> {
    Ok(Table {
        name: text(&json["name"]).ok_or_else(|| Error::new("a table without a name"))?,
        own_rows_only: text(&json["own_rows_only"]),
        columns: array(&json["columns"])
            .filter(|column| column["role"] != "id" && column["hidden"] != true)
            .map(column)
            .collect::<Result<_>>()?,
    })
}

fn column(json: &Json) -> Result<Column> {
    let role = match json["role"].as_str().unwrap_or_default() {
        "text" | "enum" => Role::Text,
        "ref" => Role::Reference,
        "json" => Role::Json,
        "decimal" => Role::Decimal,
        "day" => Role::Day,
        "instant" => Role::Instant,
        "integer" => Role::Integer,
        "number" => Role::Number,
        "bool" => Role::Bool,
        other => {
            return Err(Error::new(format!(
                "a column with the unknown role {other}"
            )));
        }
    };
    Ok(Column {
        name: text(&json["name"]).ok_or_else(|| Error::new("a column without a name"))?,
        role,
        nullable: json["nullable"] == true,
        default: text(&json["default"]),
    })
}
