//! Collects what a push sends: pages of the outbox with whole records, as one peer has to see them.

use std::collections::HashSet;

use rusqlite::{CachedStatement, Connection, params};

use super::errors::MapSqlite;
use super::outbox::{changed_columns, damaged, kind_of};
use super::table_sql::quote;
use super::transaction::Context;
use super::{aside, marks, origins, outbox, values};
use crate::error::Result;
use crate::model::change_set::{
    OutboxKind, OutboxPage, OutboxPosition, OutboxRow, PieceLimit, PushClass, Revision,
};
use crate::model::ids::{PeerKind, RecordId};
use crate::model::schema::{Direction, Table, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

/// The next entries of a class after a position.
pub(super) fn collect(
    connection: &Connection,
    context: &Context,
    terms: &PeerTerms,
    class: PushClass,
    after: &OutboxPosition,
    limit: PieceLimit,
) -> Result<OutboxPage> {
    let mut walk = Walk {
        connection,
        context,
        terms,
        class,
        conditions: conditions(connection, terms, class)?,
        limit,
        rows: Vec::new(),
        waiting: Vec::new(),
        bytes: 0,
    };
    for (place, index) in tables(context, terms, class).into_iter().enumerate() {
        let place = place as u16;
        if place < after.table {
            continue;
        }
        let start = if place == after.table {
            after.revision
        } else {
            i64::MIN
        };
        if let Some(revision) = walk.table(index, start)? {
            let next = OutboxPosition {
                table: place,
                revision,
            };
            return Ok(walk.page(Some(next)));
        }
    }
    Ok(walk.page(None))
}

/// The tables of a class in the order in which they are sent: parents before children, and for the
/// deletions at a hub, which removes no children by itself, the other way round.
fn tables(context: &Context, terms: &PeerTerms, class: PushClass) -> Vec<TableIndex> {
    let pushed = context.schema.tables().filter(|(_, table)| {
        table.direction == Direction::Both
            && match class {
                PushClass::Upserts { stage } => stage == table.push_stage,
                PushClass::Deletions => true,
            }
    });
    let mut tables: Vec<_> = pushed.map(|(index, _)| index).collect();
    if class == PushClass::Deletions && terms.id.kind() == PeerKind::Hub {
        tables.reverse();
    }
    tables
}

/// What leaves entries out that this peer has, refuses, or is not to be told of.
fn conditions(connection: &Connection, terms: &PeerTerms, class: PushClass) -> Result<String> {
    // `?5` and `?6` stand in every text, so that the parameters are always the same.
    let mut conditions = String::from(" AND ?5 = ?5 AND ?6 = ?6");
    if class == PushClass::Deletions && terms.id.kind() == PeerKind::Cloud {
        conditions.push_str(" AND o.parent_id IS NULL");
    }
    if aside::has_any(connection, &terms.id)? {
        conditions.push_str(aside::NOT_ASIDE);
    }
    if !terms.last_word {
        conditions.push_str(marks::NOT_TAKEN);
    }
    Ok(conditions)
}

struct Walk<'a> {
    connection: &'a Connection,
    context: &'a Context,
    terms: &'a PeerTerms,
    class: PushClass,
    conditions: String,
    limit: PieceLimit,
    rows: Vec<OutboxRow>,
    waiting: Vec<OutboxRow>,
    bytes: usize,
}

impl<'a> Walk<'a> {
    fn page(self, next: Option<OutboxPosition>) -> OutboxPage {
        OutboxPage {
            rows: self.rows,
            waiting: self.waiting,
            next,
        }
    }

    fn count(&self) -> usize {
        self.rows.len() + self.waiting.len()
    }

    fn is_full(&self) -> bool {
        self.count() >= self.limit.rows || self.bytes > self.limit.bytes
    }

    /// Adds a table's entries after a revision; where the page is full with them, the last one.
    fn table(&mut self, index: TableIndex, after: i64) -> Result<Option<i64>> {
        let table = self.context.schema.table(index);
        let deletions = self.class == PushClass::Deletions;
        let Some(first) = self.first(table, after)? else {
            return Ok(None);
        };
        // From there on they are neighbours; deletions lie among the others.
        let way = if deletions {
            "INDEXED BY amana_entry_waiting"
        } else {
            "NOT INDEXED"
        };
        let sql = format!(
            "SELECT record_id, kind, revision, base, place FROM amana_entry o {way}
               WHERE o.table_name = ?1 AND o.revision >= ?2 AND o.state = 0 AND (o.kind = 2) = ?3{}
               ORDER BY o.revision LIMIT ?4",
            self.conditions
        );
        let mut entries = self.connection.prepare_cached(&sql).map_sqlite()?;
        let mut finder = Finder::new(self.connection, self.context, index)?;
        let late = self.late_parents(table)?;
        let others_told = self.others_told()?;
        let untold = if others_told {
            untold_parents(table)
        } else {
            Vec::new()
        };
        let left_by = self.left_by(table)?;
        let left = self.limit.rows.saturating_sub(self.count());
        let mut rows = entries
            .query(params![
                table.name,
                first,
                deletions,
                i64::try_from(left).unwrap_or(i64::MAX),
                self.terms.id.as_str(),
                self.context.clock.now_ms(),
            ])
            .map_sqlite()?;
        while let Some(row) = rows.next().map_sqlite()? {
            let text: String = row.get(0).map_sqlite()?;
            let revision = row.get(2).map_sqlite()?;
            let (mut values, mut changed) = (Vec::new(), Vec::new());
            if !deletions {
                let place = row.get(4).map_sqlite()?;
                values = finder.find(table, &text, place)?.ok_or_else(damaged)?;
                changed = changed_columns(table, row.get_ref(3).map_sqlite()?)?;
            }
            let waits = left_by.contains(&text)
                || self.refers_to_late(&late, &values)?
                || self.refers_to_untold(&untold, &values)?;
            if waits {
                (values, changed) = (Vec::new(), Vec::new());
            }
            let kind = kind_of(row.get(1).map_sqlite()?)?;
            let only_elsewhere = others_told
                && kind == OutboxKind::Updated
                && self.told_by_others_alone(&table.name, &text)?.is_some();
            let row = OutboxRow {
                table: index,
                id: RecordId::from_peer(&text).ok_or_else(damaged)?,
                kind,
                revision: Revision(revision),
                only_elsewhere,
                dangling: self.dangling(table, &values)?,
                values,
                changed,
            };
            self.bytes += row.bytes();
            let list = if waits {
                &mut self.waiting
            } else {
                &mut self.rows
            };
            list.push(row);
            if self.is_full() {
                return Ok(Some(revision));
            }
        }
        Ok(None)
    }

    /// The columns of a table that refer to one to which new records were added since the push began.
    fn late_parents<'t>(&self, table: &'t Table) -> Result<Vec<(usize, &'t str)>> {
        let mut late = Vec::new();
        for (position, column) in table.columns.iter().enumerate() {
            if let Some(parent) = column.references.as_deref()
                && outbox::has_newer(self.connection, parent, self.limit.begun)?
            {
                late.push((position, parent));
            }
        }
        Ok(late)
    }

    /// Which records of a table, where the peer deletes others with them, those were moved away from that
    /// the peer has not taken: there they still belong to it, and would be deleted with it.
    fn left_by(&self, table: &Table) -> Result<HashSet<String>> {
        let mut left = HashSet::new();
        if self.class != PushClass::Deletions || self.terms.id.kind() != PeerKind::Cloud {
            return Ok(left);
        }
        for child in &table.children {
            let of = self.context.schema.table(child.table);
            let path = format!("$.\"{}\"", of.columns[child.column].name);
            let mut statement = self
                .connection
                .prepare_cached(
                    "SELECT DISTINCT json_extract(e.base, ?2)
                       FROM amana_entry e INDEXED BY amana_entry_waiting
                      WHERE state = 0 AND table_name = ?1 AND (kind = 2) = 0
                        AND json_type(e.base, ?2) = 'text'
                        AND NOT EXISTS (SELECT 1 FROM amana_mark m
                          WHERE m.table_name = e.table_name AND m.record_id = e.record_id
                            AND m.peer = ?3 AND m.revision = e.revision)",
                )
                .map_sqlite()?;
            let ids = statement
                .query_map(params![of.name, path, self.terms.id.as_str()], |row| {
                    row.get(0)
                })
                .map_sqlite()?;
            for id in ids {
                left.insert(id.map_sqlite()?);
            }
        }
        Ok(left)
    }

    /// Whether the peer is the cloud, and other peers have told anything.
    fn others_told(&self) -> Result<bool> {
        Ok(self.terms.id.kind() == PeerKind::Cloud && origins::any(self.connection)?)
    }

    fn told_by_others_alone(&self, table: &str, id: &str) -> Result<Option<bool>> {
        let now_ms = self.context.clock.now_ms();
        origins::told_by_others_alone(self.connection, &self.terms.id, (table, id), now_ms)
    }

    /// Whether it refers to a record that only other peers have told so far: this one would invent it, and
    /// drop the real one, once that comes, for an older version. One that waits here goes before.
    fn refers_to_untold(&self, untold: &[(usize, &str)], values: &[Value]) -> Result<bool> {
        for (position, parent) in untold {
            if let Some(id) = values.get(*position).and_then(Value::as_text)
                && self.told_by_others_alone(parent, id)? == Some(false)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn refers_to_late(&self, late: &[(usize, &str)], values: &[Value]) -> Result<bool> {
        for (position, parent) in late {
            if let Some(id) = values.get(*position).and_then(Value::as_text)
                && outbox::is_newer(self.connection, parent, id, self.limit.begun)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first revision of a table after one that waits. What was taken may lie before it.
    fn first(&self, table: &Table, after: i64) -> Result<Option<i64>> {
        self.connection
            .prepare_cached(
                "SELECT min(revision) FROM amana_entry INDEXED BY amana_entry_waiting
                   WHERE state = 0 AND table_name = ? AND (kind = 2) = ? AND revision > ?",
            )
            .and_then(|mut statement| {
                let deletions = self.class == PushClass::Deletions;
                statement.query_row(params![table.name, deletions, after], |row| row.get(0))
            })
            .map_sqlite()
    }

    /// References for which the peer would invent a record, since none is here.
    fn dangling(&self, table: &Table, values: &[Value]) -> Result<Vec<usize>> {
        let mut found = Vec::new();
        for (position, (column, value)) in table.columns.iter().zip(values).enumerate() {
            let parent = column
                .references
                .as_deref()
                .filter(|parent| column.must_exist && self.context.schema.find(parent).is_some());
            let Some(parent) = parent else {
                continue;
            };
            let there = match value {
                Value::Text(id) => {
                    let sql = format!(
                        "SELECT EXISTS (SELECT 1 FROM {} WHERE id = ?)",
                        quote(parent)
                    );
                    self.connection
                        .prepare_cached(&sql)
                        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
                        .map_sqlite()?
                }
                _ => false,
            };
            if !there {
                found.push(position);
            }
        }
        Ok(found)
    }
}

/// The columns of a table that refer to one of which the cloud invents what it does not know.
fn untold_parents(table: &Table) -> Vec<(usize, &str)> {
    let columns = table.columns.iter().enumerate();
    let must_exist = columns.filter(|(_, column)| column.must_exist);
    let parents = must_exist.filter_map(|(at, c)| Some((at, c.references.as_deref()?)));
    parents.collect()
}

/// Finds records where their entries say they lie, which saves the index of ids; elsewhere where
/// they have moved since, as in a database that was salvaged.
struct Finder<'a> {
    at: CachedStatement<'a>,
    anywhere: CachedStatement<'a>,
}

impl<'a> Finder<'a> {
    fn new(connection: &'a Connection, context: &Context, index: TableIndex) -> Result<Self> {
        let sql = context.sql.table(index);
        Ok(Self {
            at: connection.prepare_cached(&sql.find_row).map_sqlite()?,
            anywhere: connection.prepare_cached(&sql.find).map_sqlite()?,
        })
    }

    fn find(&mut self, table: &Table, id: &str, place: Option<i64>) -> Result<Option<Vec<Value>>> {
        if let Some(place) = place {
            let mut rows = self.at.query([place]).map_sqlite()?;
            if let Some(row) = rows.next().map_sqlite()?
                && row.get_ref(0).map_sqlite()?.as_str() == Ok(id)
            {
                return values::read_record(row, table).map_sqlite().map(Some);
            }
        }
        let found = values::find(&mut self.anywhere, table, id)?;
        Ok(found.map(|found| found.record))
    }
}
