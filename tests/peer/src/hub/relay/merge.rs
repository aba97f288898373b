//! The cloud's rows on their way into the hub's tables.
//!
//! A new row is stamped with its own `updated_at`, not with the time of its arrival, and an
//! update does not move the stamp: a device that has pulled past that time never gets it. A
//! deletion is stamped with the time of its arrival. Whether an older row of the cloud replaces a
//! newer one of the hub is not known of the real hub; here a switch decides.

use rusqlite::types::Value as Stored;
use rusqlite::{Connection, params_from_iter};
use serde_json::Value;

use crate::hub::tables::{self, CREATED, DELETED, MODIFIED, Table};
use crate::value::dates::pushed_instant;

/// Merges a cloud's change set; gives back how many rows and deletions were stored and how many
/// the tables refused.
pub(in crate::hub) fn merge(
    database: &mut Connection,
    changes: &Value,
    now_ms: i64,
    overwrites: bool,
) -> rusqlite::Result<(usize, usize)> {
    let (mut merged, mut refused) = (0, 0);
    let together = database.transaction()?;
    for (name, lists) in changes.as_object().into_iter().flatten() {
        // Tables that the hub does not have are skipped, `undefined` among them.
        let Some(table) = tables::table(name).filter(|table| table.name != "peers") else {
            continue;
        };
        for record in ["created", "updated"]
            .into_iter()
            .flat_map(|list| entries(lists, list))
        {
            match upsert(&together, table, record, overwrites) {
                Ok(()) => merged += 1,
                Err(_) => refused += 1,
            }
        }
        for id in entries(lists, "deleted").filter_map(Value::as_str) {
            merged += delete(&together, table, id, now_ms)?;
        }
    }
    together.commit()?;
    Ok((merged, refused))
}

fn entries<'a>(lists: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    lists
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn upsert(
    database: &Connection,
    table: &Table,
    record: &Value,
    overwrites: bool,
) -> rusqlite::Result<()> {
    let mut names = vec![CREATED, MODIFIED];
    let stamp = match record.get("updated_at").map(stored) {
        Some(Stored::Integer(ms)) => ms,
        _ => 0,
    };
    let mut values = vec![Stored::Integer(stamp), Stored::Integer(stamp)];
    for column in &table.columns {
        if let Some(value) = record.get(column.name) {
            names.push(column.name);
            values.push(stored(value));
        }
    }
    let changes: Vec<String> = names
        .iter()
        .filter(|name| ![CREATED, MODIFIED, "id"].contains(name))
        .map(|name| format!("\"{name}\" = excluded.\"{name}\""))
        .collect();
    let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
    let guard = if overwrites {
        String::new()
    } else {
        // Equal times pass: the cloud changes some columns without it.
        format!(
            "WHERE coalesce(excluded.updated_at >= \"{}\".updated_at, TRUE)",
            table.name
        )
    };
    let sql = format!(
        "INSERT INTO \"{}\" (\"{}\") VALUES ({}) ON CONFLICT (id) DO UPDATE SET {} {guard}",
        table.name,
        names.join("\",\""),
        marks.join(","),
        changes.join(","),
    );
    database
        .prepare_cached(&sql)?
        .execute(params_from_iter(values))?;
    Ok(())
}

fn delete(database: &Connection, table: &Table, id: &str, now_ms: i64) -> rusqlite::Result<usize> {
    let flag = if table.has("is_deleted") {
        ", is_deleted = 1"
    } else {
        ""
    };
    database.execute(
        &format!(
            "UPDATE \"{}\" SET {DELETED} = ?1{flag} WHERE id = ?2",
            table.name
        ),
        (now_ms, id),
    )
}

/// A value of the cloud in the hub's form. Every ISO text becomes epoch ms, in whatever column it
/// stands: a birth ends as the text of a number, since its column is text.
fn stored(value: &Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Bool(truth) => Stored::Integer(i64::from(*truth)),
        Value::Number(number) => number.as_i64().map_or_else(
            || Stored::Real(number.as_f64().unwrap_or_default()),
            Stored::Integer,
        ),
        Value::String(text) if is_instant(text) => match pushed_instant(value, 0) {
            Ok(Some(ms)) => Stored::Integer(ms),
            Ok(None) | Err(_) => Stored::Text(text.clone()),
        },
        Value::String(text) => Stored::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Stored::Text(value.to_string()),
    }
}

/// Whether a text has the form in which the cloud prints instants.
fn is_instant(text: &str) -> bool {
    let form = "dddd-dd-ddTdd:dd:dd.dddZ";
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(got, expected)| match expected {
                b'd' => got.is_ascii_digit(),
                other => got == other,
            })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_instant_becomes_a_number_whatever_its_column() {
        assert_eq!(
            stored(&json!("1980-02-03T00:00:00.000Z")),
            Stored::Integer(318_384_000_000)
        );
        assert_eq!(
            stored(&json!("1980-02-03")),
            Stored::Text("1980-02-03".into())
        );
        assert_eq!(stored(&json!(true)), Stored::Integer(1));
        assert_eq!(stored(&json!({"a": 1})), Stored::Text("{\"a\":1}".into()));
        assert_eq!(stored(&json!("36.60")), Stored::Text("36.60".into()));
    }
}
