//! Local writes and look-ups by id. Each write puts its outbox entry in the same transaction.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection, ToSql};

use super::errors::MapSqlite;
use super::transaction::{Context, WriteTransaction};
use super::values::{self, Placed};
use super::{absent, aside, buried, natural_key, outbox, table_sql};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxEntry, OutboxKind};
use crate::model::ids::RecordId;
use crate::model::room;
use crate::model::row::{self, Fields};
use crate::model::schema::{Column, Direction, Role, Table, TableIndex};
use crate::model::value::Value;

/// One local write, checked against the schema.
#[derive(Clone, PartialEq, Debug)]
pub enum Operation {
    /// Makes a record; columns that are not named get their defaults.
    Insert {
        /// The table.
        table: TableIndex,
        /// The id, where the app gives one.
        id: Option<RecordId>,
        /// The columns given.
        fields: Fields,
    },
    /// Changes the named columns of a record.
    Update {
        /// The table.
        table: TableIndex,
        /// The record.
        id: RecordId,
        /// The columns given.
        fields: Fields,
    },
    /// Deletes a record and its declared children.
    Delete {
        /// The table.
        table: TableIndex,
        /// The record.
        id: RecordId,
    },
}

/// Carries an operation out and returns the record's id.
pub(super) fn apply(tx: &mut WriteTransaction<'_>, operation: Operation) -> Result<RecordId> {
    match operation {
        Operation::Insert { table, id, fields } => insert(tx, table, id, fields),
        Operation::Update { table, id, fields } => update(tx, table, &id, fields).map(|()| id),
        Operation::Delete { table, id } => delete(tx, table, &id).map(|()| id),
    }
}

/// A record by id.
pub(super) fn get(
    connection: &Connection,
    context: &Context,
    table: TableIndex,
    id: &RecordId,
) -> Result<Option<Vec<Value>>> {
    let found = get_placed(connection, context, table, id)?;
    Ok(found.map(|found| found.record))
}

/// A record by id, and where it lies.
pub(super) fn get_placed(
    connection: &Connection,
    context: &Context,
    table: TableIndex,
    id: &RecordId,
) -> Result<Option<Placed>> {
    let mut statement = connection
        .prepare_cached(&context.sql.table(table).find)
        .map_sqlite()?;
    values::find(&mut statement, context.schema.table(table), id.as_str())
}

pub(super) fn insert(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: Option<RecordId>,
    fields: Fields,
) -> Result<RecordId> {
    let table = tx.context.schema.table(index);
    check_writable(table)?;
    check_fields(table, &fields)?;
    let id_is_chosen = id.is_some();
    let mut id = match id {
        Some(id) => id,
        None => RecordId::make(&*tx.context.clock, &*tx.context.entropy)?,
    };
    let now = tx.record_time_ms();
    let mut record: Vec<Option<Value>> = table
        .columns
        .iter()
        .map(|column| row::default_value(column, now))
        .collect();
    record[0] = Some(Value::Text(id.as_str().to_owned()));
    for (position, value) in fields {
        record[position] = Some(value);
    }
    let mut record = record
        .into_iter()
        .enumerate()
        .map(|(i, value)| {
            value.ok_or_else(|| Error::invalid("this column needs a value").at(table.place(i)))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut base = Vec::new();
    if !table.natural_key.is_empty() {
        check_key(tx, index, id.as_str(), &record)?;
        base = buried::given_again(tx, index, &mut record, id_is_chosen)?;
        id = record[0]
            .as_text()
            .and_then(RecordId::from_peer)
            .unwrap_or(id);
    }
    if get(tx.connection, tx.context, index, &id)?.is_some()
        || outbox::find(tx.connection, table, id.as_str())?.is_some()
    {
        return Err(Error::invalid("a record with this id exists already").at(&*table.name));
    }
    room::check_new(table, &record)?;
    insert_row(tx.connection, tx.context, index, &record)?;
    let place = tx.connection.last_insert_rowid();
    let revision = tx.next_revision();
    if table.direction == Direction::Both {
        let entry = OutboxEntry {
            kind: OutboxKind::Created,
            revision,
            base,
        };
        // Looked for above: there is none.
        outbox::add(tx.connection, table, id.as_str(), &entry, Some(place))?;
    }
    tx.touch(index, id.as_str());
    Ok(id)
}

/// The peer keeps one record for each key: it would write a second one over the first.
fn check_key(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    id: &str,
    record: &[Value],
) -> Result<()> {
    let table = tx.context.schema.table(index);
    if natural_key::holder(tx, index, id, |position| record.get(position).cloned())?.is_some() {
        return Err(Error::invalid("a record with this key exists already").at(&*table.name));
    }
    Ok(())
}

fn update(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
    fields: Fields,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    check_writable(table)?;
    check_fields(table, &fields)?;
    change(tx, index, id, fields)
}

/// Changes columns as somebody's edit, whoever may set them.
pub(super) fn change(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
    fields: Fields,
) -> Result<()> {
    edit(tx, index, id, fields, None)
}

/// The same for a record that a peer took and does not have: it is sent once more, also where
/// nothing changes. `base` is what was sent of it then: the columns with what they held before,
/// none for a new record.
pub(super) fn send_again(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
    fields: Fields,
    base: Fields,
) -> Result<()> {
    edit(tx, index, id, fields, Some(base))
}

fn edit(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
    fields: Fields,
    again: Option<Fields>,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    let Placed {
        place,
        record: stored,
    } = get_placed(tx.connection, tx.context, index, id)?.ok_or_else(|| not_found(table))?;
    let mut cells: Fields = fields
        .into_iter()
        .filter(|(position, value)| stored[*position] != *value)
        .collect();
    if cells.is_empty() && again.is_none() {
        return Ok(());
    }
    room::check_edit(table, &stored, &cells)?;
    let changed: Vec<usize> = cells.iter().map(|(position, _)| *position).collect();
    if changed
        .iter()
        .any(|position| table.natural_key.contains(position))
    {
        let mut record = stored.clone();
        for (position, value) in &cells {
            record[*position] = value.clone();
        }
        check_key(tx, index, id.as_str(), &record)?;
    }
    if let Some(position) = table.updated_at() {
        // Strictly later than anything known of the record: a peer drops an edit that is not.
        let known = stored[position].as_integer().unwrap_or(0);
        let time = tx.record_time_after(known);
        cells.push((position, Value::Integer(time)));
    }
    if !cells.is_empty() {
        write_cells_at(tx.connection, table, place, &cells)?;
    }
    let revision = tx.next_revision();
    if table.direction == Direction::Both {
        let before = outbox::find(tx.connection, table, id.as_str())?;
        let is_first = before.is_none();
        let is_new = again.as_ref().is_some_and(Vec::is_empty);
        let mut entry = before.unwrap_or(OutboxEntry {
            kind: if is_new {
                OutboxKind::Created
            } else {
                OutboxKind::Updated
            },
            revision,
            base: Vec::new(),
        });
        entry.revision = revision;
        let changed = changed.into_iter().map(|at| (at, stored[at].clone()));
        for (position, value) in again.into_iter().flatten().chain(changed) {
            if entry.base.iter().all(|(known, _)| *known != position) {
                entry.base.push((position, value));
            }
        }
        let id = id.as_str();
        if is_first {
            outbox::add(tx.connection, table, id, &entry, Some(place))?;
        } else {
            outbox::put(tx.connection, table, id, &entry, Some(place))?;
        }
        if !is_first {
            retry_refused(tx, index, id)?;
        }
    }
    tx.touch(index, id.as_str());
    Ok(())
}

/// A record that was put aside is another one now: it is tried again, and what refers to it.
pub(super) fn retry_refused(tx: &WriteTransaction<'_>, index: TableIndex, id: &str) -> Result<()> {
    let name = &tx.context.schema.table(index).name;
    if aside::holds(tx.connection, name, id)? {
        aside::release(tx.connection, name, id)?;
        release_referring(tx, index, id)?;
    }
    Ok(())
}

/// What refers to a record may have been refused because of it: it has a chance again.
pub(super) fn release_referring(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    id: &str,
) -> Result<()> {
    let schema = &tx.context.schema;
    let name = &schema.table(index).name;
    for (_, table) in schema
        .tables()
        .filter(|(_, t)| t.direction == Direction::Both)
    {
        for column in table
            .columns
            .iter()
            .filter(|c| c.references.as_ref() == Some(name))
        {
            aside::release_referring(tx.connection, table, column, id)?;
        }
    }
    Ok(())
}

pub(super) fn delete(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    check_writable(table)?;
    let stored = get(tx.connection, tx.context, index, id)?.ok_or_else(|| not_found(table))?;
    bury(tx, index, id.as_str(), &stored, None)?;
    let root = (index, id.as_str().to_owned());
    for (child, child_id) in descendants(tx.connection, tx.context, index, id.as_str())? {
        let child_id = RecordId::from_peer(&child_id)
            .ok_or_else(|| Error::internal("a stored id cannot be read"))?;
        // A grandchild may be reachable in two ways.
        if let Some(stored) = get(tx.connection, tx.context, child, &child_id)? {
            let moved = was_moved(tx, child, child_id.as_str())?;
            let root = (!moved).then_some(&root);
            bury(tx, child, child_id.as_str(), &stored, root)?;
        }
    }
    Ok(())
}

/// Whether a record refers to another record than the peer knows: the peer's own cascade would not
/// reach it, so its deletion is announced by itself.
fn was_moved(tx: &WriteTransaction<'_>, index: TableIndex, id: &str) -> Result<bool> {
    let table = tx.context.schema.table(index);
    let entry = outbox::find(tx.connection, table, id)?;
    Ok(entry.is_some_and(|entry| {
        let refers = |position: usize| table.columns[position].role == Role::Ref;
        entry.base.iter().any(|(position, _)| refers(*position))
    }))
}

/// Removes a record and leaves a tombstone that remembers which version was deleted.
fn bury(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: &str,
    stored: &[Value],
    root: Option<&(TableIndex, String)>,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    remove_row(tx.connection, tx.context, index, id)?;
    absent::unmark(tx.connection, &table.name, id)?;
    if table.direction == Direction::Both {
        buried::leave_tombstone(tx, table, id, stored, root)?;
    }
    tx.touch(index, id);
    Ok(())
}

/// The records that go with a record: children, their children, and so on.
pub(super) fn descendants(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    id: &str,
) -> Result<Vec<(TableIndex, String)>> {
    let mut found: Vec<(TableIndex, String)> = vec![(index, id.to_owned())];
    let mut seen: HashSet<(TableIndex, String)> = found.iter().cloned().collect();
    let mut next = 0;
    while let Some((parent, parent_id)) = found.get(next).cloned() {
        next += 1;
        for child in &context.schema.table(parent).children {
            let table = context.schema.table(child.table);
            let sql = format!(
                "SELECT id FROM {} WHERE {} = ?",
                table_sql::quote(&table.name),
                table_sql::quote(&table.columns[child.column].name)
            );
            let mut statement = connection.prepare_cached(&sql).map_sqlite()?;
            let ids = statement
                .query_map([&parent_id], |row| row.get(0))
                .map_sqlite()?;
            for id in ids {
                let entry = (child.table, id.map_sqlite()?);
                if seen.insert(entry.clone()) {
                    found.push(entry);
                }
            }
        }
    }
    found.remove(0);
    Ok(found)
}

/// Empties those of these tables that keep only the signed-in person's rows. No server announces that
/// such a row is gone: they are replaced as a whole, by the next full pull.
pub(super) fn remove_own_rows(
    tx: &mut WriteTransaction<'_>,
    which: impl Fn(TableIndex) -> bool,
) -> Result<()> {
    let context = tx.context;
    for (index, table) in context.schema.tables() {
        let keeps_own = table.own_rows_only.is_some() && table.direction == Direction::Pull;
        if !keeps_own || !which(index) {
            continue;
        }
        let name = table_sql::quote(&table.name);
        let ids = {
            let mut statement = tx
                .connection
                .prepare(&format!("SELECT id FROM {name}"))
                .map_sqlite()?;
            let ids = statement.query_map([], |row| row.get(0)).map_sqlite()?;
            ids.collect::<rusqlite::Result<Vec<String>>>()
                .map_sqlite()?
        };
        for id in ids {
            remove_row(tx.connection, context, index, &id)?;
            tx.touch(index, &id);
        }
    }
    Ok(())
}

/// Empties the tables of records and all that is kept about them.
#[cfg(test)]
pub(super) fn clear(connection: &Connection, context: &Context) -> Result<()> {
    let tables = context
        .schema
        .tables()
        .map(|(_, table)| table.name.as_str());
    let kept = [
        "entry", "peer", "mark", "aside", "origin", "holder", "at_hub", "absent", "conflict",
    ];
    let kept = kept.map(|name| format!("amana_{name}"));
    for name in tables.chain(kept.iter().map(String::as_str)) {
        let sql = format!("DELETE FROM {}", table_sql::quote(name));
        connection
            .prepare_cached(&sql)
            .and_then(|mut s| s.execute([]))
            .map_sqlite()?;
    }
    Ok(())
}

/// All records of a table by id.
#[cfg(test)]
pub(super) fn all(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
) -> Result<std::collections::BTreeMap<String, Vec<Value>>> {
    let table = context.schema.table(index);
    let columns = &context.sql.table(index).columns;
    let sql = format!("SELECT {columns} FROM {}", table_sql::quote(&table.name));
    let mut statement = connection.prepare_cached(&sql).map_sqlite()?;
    let rows = statement
        .query_map([], |row| {
            Ok((row.get(0)?, values::read_record(row, table)?))
        })
        .map_sqlite()?;
    rows.collect::<rusqlite::Result<_>>().map_sqlite()
}

/// Whether a table holds any record.
pub(super) fn has_any(connection: &Connection, table: &str) -> Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {})", table_sql::quote(table));
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// Inserts a whole record.
pub(super) fn insert_row<V: ToSql>(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    record: &[V],
) -> Result<()> {
    connection
        .prepare_cached(&context.sql.table(index).insert)
        .and_then(|mut statement| statement.execute(rusqlite::params_from_iter(record)))
        .map(|_| ())
        .map_sqlite()
}

/// Inserts new records of one table after the other, with a statement that is looked up once.
pub(super) struct Inserter<'c> {
    pub(super) table: TableIndex,
    statement: CachedStatement<'c>,
}

impl<'c> Inserter<'c> {
    pub(super) fn of(
        connection: &'c Connection,
        context: &Context,
        table: TableIndex,
    ) -> Result<Self> {
        let sql = &context.sql.table(table).insert_new;
        let statement = connection.prepare_cached(sql).map_sqlite()?;
        Ok(Self { table, statement })
    }

    /// Inserts a whole record, unless there is one with its id; whether it did.
    pub(super) fn insert<V: ToSql>(&mut self, record: &[V]) -> Result<bool> {
        self.statement
            .execute(rusqlite::params_from_iter(record))
            .map(|rows| rows > 0)
            .map_sqlite()
    }
}

/// Removes a record, if it is there.
pub(super) fn remove_row(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    id: &str,
) -> Result<()> {
    connection
        .prepare_cached(&context.sql.table(index).delete)
        .and_then(|mut statement| statement.execute([id]))
        .map(|_| ())
        .map_sqlite()
}

/// Writes some columns of a record: only those, so that indexes of the others stay untouched.
pub(super) fn write_cells(
    connection: &Connection,
    table: &Table,
    id: &str,
    cells: &[(usize, Value)],
) -> Result<()> {
    write(connection, table, "id", &id, cells)
}

/// The same for a record that was found at a place in this transaction.
pub(super) fn write_cells_at(
    connection: &Connection,
    table: &Table,
    place: i64,
    cells: &[(usize, Value)],
) -> Result<()> {
    write(connection, table, "_rowid_", &place, cells)
}

fn write(
    connection: &Connection,
    table: &Table,
    by: &'static str,
    key: &dyn ToSql,
    cells: &[(usize, Value)],
) -> Result<()> {
    let sql = table_sql::update(table, cells.iter().map(|(position, _)| *position), by);
    let parameters = cells.iter().map(|(_, value)| value as &dyn ToSql);
    let parameters: Vec<&dyn ToSql> = parameters.chain(std::iter::once(key)).collect();
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.execute(&*parameters))
        .map(|_| ())
        .map_sqlite()
}

fn check_writable(table: &Table) -> Result<()> {
    if table.direction == Direction::Pull {
        return Err(Error::new(
            ErrorCode::PermissionDenied,
            "only the server writes this table",
        )
        .at(table.name.as_str()));
    }
    Ok(())
}

/// Columns that only the store sets: `updated_at` decides who wins on the server, and a deletion
/// flag pushed as a value hides the row from every other device without telling them.
fn check_fields(table: &Table, fields: &Fields) -> Result<()> {
    // By role as well: a column of that name with another meaning is the app's own.
    let set_by_store = |column: &Column| {
        matches!(
            (column.name.as_str(), column.role),
            ("updated_at" | "deleted_at", Role::Instant) | ("is_deleted", Role::Bool)
        )
    };
    match fields
        .iter()
        .find(|(position, _)| set_by_store(&table.columns[*position]))
    {
        Some((position, _)) if table.direction == Direction::Both => {
            Err(Error::invalid("only the store sets this column").at(table.place(*position)))
        }
        _ => Ok(()),
    }
}

fn not_found(table: &Table) -> Error {
    Error::new(ErrorCode::NotFound, "there is no such record").at(table.name.as_str())
}
