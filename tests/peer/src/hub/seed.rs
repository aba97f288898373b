//! People and records to begin with, made by a reference cloud that lives as long as this takes
//! and merged as if they had been pulled.

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::relay::merge;
use crate::store::Store;
use crate::{PeerConfig, StartError, rows, schema, seed as cloud_seed, seed_many};

/// Merges what a cloud with that configuration holds, `patients` seeded ones included.
pub(super) fn seed(
    database: &mut Connection,
    config: &PeerConfig,
    patients: std::ops::Range<usize>,
    now_ms: i64,
) -> Result<(), StartError> {
    let (cloud, _directory) = Store::open(None, &schema::create_statements())?;
    cloud_seed::seed(&mut cloud.writer(), config)?;
    if !patients.is_empty() {
        seed_many::patients(&mut cloud.writer(), patients.start, patients.end, now_ms)?;
    }
    let mut changes = Map::new();
    for table in schema::PULL_ORDER
        .iter()
        .copied()
        .chain(schema::table("users"))
    {
        let text = rows::text(&cloud, table, config.time_zone_minutes)?;
        let rows: Value = serde_json::from_str(&text).unwrap_or_default();
        changes.insert(table.name.to_owned(), json!({"created": rows}));
    }
    merge(database, &Value::Object(changes), now_ms, true)?;
    Ok(())
}
