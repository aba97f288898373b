//! Pulls, as a sync makes them: decoded into a spool, then merged in one transaction.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use amana_core::model::change_set::PullRequest;
use amana_core::ports::{SyncPeer, SyncStore};
use amana_core::sync::Spool;
use amana_core::transport::TextPeer;

use crate::Result;
use crate::arguments::{Arguments, named};
use crate::outcome::{Outcome, timed};
use crate::store::Store;

/// Everything into an empty store.
pub(super) fn initial(
    arguments: &Arguments,
    store: &Store,
    outcome: &mut Outcome,
    size: &str,
) -> Result<()> {
    let text = arguments.read(&format!("pull-{size}.json"))?;
    outcome.begins();
    pull(store, outcome, text.as_bytes(), 0)
}

/// Some changes into a store that has local edits.
pub(super) fn incremental(
    arguments: &Arguments,
    store: &Store,
    outcome: &mut Outcome,
    size: &str,
) -> Result<()> {
    let text = arguments.read(&format!("incremental-{size}.json"))?;
    outcome.begins();
    pull(store, outcome, text.as_bytes(), 1)
}

/// Everything into an empty store, from a file that is never in memory as a whole.
pub(super) fn streamed(file: &Path, store: &Store, outcome: &mut Outcome) -> Result<()> {
    let text = File::open(file).map_err(|e| named(file, &e))?;
    outcome.begins();
    pull(store, outcome, text, 0)
}

fn pull(store: &Store, outcome: &mut Outcome, text: impl Read + Send, cursor: i64) -> Result<()> {
    let peer = TextPeer::new(store.schema.clone(), text);
    let (received, receive_ms) = timed(|| -> Result<_> {
        let mut spool = Spool::create(&store.spool_directory(), &*store.entropy)?;
        let request = PullRequest { cursor };
        let reply = peer.pull(&request, &mut spool, &mut |_| (), &store.cancel)?;
        Ok((reply, spool.into_reader()?))
    });
    let (reply, changes) = received?;
    let (report, apply_ms) = timed(|| {
        let rule = Arc::clone(&store.rule);
        store
            .database
            .apply_pull(&store.terms, &reply, Box::new(changes), rule, &store.cancel)
    });
    let report = report?;
    outcome.took(receive_ms + apply_ms);
    outcome.phase("receive_ms", receive_ms);
    outcome.phase("lock_held_ms", apply_ms);
    outcome.check("inserted", report.inserted);
    outcome.check("updated", report.updated);
    outcome.check("conflicts", report.conflicts);
    Ok(())
}
