//! Tables: all cases run by this program alone, and a runner's results with their ratios.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use crate::outcome::median;
use crate::{Result, generate};

/// A case, the database it begins with, and the goal as part of the reference's time.
const CASES: [(&str, Option<&str>, Option<f64>); 17] = [
    ("pull_initial_10000", None, None),
    ("pull_initial_50000", None, None),
    ("pull_initial_100000", None, Some(0.5)),
    ("pull_incremental_100", Some("dirty500"), None),
    ("pull_incremental_900", Some("dirty500"), None),
    ("pull_incremental_1000", Some("dirty500"), Some(0.2)),
    ("push_5000", Some("dirty5000"), None),
    ("push_20000", Some("dirty20000"), Some(0.06)),
    ("write_single_1000", Some("base100k"), Some(1.0)),
    ("find_10000", Some("base100k"), Some(0.45)),
    ("query_50", Some("base100k"), Some(0.3)),
    ("edit_batch_900", Some("base100k"), None),
    ("edit_batch_1000", Some("base100k"), Some(0.2)),
    ("has_unsynced", Some("dirty5000"), Some(0.01)),
    ("kv_1000", None, None),
    ("stream_100000", None, None),
    ("stream_1000000", None, None),
];
const TEMPLATES: [&str; 4] = ["base100k", "dirty500", "dirty5000", "dirty20000"];
/// How much of the reference's time the write lock of the initial pull may be held.
const LOCK_GOAL: f64 = 0.45;
/// How much memory above its input an initial pull may take, in MB, and how much more or less ten times
/// as many records.
const MEMORY_GOAL_MB: f64 = 28.0;
const MEMORY_GROWTH_GOAL: f64 = 0.1;

/// Runs every case so many times, each in a fresh process on a fresh copy, and prints the medians.
pub(crate) fn alone(work: &Path, runs: usize) -> Result<()> {
    let data = work.join("data");
    if !data.join("kv-1000.json").exists() {
        generate::all(&data)?;
    }
    make_streams(work)?;
    let template = |name: &str| work.join(format!("template-{name}.db"));
    for name in TEMPLATES {
        let path = template(name);
        if path.exists() {
            continue;
        }
        if name != "base100k" {
            std::fs::copy(template("base100k"), &path)?;
        }
        call(&format!("prepare:{name}"), &data, &path, work)?;
    }
    println!("| case | ms | least | lock held, ms | memory above the input, MB |");
    println!("|---|---:|---:|---:|---:|");
    let database = work.join("run.db");
    for (case, start, _) in CASES {
        let mut lines = Vec::new();
        for _ in 0..runs {
            remove(&database);
            if let Some(start) = start {
                std::fs::copy(template(start), &database)?;
            }
            lines.push(call(case, &data, &database, work)?);
        }
        let of = |path: &str| -> Vec<f64> {
            lines
                .iter()
                .filter_map(|line| line.pointer(path).and_then(Json::as_f64))
                .collect()
        };
        let mut ms = of("/ms");
        let mut above = above_input(&lines);
        let mut lock = of("/phases/lock_held_ms");
        let lock = if lock.is_empty() {
            "–".to_owned()
        } else {
            format!("{:.1}", median(&mut lock))
        };
        let middle = median(&mut ms);
        println!(
            "| {case} | {middle:.2} | {:.2} | {lock} | {:.1} |",
            ms[0],
            median(&mut above)
        );
    }
    remove(&database);
    Ok(())
}

fn make_streams(work: &Path) -> Result<()> {
    for count in [100_000, 1_000_000] {
        let path = work.join(format!("stream-{count}.json"));
        if !path.exists() {
            generate::stream(&path, count)?;
        }
    }
    Ok(())
}

/// The memory of each run above what was there once its input was read, in MB.
fn above_input(lines: &[Json]) -> Vec<f64> {
    let of = |line: &Json| {
        let kb = |path: &str| line.pointer(path).and_then(Json::as_f64);
        Some((kb("/peak_rss_kb")? - kb("/rss_start_kb")?) / 1024.0)
    };
    lines.iter().filter_map(of).collect()
}

const fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// Pulls 100,000 and 1,000,000 records as a stream from a file, and prints the memory they take.
pub(crate) fn memory(work: &Path, runs: usize) -> Result<()> {
    make_streams(work)?;
    let database = work.join("run.db");
    let mut medians = Vec::new();
    for case in ["stream_100000", "stream_1000000"] {
        let mut lines = Vec::new();
        for _ in 0..runs {
            remove(&database);
            lines.push(call(case, work, &database, work)?);
        }
        medians.push(median(&mut above_input(&lines)));
    }
    remove(&database);
    let (small, large) = (medians[0], medians[1]);
    let growth = large / small - 1.0;
    println!("| pulled as a stream | memory above the start, MB | goal |  |");
    println!("|---|---:|---:|---|");
    let is_met = met(small <= MEMORY_GOAL_MB);
    println!("| 100,000 records | {small:.1} | {MEMORY_GOAL_MB} | {is_met} |");
    let is_met = met(growth.abs() <= MEMORY_GROWTH_GOAL);
    println!(
        "| 1,000,000 records | {large:.1} ({:+.0} %) | ± {:.0} % | {is_met} |",
        growth * 100.0,
        MEMORY_GROWTH_GOAL * 100.0
    );
    Ok(())
}

fn call(case: &str, data: &Path, database: &Path, work: &Path) -> Result<Json> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(case).arg("--data").arg(data);
    command.arg("--db").arg(database);
    if let Some(count) = case.strip_prefix("stream_") {
        command.arg("--stream");
        command.arg(work.join(format!("stream-{count}.json")));
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("{case}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn remove(database: &Path) {
    for end in ["", "-wal", "-shm", "-journal"] {
        let mut name = database.as_os_str().to_owned();
        name.push(end);
        // Most of them are not there.
        let _ = std::fs::remove_file(name);
    }
}

/// The same of a runner's medians, which are in MB.
fn runners_above(line: &Json) -> Option<f64> {
    Some(line["peak_rss_mb"].as_f64()? - line["rss_start_mb"].as_f64()?)
}

/// Prints the medians of a runner's results beside those of a reference, and whether the goals are
/// met. Says where two stores that should hold the same do not.
pub(crate) fn ratios(results: &Path, reference: &str) -> Result<()> {
    let text = std::fs::read_to_string(results)?;
    let mut medians: BTreeMap<(String, String), Json> = BTreeMap::new();
    let mut states: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for line in text.lines() {
        let line: Json = serde_json::from_str(line)?;
        let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let (case, who) = (word("case"), word("impl"));
        match line["type"].as_str() {
            Some("median") => {
                medians.insert((case, who), line);
            }
            Some("check" | "prepare") => {
                if let Some(hash) = line.pointer("/state/sha256").and_then(Json::as_str) {
                    states.entry(case).or_default().insert(who, hash.to_owned());
                }
            }
            _ => {}
        }
    }
    println!("| case | {reference}, ms | amana, ms | ratio | goal |  |");
    println!("|---|---:|---:|---:|---:|---|");
    for (case, _, goal) in CASES {
        let of = |who: &str| medians.get(&(case.to_owned(), who.to_owned()));
        let (Some(theirs), Some(ours)) = (of(reference), of("amana")) else {
            continue;
        };
        let base = theirs["ms"].as_f64().unwrap_or_default();
        let mut rows = vec![(case.to_owned(), ours["ms"].as_f64(), goal)];
        if case == "pull_initial_100000" {
            let lock = ours.pointer("/phases/lock_held_ms").and_then(Json::as_f64);
            rows.push((format!("{case}, lock held"), lock, Some(LOCK_GOAL)));
        }
        for (name, ms, goal) in rows {
            let ms = ms.unwrap_or_default();
            let ratio = ms / base;
            let (goal, is_met) = match goal {
                None => ("–".to_owned(), ""),
                Some(goal) => (goal.to_string(), met(ratio <= goal)),
            };
            println!("| {name} | {base:.2} | {ms:.2} | {ratio:.3} | {goal} | {is_met} |");
        }
        if case == "pull_initial_100000"
            && let (Some(theirs), Some(ours)) = (runners_above(theirs), runners_above(ours))
        {
            let is_met = met(ours <= MEMORY_GOAL_MB);
            println!(
                "| {case}, MB above the input | {theirs:.0} | {ours:.0} | {:.3} | {MEMORY_GOAL_MB} MB | {is_met} |",
                ours / theirs
            );
        }
    }
    for (case, by) in &states {
        let differs = by
            .get("amana")
            .is_some_and(|ours| by.get(reference).is_some_and(|theirs| theirs != ours));
        // A tombstone of ours keeps no columns.
        let expected = case.starts_with("prepare:dirty") && case != "prepare:dirty500";
        if differs && !expected {
            println!("\n{case}: the two stores do not hold the same");
        }
    }
    Ok(())
}
