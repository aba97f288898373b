//! The cases of the runner, each on a database of its own.

mod kv;
mod pull;
mod push;
mod records;

use serde_json::json;

use crate::arguments::Arguments;
use crate::outcome::{self, Outcome};
use crate::store::Store;
use crate::{Result, state};

/// Runs the case that the process was called with, and prints its line.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let case = arguments.case();
    let mut outcome = Outcome::new(case);
    if case == "info" {
        outcome.set("versions", json!({"amana": env!("CARGO_PKG_VERSION")}));
        outcome.print();
        return Ok(());
    }
    let store = Store::open(arguments.database()?)?;
    if measure(case, arguments, &store, &mut outcome)? {
        if arguments.option("hash").is_some() {
            outcome.set("peak_before_hash_kb", outcome::peak_kb());
            outcome.set("state", state::state(&store)?);
        }
    } else {
        outcome.set("skipped", "no such case here");
    }
    store.close();
    outcome.print();
    Ok(())
}

/// Whether there is such a case.
fn measure(
    case: &str,
    arguments: &Arguments,
    store: &Store,
    outcome: &mut Outcome,
) -> Result<bool> {
    if case == "prepare:base100k" {
        pull::initial(arguments, store, outcome, "100000")?;
    } else if let Some(size) = case.strip_prefix("prepare:dirty") {
        records::edits(arguments, store, outcome, &format!("edits-{size}.json"))?;
    } else if let Some(size) = case.strip_prefix("pull_initial_") {
        if size.parse::<u64>().is_err() {
            return Ok(false);
        }
        pull::initial(arguments, store, outcome, size)?;
    } else if let Some(file) = arguments.option("stream") {
        pull::streamed(file.as_ref(), store, outcome)?;
    } else if let Some(size) = case.strip_prefix("pull_incremental_") {
        pull::incremental(arguments, store, outcome, size)?;
    } else if case.starts_with("push_") {
        push::all(store, outcome)?;
    } else if let Some(size) = case.strip_prefix("edit_batch_") {
        records::edits(
            arguments,
            store,
            outcome,
            &format!("edits-batch-{size}.json"),
        )?;
    } else {
        match case {
            "write_single_1000" => records::singles(arguments, store, outcome)?,
            "find_10000" => records::find(arguments, store, outcome)?,
            "query_50" => records::query(arguments, store, outcome)?,
            "has_unsynced" => records::has_unsynced(store, outcome)?,
            "kv_1000" => kv::all(arguments, store, outcome)?,
            _ => return Ok(false),
        }
    }
    Ok(true)
}
