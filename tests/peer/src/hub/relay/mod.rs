//! The hub and its cloud: one pull, one merge, one push, each time a test asks for it. The real
//! hub does so by a timer.

mod client;
mod merge;

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use serde_json::Value;

pub(super) use client::http;
pub(super) use merge::merge;

use super::app::HubApp;
use super::changes;

/// The name of the cloud's last timestamp in the hub's state.
const WATERMARK: &str = "cloud_watermark";

/// What came of one meeting with the cloud.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Meeting {
    /// Rows and deletions that came from the cloud and were stored.
    pub merged: usize,
    /// Rows that the hub's tables refused. The real hub only logs them.
    pub refused: usize,
    /// Rows and deletions in the one push, whatever came of it.
    pub sent: usize,
    /// Whether pull and push both succeeded. Only then the watermark moves, so that one row
    /// that the cloud refuses keeps everything behind it from the cloud for good.
    pub done: bool,
    /// Why it ended early.
    pub error: Option<String>,
}

/// One meeting. What was pulled stays merged even if the push fails.
pub(super) async fn meet(app: &Arc<HubApp>) -> Meeting {
    let mut meeting = Meeting::default();
    match try_meet(app, &mut meeting).await {
        Ok(()) => meeting.done = true,
        Err(error) => meeting.error = Some(error),
    }
    meeting
}

async fn try_meet(app: &Arc<HubApp>, meeting: &mut Meeting) -> Result<(), String> {
    let (Some(http), Some(cloud)) = (&app.http, &app.config.cloud) else {
        return Err("no cloud is configured".to_owned());
    };
    let watermark = watermark(&app.store.writer()).map_err(|error| error.to_string())?;
    let mut pulled = client::pull(http, cloud, watermark).await?;
    let timestamp = pulled["timestamp"]
        .as_i64()
        .ok_or("the cloud's reply has no timestamp")?;
    let changes = pulled["changes"].take();
    (meeting.merged, meeting.refused) = merge_apart(app, changes).await?;
    let own = gather(app, watermark).await?;
    meeting.sent = count(&own);
    if meeting.sent > 0 {
        client::push(http, cloud, watermark, own).await?;
    }
    set_watermark(&app.store.writer(), timestamp).map_err(|error| error.to_string())
}

async fn merge_apart(app: &Arc<HubApp>, changes: Value) -> Result<(usize, usize), String> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || {
        let now_ms = app.now_ms();
        let overwrites = app.faults.cloud_overwrites_newer();
        merge(&mut app.store.writer(), &changes, now_ms, overwrites)
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|error| Err(error.to_string()))
}

/// The same lists that a device gets in a pull, values unchanged: that is what the hub sends.
async fn gather(app: &Arc<HubApp>, since_ms: i64) -> Result<Vec<u8>, String> {
    let app = Arc::clone(app);
    tokio::task::spawn_blocking(move || {
        app.store
            .reader()
            .and_then(|database| changes::since(&database, since_ms))
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|error| Err(error.to_string()))
}

fn count(changes: &[u8]) -> usize {
    let changes: Value = serde_json::from_slice(changes).unwrap_or_default();
    changes
        .as_object()
        .into_iter()
        .flat_map(|tables| tables.values())
        .filter_map(Value::as_object)
        .flat_map(|lists| lists.values())
        .filter_map(Value::as_array)
        .map(Vec::len)
        .sum()
}

/// The cloud's timestamp at the end of the last meeting that succeeded; 0 before the first.
pub(super) fn watermark(database: &Connection) -> rusqlite::Result<i64> {
    database
        .query_row(
            "SELECT value FROM hub_state WHERE name = ?1",
            [WATERMARK],
            |row| row.get(0),
        )
        .optional()
        .map(|value| value.unwrap_or(0))
}

fn set_watermark(database: &Connection, value: i64) -> rusqlite::Result<()> {
    database.execute(
        "INSERT INTO hub_state (name, value) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (WATERMARK, value),
    )?;
    Ok(())
}
