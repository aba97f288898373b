//! Single records and batches: the app's reads and writes.

use amana_core::model::filter::Query;
use amana_core::model::ids::RecordId;
use amana_core::model::row;
use amana_core::model::schema::Schema;
use amana_core::storage::Operation;
use serde_json::{Value as Json, json};

use crate::Result;
use crate::arguments::Arguments;
use crate::outcome::{Outcome, median, timed};
use crate::store::Store;

/// Some edits in one transaction.
pub(super) fn edits(
    arguments: &Arguments,
    store: &Store,
    outcome: &mut Outcome,
    file: &str,
) -> Result<()> {
    let edits = list(arguments.json(file)?);
    outcome.begins();
    let (done, ms) = timed(|| -> Result<()> {
        let operations = edits
            .iter()
            .map(|edit| operation(&store.schema, edit))
            .collect::<Result<_>>()?;
        store.database.apply(operations).wait()?;
        Ok(())
    });
    done?;
    outcome.took(ms);
    Ok(())
}

/// New records, each in a transaction of its own.
pub(super) fn singles(arguments: &Arguments, store: &Store, outcome: &mut Outcome) -> Result<()> {
    let edits = list(arguments.json("singles-1000.json")?);
    outcome.begins();
    let mut each = Vec::with_capacity(edits.len());
    for edit in &edits {
        let (done, ms) = timed(|| -> Result<()> {
            let operation = operation(&store.schema, edit)?;
            store.database.apply(vec![operation]).wait()?;
            Ok(())
        });
        done?;
        each.push(ms);
    }
    outcome.took(each.iter().sum());
    outcome.phase("median_each_ms", median(&mut each));
    Ok(())
}

/// Look-ups by id.
pub(super) fn find(arguments: &Arguments, store: &Store, outcome: &mut Outcome) -> Result<()> {
    let wanted = arguments.json("find-10000.json")?;
    let (index, _) = store.schema.require(text(&wanted, "table")?)?;
    let ids = strings(&wanted["ids"]);
    outcome.begins();
    let (length, ms) = timed(|| -> Result<usize> {
        let mut length = 0;
        for id in &ids {
            let id = RecordId::from_peer(id).ok_or("an id cannot be one")?;
            let found = store.database.get_now(index, &id)?;
            length += found.ok_or("a record is missing")?.len();
        }
        Ok(length)
    });
    outcome.check("bytes", length?);
    outcome.took(ms);
    Ok(())
}

/// Queries on an indexed column, 50 records each.
pub(super) fn query(arguments: &Arguments, store: &Store, outcome: &mut Outcome) -> Result<()> {
    let wanted = arguments.json("query-200.json")?;
    let (index, _) = store.schema.require(text(&wanted, "table")?)?;
    let values = strings(&wanted["values"]);
    let column = text(&wanted, "column")?;
    outcome.begins();
    let mut each = Vec::with_capacity(values.len());
    let mut bytes = 0;
    for value in &values {
        let (page, ms) = timed(|| -> Result<String> {
            let query = json!({"where": {"column": column, "op": "eq", "value": value}});
            let query = Query::parse(&store.schema, index, &query.to_string())?;
            Ok(store.database.query(index, query).wait()?)
        });
        bytes += page?.len();
        each.push(ms);
    }
    outcome.took(each.iter().sum::<f64>() / each.len() as f64);
    outcome.phase("first_ms", each[0]);
    outcome.phase("median_each_ms", median(&mut each));
    outcome.check("bytes", bytes);
    Ok(())
}

/// Whether anything waits to be pushed.
pub(super) fn has_unsynced(store: &Store, outcome: &mut Outcome) -> Result<()> {
    outcome.begins();
    let (waits, ms) = timed(|| store.database.has_unsynced_now());
    outcome.check("r", waits?);
    outcome.took(ms);
    Ok(())
}

/// An edit of the data as the store takes it.
fn operation(schema: &Schema, edit: &Json) -> Result<Operation> {
    let (index, table) = schema.require(text(edit, "table")?)?;
    let id = |edit: &Json| -> Result<RecordId> {
        Ok(RecordId::from_peer(text(edit, "id")?).ok_or("an id cannot be one")?)
    };
    Ok(match text(edit, "op")? {
        "create" => {
            let mut record = edit["record"].as_object().ok_or("no record")?.clone();
            // Only the store sets these; a new record's are false and null in the data, too.
            record.remove("is_deleted");
            record.remove("deleted_at");
            let (id, fields) = row::parse_fields(table, &record)?;
            Operation::Insert {
                table: index,
                id,
                fields,
            }
        }
        "update" => Operation::Update {
            table: index,
            id: id(edit)?,
            fields: row::parse_fields(table, edit["set"].as_object().ok_or("no columns")?)?.1,
        },
        _ => Operation::Delete {
            table: index,
            id: id(edit)?,
        },
    })
}

fn list(json: Json) -> Vec<Json> {
    match json {
        Json::Array(list) => list,
        other => vec![other],
    }
}

fn text<'a>(json: &'a Json, name: &str) -> Result<&'a str> {
    Ok(json[name]
        .as_str()
        .ok_or_else(|| format!("no {name} in the data"))?)
}

fn strings(json: &Json) -> Vec<String> {
    let list = json.as_array().map_or(&[][..], Vec::as_slice);
    list.iter()
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}
