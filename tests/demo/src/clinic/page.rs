//! The week as a page for people.

use std::fmt::{Result, Write as _};

use serde_json::Value as Json;

use crate::report::Report;
use crate::summary::{mb, number};

use super::roster::COLLEAGUES;

/// Days, syncs by tablet, and what is special about this week.
pub fn write(page: &mut String, report: &Report) -> Result {
    writeln!(page, "\nDays")?;
    for phase in &report.phases {
        writeln!(
            page,
            "  {:<10} {:>6.1} s",
            phase.name,
            phase.ms as f64 / 1000.0
        )?;
    }
    writeln!(
        page,
        "\nSyncs\n  {:<20} {:>5} {:>8} {:>8} {:>8} {:>6} {:>9}",
        "tablet", "", "pulled", "MB", "pushed", "calls", "peak MB"
    )?;
    for colleague in &COLLEAGUES {
        let own = || {
            report
                .syncs
                .iter()
                .filter(|sync| sync.tablet == colleague.number)
        };
        let sum = |name: &str| -> u64 { own().map(|sync| number(&sync.report, name)).sum() };
        let peak = own()
            .map(|sync| number(&sync.report, "peak_memory_kib"))
            .max();
        writeln!(
            page,
            "  {} {:<18} {:>5} {:>8} {:>8.2} {:>8} {:>6} {:>9.1}",
            colleague.number,
            colleague.role,
            own().count(),
            sum("pulled"),
            sum("bytes") as f64 / 1e6,
            sum("pushed"),
            sum("requests"),
            peak.unwrap_or_default() as f64 * 1024.0 / 1e6,
        )?;
    }
    let fact = |name: &str| report.facts.get(name).unwrap_or(&Json::Null);
    conflicts(page, fact("conflict"))?;
    let poison = fact("poison");
    if poison.is_object() {
        writeln!(page, "\nA row that the hub takes and the cloud refuses")?;
        writeln!(page, "  the hub said {}", poison["hub"])?;
        writeln!(
            page,
            "  put aside by tablet 1: {}, after the correction: {}; other visits of the day, all in the cloud meanwhile: {}",
            poison["quarantined"],
            poison["quarantined_after_correction"],
            poison["visits_of_the_day"]
        )?;
    }
    for record in poison["list"].as_array().into_iter().flatten() {
        writeln!(
            page,
            "  put aside for the {}: {} {} ({}), {} waiting for it",
            record["peer"].as_str().unwrap_or_default(),
            record["table"].as_str().unwrap_or_default(),
            record["record_id"].as_str().unwrap_or_default(),
            record["reason"].as_str().unwrap_or_default(),
            record["waiting"],
        )?;
    }
    kills(page, fact("kills"))?;
    writeln!(page, "\nAt the end")?;
    let ledgers = fact("ledgers");
    for (at, tablet) in fact("tablets").as_array().into_iter().flatten().enumerate() {
        writeln!(
            page,
            "  tablet {} {:<10} {} waiting, {} put aside, {} conflicts in the ledger",
            tablet["tablet"],
            tablet["role"].as_str().unwrap_or_default(),
            tablet["pending"],
            tablet["quarantined"],
            ledgers[at]["entries"],
        )?;
    }
    for holder in fact("digests").as_array().into_iter().flatten() {
        writeln!(
            page,
            "  {:<10} {:>7} rows  {}",
            holder["who"].as_str().unwrap_or_default(),
            holder["rows"],
            holder["digest"].as_str().unwrap_or_default(),
        )?;
    }
    Ok(())
}

fn conflicts(page: &mut String, conflict: &Json) -> Result {
    let Some(ledger) = conflict["ledger"].as_array() else {
        return Ok(());
    };
    writeln!(
        page,
        "\nOne patient, edited on three tablets before they met"
    )?;
    for line in ledger {
        let value = |name: &str| line["entry"][name].as_str().unwrap_or("nothing").to_owned();
        writeln!(
            page,
            "  tablet {}'s ledger: {}.{} was {}, here {}, there {} ({})",
            line["tablet"],
            value("table"),
            value("column"),
            value("base"),
            value("local"),
            value("remote"),
            value("kind"),
        )?;
    }
    writeln!(page, "  all hold now {}", conflict["result"])
}

fn kills(page: &mut String, kills: &Json) -> Result {
    let Some(kills) = kills.as_array() else {
        return Ok(());
    };
    writeln!(page, "\nKilled with SIGKILL")?;
    for kill in kills {
        writeln!(
            page,
            "  tablet {} with the {:<5} while {:<9} after {}; {} waiting before, {} after",
            kill["tablet"],
            kill["with"].as_str().unwrap_or_default(),
            kill["phase"].as_str().unwrap_or_default(),
            mb(number(kill, "bytes")),
            kill["pending_before"],
            kill["pending_after"],
        )?;
    }
    Ok(())
}
