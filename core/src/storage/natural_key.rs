//! Tables in which a peer knows a record by other columns than its id, such as one attribute of one
//! patient: the peer keeps the id that it met first, and that id is taken over here.

use rusqlite::{OptionalExtension, params_from_iter};

use super::errors::MapSqlite;
use super::table_sql::quote;
use super::transaction::WriteTransaction;
use super::{absent, conflicts, origins, outbox, records, sent};
use crate::error::{Error, Result};
use crate::model::change_set::{OutboxEntry, OutboxKind};
use crate::model::ids::RecordId;
use crate::model::schema::{Column, Role, TableIndex};
use crate::model::value::Value;

/// The record that has these values in the key's columns under another id.
pub(super) fn holder(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    id: &str,
    value_of: impl Fn(usize) -> Option<Value>,
) -> Result<Option<RecordId>> {
    let table = tx.context.schema.table(index);
    let mut values = Vec::with_capacity(table.natural_key.len() + 1);
    let mut conditions = String::new();
    for position in &table.natural_key {
        match value_of(*position) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => values.push(value),
        }
        let name = quote(&table.columns[*position].name);
        conditions.push_str(&format!("{name} = ? AND "));
    }
    if values.is_empty() {
        return Ok(None);
    }
    values.push(Value::Text(id.to_owned()));
    let sql = format!(
        "SELECT id FROM {} WHERE {conditions} id <> ? LIMIT 1",
        quote(&table.name)
    );
    let found: Option<String> = tx
        .connection
        .prepare_cached(&sql)
        .map_sqlite()?
        .query_row(params_from_iter(&values), |row| row.get(0))
        .optional()
        .map_sqlite()?;
    Ok(found.as_deref().and_then(RecordId::from_peer))
}

/// Gives a record the id that the peer has for it; what refers to it, and what waits of it, follow.
/// Where a record of that id is stored as well, the edits of the other become edits of it.
///
/// What other peers have taken of the old id is forgotten: they do not know the record by the new one,
/// and are sent what waits of it under that. What another peer said of it goes along, so that an older
/// version of this peer does not replace it.
pub(super) fn adopt(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    from: &RecordId,
    to: &RecordId,
    theirs: impl Fn(usize) -> Option<Value>,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    let (from_id, to_id) = (from.as_str(), to.as_str());
    let ours = records::get(tx.connection, tx.context, index, from)?
        .ok_or(Error::internal("a record went while it was renamed"))?;
    let stored = records::get(tx.connection, tx.context, index, to)?;
    let entry = outbox::find(tx.connection, table, from_id)?.map(|entry| {
        let known = |position: usize| {
            theirs(position).or_else(|| stored.as_ref().and_then(|row| row.get(position).cloned()))
        };
        as_edit(&table.columns, entry, &ours, known)
    });
    records::remove_row(tx.connection, tx.context, index, from_id)?;
    let mut record = stored.clone().unwrap_or_else(|| ours.clone());
    record[0] = Value::Text(to_id.to_owned());
    if let Some(entry) = &entry {
        for (position, _) in &entry.base {
            record[*position] = ours[*position].clone();
        }
    }
    if stored.is_some() {
        records::remove_row(tx.connection, tx.context, index, to_id)?;
    }
    records::insert_row(tx.connection, tx.context, index, &record)?;
    match entry {
        Some(entry) if !entry.base.is_empty() => {
            outbox::rename(tx.connection, table, from_id, to_id, &entry)?;
        }
        _ => outbox::remove(tx.connection, &table.name, from_id, OutboxKind::Updated)?,
    }
    sent::rename(tx.connection, &table.name, from_id, to_id)?;
    conflicts::rename(tx.connection, &table.name, from_id, to_id)?;
    // The peer shows it, by this id; what was noted of the other is over.
    absent::unmark(tx.connection, &table.name, from_id)?;
    if stored.is_none() {
        origins::rename(tx.connection, &table.name, from_id, to_id)?;
    } else {
        origins::forget(tx.connection, &table.name, from_id)?;
    }
    follow(tx, index, from_id, to_id)?;
    tx.touch(index, from_id);
    tx.touch(index, to_id);
    Ok(())
}

/// A record that was made here is compared with a peer's record of the same key, under whichever id:
/// what was put into it counts as changed.
pub(super) fn compare_as_edit(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
    theirs: impl Fn(usize) -> Option<Value>,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    let Some(ours) = records::get(tx.connection, tx.context, index, id)? else {
        return Ok(());
    };
    let Some(entry) = outbox::find(tx.connection, table, id.as_str())? else {
        return Ok(());
    };
    if entry.kind != OutboxKind::Created {
        return Ok(());
    }
    let mut base = entry.base.clone();
    for (position, before) in as_edit(&table.columns, entry, &ours, theirs).base {
        if base.iter().all(|(known, _)| *known != position) {
            base.push((position, before));
        }
    }
    outbox::set_base(tx.connection, table, id.as_str(), &base)
}

/// What was made here is an edit of the peer's record: of the columns in which something was put
/// that the peer does not have.
fn as_edit(
    columns: &[Column],
    entry: OutboxEntry,
    ours: &[Value],
    theirs: impl Fn(usize) -> Option<Value>,
) -> OutboxEntry {
    if entry.kind != OutboxKind::Created {
        return entry;
    }
    let known = |position: usize| entry.base.iter().find(|(at, _)| *at == position);
    let base = columns.iter().enumerate().filter_map(|(position, column)| {
        let value = &ours[position];
        let is_ours = column.pushed && !column.hidden && !is_kept_by_store(column);
        // What was emptied here is empty for the peer's record too.
        let put = is_ours && !(value.is_null() && known(position).is_none());
        let before = || known(position).map_or(Value::Null, |(_, before)| before.clone());
        let theirs = theirs(position).unwrap_or(Value::Null);
        (put && theirs != *value).then(|| (position, before()))
    });
    OutboxEntry {
        kind: OutboxKind::Updated,
        revision: entry.revision,
        base: base.collect(),
    }
}

/// Whether it is the stores' own, and says which record it is and when it was changed.
pub(super) fn is_kept_by_store(column: &Column) -> bool {
    matches!(column.role, Role::Id | Role::Instant)
        && matches!(
            column.name.as_str(),
            "id" | "created_at" | "updated_at" | "last_modified" | "server_created_at"
        )
}

/// References to the old id lead to the new one.
pub(super) fn follow(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    from: &str,
    to: &str,
) -> Result<()> {
    let context = tx.context;
    let name = &context.schema.table(index).name;
    for (other, table) in context.schema.tables() {
        let referring = table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.references.as_ref() == Some(name));
        for (position, column) in referring {
            let sql = format!(
                "SELECT id FROM {} WHERE {} = ?",
                quote(&table.name),
                quote(&column.name)
            );
            let ids: Vec<String> = {
                let mut statement = tx.connection.prepare_cached(&sql).map_sqlite()?;
                let ids = statement.query_map([from], |row| row.get(0)).map_sqlite()?;
                ids.collect::<rusqlite::Result<_>>().map_sqlite()?
            };
            for id in ids {
                let cells = [(position, Value::Text(to.to_owned()))];
                records::write_cells(tx.connection, table, &id, &cells)?;
                tx.touch(other, &id);
            }
        }
    }
    Ok(())
}
