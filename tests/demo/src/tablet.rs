//! A tablet: the program, with a vault, a key folder and a temporary folder of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::error::{Doing as _, Error, Result};
use crate::processes::{Processes, interrupted};

/// A tablet.
pub struct Tablet {
    /// 1 or 2.
    pub number: usize,
    /// Its vault.
    pub vault: PathBuf,
    /// Its stand-in for a phone's key store.
    pub keys: PathBuf,
    /// What its process takes for the place of temporary files.
    pub temporary: PathBuf,
    program: PathBuf,
    processes: Processes,
}

/// How far a sync is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// What it is doing.
    pub phase: String,
    /// Bytes received.
    pub bytes: u64,
    /// Rows done.
    pub rows: u64,
    /// Rows in all.
    pub total: Option<u64>,
}

/// Whether a sync is to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    GoOn,
    Kill,
}

/// How a call ended.
#[derive(Debug)]
pub enum End {
    /// With an answer.
    Answer(Json),
    /// With a typed error.
    Refused(Json),
    /// By SIGKILL.
    Killed,
}

impl Tablet {
    /// A tablet with folders below the given one.
    pub fn new(
        number: usize,
        home: &Path,
        program: PathBuf,
        processes: &Processes,
    ) -> Result<Self> {
        let home = home.join(format!("tablet-{number}"));
        let temporary = home.join("temporary");
        std::fs::create_dir_all(&temporary).doing(temporary.display())?;
        Ok(Self {
            number,
            vault: home.join("vault"),
            keys: home.join("keys"),
            temporary,
            program,
            processes: processes.clone(),
        })
    }

    /// The same program on another vault and other keys.
    pub fn with(&self, vault: &Path, keys: &Path) -> Self {
        Self {
            number: self.number,
            vault: vault.to_owned(),
            keys: keys.to_owned(),
            temporary: self.temporary.clone(),
            program: self.program.clone(),
            processes: self.processes.clone(),
        }
    }

    /// All folders that hold anything of it.
    pub fn folders(&self) -> [&Path; 3] {
        [&self.vault, &self.keys, &self.temporary]
    }

    /// One call that must succeed.
    pub fn call(&self, arguments: &[&str]) -> Result<Json> {
        self.answer(arguments, self.attempt(arguments, &mut |_| Then::GoOn)?)
    }

    /// One call, however it ends.
    pub fn attempt(
        &self,
        arguments: &[&str],
        on_progress: &mut dyn FnMut(&Progress) -> Then,
    ) -> Result<End> {
        let mut command = Command::new(&self.program);
        command
            .arg("--vault")
            .arg(&self.vault)
            .arg("--keys")
            .arg(&self.keys)
            .args(arguments);
        command.env("TMPDIR", &self.temporary);
        let process = self
            .processes
            .start(&format!("tablet {}", self.number), &mut command)?;
        let (mut stdout, stderr) = (process.stdout()?, process.stderr()?);
        let answer = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).map(|_| text)
        });
        let (mut error, mut last_words) = (None, String::new());
        for line in BufReader::new(stderr).lines() {
            let line = line.doing("the output of a tablet")?;
            match Said::of(&line) {
                Said::Progress(progress) => {
                    if on_progress(&progress) == Then::Kill {
                        process.kill()?;
                    }
                }
                Said::Error(said) => error = Some(said),
                Said::Other => last_words = line,
            }
        }
        let answer = answer
            .join()
            .map_err(|_| Error::new("a reading thread ended early"))?;
        let answer = answer.doing("the output of a tablet")?;
        let status = process.wait()?;
        if self.processes.is_stopped() {
            return Err(interrupted());
        }
        match (status.success(), error) {
            (true, _) => serde_json::from_str(&answer)
                .doing("a tablet's answer")
                .map(End::Answer),
            (false, _) if status.signal() == Some(9) => Ok(End::Killed),
            (false, Some(error)) => Ok(End::Refused(error)),
            (false, None) => Err(Error::new(format!(
                "tablet {}: {} ended with {status}: {last_words}",
                self.number,
                arguments.first().unwrap_or(&""),
            ))),
        }
    }

    /// The answer of a call that must have succeeded.
    pub fn answer(&self, arguments: &[&str], end: End) -> Result<Json> {
        let what = arguments.first().unwrap_or(&"");
        match end {
            End::Answer(answer) => Ok(answer),
            End::Refused(error) => Err(Error::new(format!(
                "tablet {}: {what} was refused: {} ({})",
                self.number,
                error["code"].as_str().unwrap_or("?"),
                error["detail"].as_str().unwrap_or("?"),
            ))),
            End::Killed => Err(Error::new(format!(
                "tablet {}: {what} was killed",
                self.number
            ))),
        }
    }
}

/// A line of a tablet's standard error.
enum Said {
    Progress(Progress),
    Error(Json),
    Other,
}

impl Said {
    fn of(line: &str) -> Self {
        let Ok(mut json) = serde_json::from_str::<Json>(line) else {
            return Self::Other;
        };
        if json["error"].is_object() {
            return Self::Error(json["error"].take());
        }
        match json["phase"].as_str() {
            Some(phase) => Self::Progress(Progress {
                phase: phase.to_owned(),
                bytes: json["bytes"].as_u64().unwrap_or_default(),
                rows: json["rows"].as_u64().unwrap_or_default(),
                total: json["total_rows"].as_u64(),
            }),
            None => Self::Other,
        }
    }
}
