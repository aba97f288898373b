//! What happened, in numbers, and which proofs hold.

use serde_json::{Map, Value as Json, json};

use crate::arguments::{Arguments, Scene};
use crate::processes::Processes;
use crate::time::Stopwatch;

/// Everything that is told at the end.
pub struct Report {
    /// What is shown.
    pub scene: Scene,
    /// Whether the server is the reference one.
    pub reference: bool,
    /// Patients in all.
    pub patients: u32,
    /// Chapters with their time.
    pub phases: Vec<Phase>,
    /// Every sync that ended.
    pub syncs: Vec<Sync>,
    /// What was found out on the way, by name.
    pub facts: Map<String, Json>,
    /// What was proved, or not.
    pub proofs: Vec<Proof>,
    /// What could not be compared, and why.
    pub left_out: Vec<String>,
    /// Why the story ended early.
    pub error: Option<String>,
    /// Where the folder is, if it was kept.
    pub kept: Option<String>,
    started: Stopwatch,
}

/// A chapter.
pub struct Phase {
    pub name: &'static str,
    pub ms: u64,
}

/// A sync of a tablet.
pub struct Sync {
    pub tablet: usize,
    /// What it was for.
    pub what: &'static str,
    /// Of the whole process, opening the vault included.
    pub ms: u64,
    /// The tablet's own account.
    pub report: Json,
}

/// A proof.
pub struct Proof {
    pub name: &'static str,
    pub holds: bool,
    /// What it rests on, or what is wrong.
    pub detail: String,
}

impl Report {
    /// Nothing yet.
    pub fn new(arguments: &Arguments) -> Self {
        Self {
            scene: arguments.scene,
            reference: arguments.cloud.is_none(),
            patients: arguments.patients(),
            phases: Vec::new(),
            syncs: Vec::new(),
            facts: Map::new(),
            proofs: Vec::new(),
            left_out: Vec::new(),
            error: None,
            kept: None,
            started: Stopwatch::start(),
        }
    }

    /// Notes a proof: it holds if nothing is wrong.
    pub fn prove(&mut self, name: &'static str, wrong: Vec<String>, rests_on: String) -> bool {
        let holds = wrong.is_empty();
        let detail = if holds { rests_on } else { wrong.join("; ") };
        self.proofs.push(Proof {
            name,
            holds,
            detail,
        });
        holds
    }

    /// Whether the story came to its end with every proof.
    pub fn holds(&self) -> bool {
        self.error.is_none() && !self.proofs.is_empty() && self.proofs.iter().all(|p| p.holds)
    }

    /// The names of the proofs that failed.
    pub fn failed(&self) -> Vec<&'static str> {
        self.proofs
            .iter()
            .filter(|proof| !proof.holds)
            .map(|proof| proof.name)
            .collect()
    }

    /// Milliseconds since the start.
    pub fn total_ms(&self) -> u64 {
        self.started.ms()
    }

    /// The largest number that any sync gave under a name.
    pub fn most(&self, name: &str) -> Option<u64> {
        self.syncs
            .iter()
            .filter_map(|sync| sync.report[name].as_u64())
            .max()
    }

    /// The smallest one.
    pub fn least(&self, name: &str) -> Option<u64> {
        self.syncs
            .iter()
            .filter_map(|sync| sync.report[name].as_u64())
            .min()
    }

    /// The whole as one object.
    pub fn to_json(&self) -> Json {
        let phases: Vec<Json> = self
            .phases
            .iter()
            .map(|phase| json!({"name": phase.name, "ms": phase.ms}))
            .collect();
        let syncs: Vec<Json> = self.syncs.iter().map(Sync::to_json).collect();
        let proofs: Vec<Json> = self
            .proofs
            .iter()
            .map(|p| json!({"name": p.name, "holds": p.holds, "detail": p.detail}))
            .collect();
        json!({
            "ok": self.holds(),
            "scene": self.scene.as_str(),
            "server": if self.reference { "reference" } else { "existing" },
            "patients": self.patients,
            "total_ms": self.total_ms(),
            "phases": phases,
            "syncs": syncs,
            "facts": self.facts,
            "memory": {
                "idle_kib": self.least("idle_memory_kib"),
                "peak_kib": self.most("peak_memory_kib"),
            },
            "proofs": proofs,
            "failed": self.failed(),
            "left_out": self.left_out,
            "error": self.error,
            "kept": self.kept,
        })
    }
}

impl Sync {
    fn to_json(&self) -> Json {
        let mut json = json!({"tablet": self.tablet, "what": self.what, "ms": self.ms});
        if let (Some(all), Some(own)) = (json.as_object_mut(), self.report.as_object()) {
            all.extend(own.clone());
        }
        json
    }
}

/// A chapter being told.
pub struct Chapter {
    name: &'static str,
    watch: Stopwatch,
}

impl Chapter {
    /// Begins.
    pub fn begin(name: &'static str) -> Self {
        Self {
            name,
            watch: Stopwatch::start(),
        }
    }

    /// Ends.
    pub fn end(self, report: &mut Report) {
        report.phases.push(Phase {
            name: self.name,
            ms: self.watch.ms(),
        });
    }
}

/// Nothing of a report holds once the person ended it.
pub fn note_interruption(processes: &Processes, report: &mut Report) {
    if processes.is_stopped() && report.error.is_none() {
        report.error = Some("interrupted".to_owned());
    }
}
