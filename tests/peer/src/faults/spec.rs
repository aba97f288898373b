//! The switches as JSON, for the admin route.

use axum::body::Bytes;
use serde::Deserialize;

use super::{Answer, Faults, Kind, Replacement};

/// Switches as JSON. Every field may be left out; what is left out stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FaultSpec {
    /// Puts everything right before the rest is applied.
    clear: bool,
    latency: Option<LatencySpec>,
    drip: Option<DripSpec>,
    hold_pull_after: Option<u64>,
    /// Releases the gate that `hold_pull_after` set.
    release: bool,
    cut: Option<CutSpec>,
    answer: Option<AnswerSpec>,
    replace_pull: Option<ReplaceSpec>,
    database_down: Option<bool>,
    clock_offset_ms: Option<i64>,
    fail_push_at_row: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LatencySpec {
    kind: Kind,
    ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DripSpec {
    bytes: usize,
    #[serde(default)]
    wait_ms: u64,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CutSpec {
    kind: Kind,
    after_bytes: u64,
    #[serde(default = "once")]
    times: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerSpec {
    kind: Kind,
    status: u16,
    #[serde(default = "once")]
    times: u32,
    retry_after: Option<String>,
    location: Option<String>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    carry_out: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReplaceSpec {
    Nothing,
    Text(String),
    HugeString(u64),
    Nested(u64),
    Endless,
    Patients(u64),
}

impl Faults {
    /// Applies switches given as JSON.
    pub fn apply(&self, spec: FaultSpec) {
        if spec.clear {
            self.clear();
        }
        if let Some(latency) = spec.latency {
            self.latency(latency.kind, latency.ms);
        }
        if let Some(drip) = spec.drip {
            self.drip(drip.bytes, drip.wait_ms);
        }
        if let Some(bytes) = spec.hold_pull_after {
            let gate = self.hold_pull_after(bytes);
            self.lock().admin_gate = Some(gate);
        }
        if spec.release {
            self.lock().admin_gate = None;
        }
        if let Some(cut) = spec.cut {
            self.cut_after(cut.kind, cut.after_bytes, cut.times);
        }
        if let Some(answer) = spec.answer {
            self.answer_with(Answer {
                kind: answer.kind,
                times: answer.times,
                status: answer.status,
                retry_after: answer.retry_after,
                location: answer.location,
                body: answer.body,
                carry_out: answer.carry_out,
            });
        }
        match spec.replace_pull {
            None => {}
            Some(ReplaceSpec::Nothing) => self.replace_pull(None),
            Some(ReplaceSpec::Text(text)) => {
                self.replace_pull(Some(Replacement::Bytes(Bytes::from(text))));
            }
            Some(ReplaceSpec::HugeString(length)) => {
                self.replace_pull(Some(Replacement::HugeString(length)));
            }
            Some(ReplaceSpec::Nested(depth)) => {
                self.replace_pull(Some(Replacement::Nested(depth)));
            }
            Some(ReplaceSpec::Endless) => self.replace_pull(Some(Replacement::Endless)),
            Some(ReplaceSpec::Patients(count)) => {
                self.replace_pull(Some(Replacement::Patients(count)));
            }
        }
        if let Some(down) = spec.database_down {
            self.database_down(down);
        }
        if let Some(ms) = spec.clock_offset_ms {
            self.clock_offset(ms);
        }
        if let Some(row) = spec.fail_push_at_row {
            self.fail_push_at_row(row, 1);
        }
    }
}
