//! What a case prints: times, memory, checks, in one line of JSON.

use std::time::Instant;

use serde_json::{Map, Value as Json, json};

/// The line of one case, while it is put together.
pub(crate) struct Outcome(Map<String, Json>);

impl Outcome {
    pub(crate) fn new(case: &str) -> Self {
        let mut line = Map::new();
        line.insert("impl".into(), "amana".into());
        line.insert("case".into(), case.into());
        Self(line)
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Json>) {
        self.0.insert(name.into(), value.into());
    }

    /// Notes the memory in use: the input is there, the work is not done yet.
    pub(crate) fn begins(&mut self) {
        self.set("rss_start_kb", memory_kb("VmRSS:"));
    }

    /// The headline.
    pub(crate) fn took(&mut self, ms: f64) {
        self.set("ms", round(ms));
    }

    pub(crate) fn phase(&mut self, name: &str, ms: f64) {
        let phases = self.0.entry("phases").or_insert_with(|| json!({}));
        phases[name] = round(ms);
    }

    pub(crate) fn check(&mut self, name: &str, value: impl Into<Json>) {
        let checks = self.0.entry("check").or_insert_with(|| json!({}));
        checks[name] = value.into();
    }

    pub(crate) fn print(mut self) {
        self.set("peak_rss_kb", memory_kb("VmHWM:"));
        println!("{}", Json::Object(self.0));
    }
}

/// The largest memory that this process had, in KiB.
pub(crate) fn peak_kb() -> Json {
    memory_kb("VmHWM:")
}

/// A line of the process's status; null where the system has none.
fn memory_kb(name: &str) -> Json {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    number.map_or(Json::Null, Json::from)
}

fn round(ms: f64) -> Json {
    json!((ms * 1000.0).round() / 1000.0)
}

/// Runs something and tells how many milliseconds it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64() * 1000.0)
}

/// The middle of some times.
pub(crate) fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    match times.len() {
        0 => 0.0,
        n if n % 2 == 1 => times[n / 2],
        n => f64::midpoint(times[n / 2 - 1], times[n / 2]),
    }
}
