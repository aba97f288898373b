//! The one that kills: starts workers, listens, kills them by their process id, and holds what the
//! next one finds against what was said to be done.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::draw::Draw;
use crate::op::{Op, State, state_from_json};

/// Nothing takes so long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

type Result<T> = std::result::Result<T, String>;

/// What was seen.
#[derive(Default)]
struct Figures {
    kills: u32,
    /// Kills in the middle of what.
    during: BTreeMap<&'static str, u32>,
    /// What was said to be done.
    done: BTreeMap<&'static str, u64>,
    /// What was killed in the middle and had happened all the same.
    happened: u32,
    lost: u32,
    opened_empty: u32,
    refused: u32,
    loose: u64,
    findings: Vec<String>,
}

/// One vault, and all states that it may be in.
struct Watched {
    vault: PathBuf,
    person: bool,
    possible: Vec<State>,
    in_doubt: bool,
}

/// Kills so often; an error is a finding, or a machine on which this cannot be done.
pub fn run(kills: u32, seed: u64, place: Option<PathBuf>) -> Result<()> {
    let memory = Path::new("/dev/shm");
    let place = match place {
        Some(place) => tempfile::tempdir_in(place),
        None if memory.is_dir() => tempfile::tempdir_in(memory),
        None => tempfile::tempdir(),
    }
    .map_err(|error| format!("no place for the vaults: {error}"))?;
    let watched = |name: &str, person| Watched {
        vault: place.path().join(name),
        person,
        possible: vec![None],
        in_doubt: false,
    };
    let mut vaults = [watched("device", false), watched("person", true)];
    let mut figures = Figures::default();
    let mut draw = Draw::new(seed);
    let begun = now();
    while figures.kills < kills && figures.findings.len() < 10 {
        let vault = &mut vaults[usize::from(figures.kills % 2 == 1)];
        let life = seed.wrapping_mul(1_000_003) % 1_000_000_000 + u64::from(figures.kills);
        vault.live_and_die(life, &mut draw, &mut figures)?;
        if figures.kills % 1000 == 0 {
            eprintln!(
                "{} kills, {} findings",
                figures.kills,
                figures.findings.len()
            );
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    for finding in &figures.findings {
        eprintln!("{finding}");
    }
    println!("{}", figures.to_json(seed, seconds));
    if figures.findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{} findings", figures.findings.len()))
    }
}

impl Watched {
    /// One worker's life, from its start to its kill.
    fn live_and_die(&mut self, seed: u64, draw: &mut Draw, figures: &mut Figures) -> Result<()> {
        let mut child = self.start(seed)?;
        let lines = listen(&mut child)?;
        // Either at any moment of its life, or in the middle of something rare.
        let awaited = [
            None,
            None,
            Some("rotate"),
            Some("wipe"),
            Some("person"),
            Some("create"),
        ];
        let awaited = awaited[usize::try_from(draw.below(6)).unwrap_or(0)];
        let soon = Duration::from_micros(draw.below(6_000));
        // One in four dies while it opens, perhaps; the others once they have opened.
        let opening = Duration::from_micros(draw.below(40_000));
        let working = Duration::from_micros(draw.below(60_000));
        let is_early = draw.below(4) == 0;
        let mut end = now() + if is_early { opening } else { PATIENCE };
        let mut trying = None;
        // Where its words end it has ended by itself; why, it says elsewhere.
        while let Ok(line) = lines.recv_timeout(end.saturating_duration_since(now())) {
            self.hear(&line, &mut trying, figures);
            if line.get("state").is_some() && !is_early {
                end = now() + working;
            }
            let name = trying.as_ref().map(Op::name);
            if name.is_some() && name == awaited && line["try"].is_object() {
                end = now() + soon;
            }
        }
        child
            .kill()
            .map_err(|error| format!("it cannot be killed: {error}"))?;
        let mut said = String::new();
        let errors = child.stderr.take();
        let status = child.wait().map_err(|error| error.to_string())?;
        // What it had said before it died.
        for line in lines {
            self.hear(&line, &mut trying, figures);
        }
        if let Some(mut errors) = errors {
            let _ = errors.read_to_string(&mut said);
        }
        figures.kills += 1;
        if status.code().is_some() {
            figures.refused += 1;
            self.find(figures, &format!("ended by itself: {}", said.trim()));
            self.give_up();
            return Ok(());
        }
        match trying {
            Some(op) => {
                *figures.during.entry(op.name()).or_default() += 1;
                let after = op.apply(&self.possible[0]);
                if !self.possible.contains(&after) {
                    self.possible.push(after);
                    self.in_doubt = true;
                }
            }
            None => *figures.during.entry("opening").or_default() += 1,
        }
        Ok(())
    }

    fn hear(&mut self, line: &Json, trying: &mut Option<Op>, figures: &mut Figures) {
        if let Some(state) = line.get("state") {
            figures.loose += line["loose"].as_u64().unwrap_or(0);
            match state_from_json(state) {
                Some(state) => self.found(state, figures),
                None => self.find(figures, "an unreadable state"),
            }
        } else if line["try"].is_object() {
            *trying = Op::from_json(&line["try"]);
        } else if line["done"] == true
            && let Some(op) = trying.take()
        {
            *figures.done.entry(op.name()).or_default() += 1;
            self.possible = vec![op.apply(&self.possible[0])];
        }
    }

    fn found(&mut self, state: State, figures: &mut Figures) {
        match self.possible.iter().position(|possible| *possible == state) {
            Some(place) => {
                figures.happened += u32::from(place == 1 && self.in_doubt);
            }
            None => {
                let is_empty = state.as_ref().is_none_or(|held| held.values.is_empty());
                if is_empty {
                    figures.opened_empty += 1;
                } else {
                    figures.lost += 1;
                }
                let what = format!("{state:?} is none of {:?}", self.possible);
                self.find(figures, &what);
            }
        }
        self.possible = vec![state];
        self.in_doubt = false;
    }

    fn find(&self, figures: &mut Figures, what: &str) {
        let kill = figures.kills;
        let vault = self.vault.display();
        figures
            .findings
            .push(format!("after kill {kill}, {vault}: {what}"));
    }

    /// Starts afresh beside what does not open, so that more can be found.
    fn give_up(&mut self) {
        self.vault.set_file_name(format!(
            "{}x",
            self.vault.file_name().unwrap_or_default().to_string_lossy()
        ));
        self.possible = vec![None];
        self.in_doubt = false;
    }

    fn start(&self, seed: u64) -> Result<Child> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.arg("work").arg("--vault").arg(&self.vault);
        command.arg("--seed").arg(seed.to_string());
        if self.person {
            command.arg("--person");
        }
        for pin in self
            .possible
            .iter()
            .flatten()
            .filter_map(|held| held.second)
        {
            command.arg("--second").arg(pin.to_string());
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("a worker cannot be started: {error}"))
    }
}

/// Reads a worker's words on a thread of its own. A line that was cut off was never said.
fn listen(child: &mut Child) -> Result<Receiver<Json>> {
    let out = child.stdout.take().ok_or("a worker has no voice")?;
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(std::io::Result::ok) {
            if let Ok(line) = serde_json::from_str(&line)
                && sender.send(line).is_err()
            {
                return;
            }
        }
    });
    Ok(receiver)
}

#[allow(clippy::disallowed_methods, reason = "the moments of kills are real")]
fn now() -> Instant {
    Instant::now()
}

impl Figures {
    fn to_json(&self, seed: u64, seconds: f64) -> Json {
        json!({
            "ok": self.findings.is_empty(),
            "seed": seed,
            "kills": self.kills,
            "killed_during": self.during,
            "done": self.done,
            "happened_though_killed": self.happened,
            "committed_values_lost": self.lost,
            "opened_with_nothing_in_it": self.opened_empty,
            "did_not_open": self.refused,
            "loose_secrets_seen": self.loose,
            "seconds": (seconds * 10.0).round() / 10.0,
            "kills_per_second": (f64::from(self.kills) / seconds * 10.0).round() / 10.0,
        })
    }
}
