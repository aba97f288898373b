//! The reply of a pull, written row by row while it is being sent.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use futures_util::Stream;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tokio::sync::{mpsc, oneshot};

use super::Plan;
use crate::app::App;
use crate::print::{column_list, write_row, write_text};
use crate::schema::{HUB_ONLY, Kind, PULL_ORDER, Table};

/// A chunk is handed on when it has reached this size.
const CHUNK: usize = 64 * 1024;

type Chunk = Result<Bytes, io::Error>;

/// How a reply is wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// That of the sync route.
    Plain,
    /// That of the RPC routes: in three objects, and behind the rows the path of each value in them
    /// that is a date, which grows with the rows.
    Rpc,
}

/// Starts to read and gives back the chunks, or nothing if the database cannot be read.
///
/// The snapshot is taken before this returns: whatever is pushed while the reply is on its
/// way is not in it.
pub(super) async fn start(
    app: Arc<App>,
    plan: Plan,
    form: Form,
) -> Option<impl Stream<Item = Chunk> + Send + 'static> {
    let (sender, receiver) = mpsc::channel::<Chunk>(2);
    let (ready, is_ready) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let opened = app.store.reader().and_then(|database| {
            database.execute_batch("BEGIN")?;
            // A transaction takes its snapshot at its first read, not at BEGIN.
            database.query_row("SELECT count(*) FROM app_config", [], |_| Ok(()))?;
            Ok(database)
        });
        let Ok(database) = opened else {
            return;
        };
        let _ = ready.send(());
        let mut out = Out {
            buffer: Vec::with_capacity(CHUNK + 4096),
            sender,
            dates: (form == Form::Rpc).then(Vec::new),
        };
        if write_reply(&database, &plan, &mut out).is_err() {
            let broken = io::Error::other("the reply could not be completed");
            let _ = out.sender.blocking_send(Err(broken));
        }
    });
    is_ready.await.ok()?;
    Some(futures_util::stream::unfold(
        receiver,
        |mut receiver| async move { receiver.recv().await.map(|chunk| (chunk, receiver)) },
    ))
}

struct Out {
    buffer: Vec<u8>,
    sender: mpsc::Sender<Chunk>,
    /// The paths of dates, where the form asks for them.
    dates: Option<Vec<String>>,
}

/// Why writing ended early.
enum Stopped {
    Database,
    /// The client has gone away.
    Client,
}

impl From<rusqlite::Error> for Stopped {
    fn from(_: rusqlite::Error) -> Self {
        Self::Database
    }
}

impl Out {
    fn text(&mut self, text: &str) {
        self.buffer.extend_from_slice(text.as_bytes());
    }

    fn send_if_full(&mut self, limit: usize) -> Result<(), Stopped> {
        if self.buffer.len() < limit {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + 4096));
        self.sender
            .blocking_send(Ok(Bytes::from(full)))
            .map_err(|_| Stopped::Client)
    }
}

fn write_reply(database: &Connection, plan: &Plan, out: &mut Out) -> Result<(), Stopped> {
    out.text(match out.dates {
        Some(_) => "{\"result\":{\"data\":{\"json\":{\"changes\":{",
        None => "{\"success\":true,\"changes\":{",
    });
    let (settings, records): (Vec<_>, Vec<_>) = PULL_ORDER
        .iter()
        .map(|table| (table.name, *table))
        .partition(|(name, _)| matches!(*name, "user_clinic_permissions" | "app_config"));
    let hub_only = HUB_ONLY.iter().filter(|_| plan.hub).copied();
    let tables = records.into_iter().chain(hub_only).chain(settings);
    for (index, (name, table)) in tables.enumerate() {
        if index > 0 {
            out.text(",");
        }
        write_table(database, plan, name, table, out)?;
    }
    out.text(&format!("}},\"timestamp\":{}}}", plan.now_ms));
    if let Some(dates) = out.dates.take() {
        write_meta(&dates, out)?;
    }
    out.send_if_full(1)
}

/// What the serializer of the RPC routes says of the rows, and the end of the objects around them.
fn write_meta(dates: &[String], out: &mut Out) -> Result<(), Stopped> {
    if !dates.is_empty() {
        out.text(",\"meta\":{\"values\":{");
        for (index, path) in dates.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            out.text(&format!("{comma}\"{path}\":[\"Date\"]"));
            out.send_if_full(CHUNK)?;
        }
        out.text("}}");
    }
    out.text("}}}");
    Ok(())
}

/// Notes the dates of a row, if they are asked for.
fn note_dates(
    out: &mut Out,
    table: &Table,
    row: &Row<'_>,
    place: &str,
) -> Result<(), rusqlite::Error> {
    let Some(dates) = &mut out.dates else {
        return Ok(());
    };
    for (index, column) in table.columns.iter().enumerate() {
        let is_date = matches!(column.kind, Kind::Instant | Kind::Day);
        if is_date && row.get_ref(index)? != ValueRef::Null {
            dates.push(format!("changes.{place}.{}", column.name));
        }
    }
    Ok(())
}

fn write_table(
    database: &Connection,
    plan: &Plan,
    name: &str,
    table: &Table,
    out: &mut Out,
) -> Result<(), Stopped> {
    let lists = plan.lists(table);
    write_text(name, &mut out.buffer);
    out.text(":{");
    for (list, condition) in [("created", lists.created), ("updated", lists.updated)] {
        out.text(&format!("\"{list}\":["));
        let sql = format!(
            "SELECT {} FROM \"{}\" WHERE {condition} ORDER BY rowid",
            column_list(table),
            table.name
        );
        let mut statement = database.prepare(&sql)?;
        let mut rows = statement.query([lists.since_ms])?;
        let mut written = 0;
        while let Some(row) = rows.next()? {
            if written > 0 {
                out.text(",");
            }
            write_row(table, row, plan.zone_minutes, &mut out.buffer)?;
            note_dates(out, table, row, &format!("{name}.{list}.{written}"))?;
            written += 1;
            out.send_if_full(CHUNK)?;
        }
        out.text("],");
    }
    out.text("\"deleted\":[");
    if let Some(condition) = lists.deleted {
        let sql = format!(
            "SELECT id FROM \"{}\" WHERE {condition} ORDER BY rowid",
            table.name
        );
        let mut statement = database.prepare(&sql)?;
        let mut rows = statement.query([lists.since_ms])?;
        let mut first = true;
        while let Some(row) = rows.next()? {
            if !std::mem::take(&mut first) {
                out.text(",");
            }
            write_text(&row.get::<_, String>(0)?, &mut out.buffer);
            out.send_if_full(CHUNK)?;
        }
    }
    out.text("]}");
    Ok(())
}
