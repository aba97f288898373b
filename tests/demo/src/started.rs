//! Starting a program that tells in one line of JSON when it is ready, and then serves.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;

use serde_json::Value as Json;

use crate::error::{Doing as _, Error, Result};
use crate::processes::{Process, Processes};

/// The process, and its line. Dropping the process ends it.
pub fn start(name: &str, command: &mut Command, processes: &Processes) -> Result<(Process, Json)> {
    let process = processes.start(name, command)?;
    let mut line = String::new();
    BufReader::new(process.stdout()?)
        .read_line(&mut line)
        .doing(name)?;
    match serde_json::from_str(&line) {
        Ok(started) => Ok((process, started)),
        Err(_) => {
            let mut said = String::new();
            let _ = process.stderr()?.read_to_string(&mut said);
            Err(Error::new(format!("{name} did not start: {said}")))
        }
    }
}
