//! The report as a page for people.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::arguments::Scene;
use crate::clinic;
use crate::report::{Report, Sync};

/// The page.
pub fn page(report: &Report) -> String {
    let mut page = String::new();
    // Writing to a text cannot fail.
    let _ = write(&mut page, report);
    page
}

fn write(page: &mut String, report: &Report) -> std::fmt::Result {
    match report.scene {
        Scene::Story => story(page, report)?,
        Scene::Clinic => clinic::page(page, report)?,
        // It has a page of its own.
        Scene::Keys => {}
    }
    writeln!(page, "\nProofs")?;
    for proof in &report.proofs {
        let verdict = if proof.holds { "holds " } else { "FAILED" };
        writeln!(page, "  {verdict}  {}: {}", proof.name, proof.detail)?;
    }
    for left_out in &report.left_out {
        writeln!(page, "  not compared: {left_out}")?;
    }
    if let Some(kept) = &report.kept {
        writeln!(page, "\nKept: {kept}")?;
    }
    let seconds = report.total_ms() as f64 / 1000.0;
    match (&report.error, report.failed().as_slice()) {
        (Some(error), _) => writeln!(page, "\nFAILED after {seconds:.1} s: {error}"),
        (None, []) => writeln!(page, "\nEvery proof holds. {seconds:.1} s in all."),
        (None, failed) => {
            writeln!(page, "\nFAILED after {seconds:.1} s: {}", failed.join(", "))
        }
    }
}

fn story(page: &mut String, report: &Report) -> std::fmt::Result {
    writeln!(page, "\nSyncs")?;
    writeln!(
        page,
        "  {:<6} {:<27} {:>8} {:>8} {:>8} {:>5} {:>8} {:>8} {:>8} {:>9}",
        "tablet",
        "",
        "pulled",
        "MB",
        "pushed",
        "calls",
        "pull ms",
        "apply ms",
        "push ms",
        "peak MB"
    )?;
    for sync in &report.syncs {
        row(page, sync)?;
    }
    if let (Some(idle), Some(peak)) = (
        report.least("idle_memory_kib"),
        report.most("peak_memory_kib"),
    ) {
        writeln!(
            page,
            "  memory of a tablet's process: {} with the vault open, at most {} in a sync",
            mb(idle * 1024),
            mb(peak * 1024)
        )?;
    }
    if let Some(conflict) = report.facts.get("conflict") {
        writeln!(
            page,
            "\nOne patient, edited on both tablets before they met"
        )?;
        conflict_lines(page, conflict)?;
    }
    if let Some(kill) = report.facts.get("kill") {
        writeln!(
            page,
            "\nTablet 2 killed with SIGKILL in the middle of a pull"
        )?;
        writeln!(
            page,
            "  after {} of {}; files left by it: {}; waiting to be pushed before and after: {} and {}",
            mb(number(kill, "killed_at_bytes")),
            mb(number(kill, "full_bytes")),
            number(kill, "files_left_by_the_kill"),
            number(kill, "pending_before"),
            number(kill, "pending_after"),
        )?;
    }
    Ok(())
}

fn row(page: &mut String, sync: &Sync) -> std::fmt::Result {
    let report = &sync.report;
    writeln!(
        page,
        "  {:<6} {:<27} {:>8} {:>8.2} {:>8} {:>5} {:>8} {:>8} {:>8} {:>9.1}",
        sync.tablet,
        sync.what,
        number(report, "pulled"),
        number(report, "bytes") as f64 / 1e6,
        number(report, "pushed"),
        number(report, "requests"),
        number(report, "pull_ms"),
        number(report, "apply_ms"),
        number(report, "push_ms"),
        number(report, "peak_memory_kib") as f64 * 1024.0 / 1e6,
    )
}

fn conflict_lines(page: &mut String, conflict: &Json) -> std::fmt::Result {
    for (who, edits) in [
        ("tablet 1", &conflict["tablet_1"]),
        ("tablet 2", &conflict["tablet_2"]),
    ] {
        writeln!(page, "  {who} wrote {edits}")?;
    }
    for entry in conflict["ledger"].as_array().into_iter().flatten() {
        let value = |name: &str| entry[name].as_str().unwrap_or("nothing").to_owned();
        writeln!(
            page,
            "  tablet 2's ledger: {}.{} was {}, here {}, at the server {} ({})",
            value("table"),
            value("column"),
            value("base"),
            value("local"),
            value("remote"),
            value("kind"),
        )?;
    }
    writeln!(page, "  both hold now {}", conflict["result"])
}

/// A number of an object, 0 without one.
pub fn number(json: &Json, name: &str) -> u64 {
    json[name].as_u64().unwrap_or_default()
}

/// Bytes for people.
pub fn mb(bytes: u64) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
