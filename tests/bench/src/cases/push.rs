//! A push to a peer that takes everything at once: collecting, and marking what was taken.

use std::sync::Arc;
use std::time::Instant;

use amana_core::ports::Disk;
use amana_core::sync::Engine;
use amana_core::system::{SystemClock, SystemDisk, SystemTimer};
use amana_core::transport::TextPeer;

use crate::Result;
use crate::outcome::Outcome;
use crate::store::Store;

/// The peer has nothing new, and so much is needed to say so.
const NOTHING: &str = r#"{"changes":{},"timestamp":1750000200000}"#;

/// Sends all that waits.
pub(super) fn all(store: &Store, outcome: &mut Outcome) -> Result<()> {
    let peer = TextPeer::new(store.schema.clone(), NOTHING.as_bytes());
    let disk: Arc<dyn Disk> = Arc::new(SystemDisk);
    outcome.begins();
    let start = Instant::now();
    let report = Engine {
        store: &store.database,
        peer: &peer,
        terms: store.terms.clone(),
        rule: Arc::clone(&store.rule),
        schema: &store.schema,
        clock: &SystemClock,
        entropy: &*store.entropy,
        timer: &SystemTimer,
        spool_directory: &store.spool_directory(),
        disk: &disk,
        progress: None,
        cancel: &store.cancel,
        full_pull: false,
        full_pull_first: false,
        past_failures: 0,
    }
    .run()?;
    let all_ms = start.elapsed().as_secs_f64() * 1000.0;
    let pushed = peer.pushed();
    outcome.took(all_ms - pushed.ms);
    outcome.phase("stringify_ms", pushed.ms);
    outcome.check("n", report.pushed + report.pushed_deletions);
    outcome.check("body_bytes", pushed.bytes);
    outcome.check("requests", report.requests);
    Ok(())
}
