//! Measures Amana. `amana-bench CASE --data DIR --db FILE [--hash 1]` speaks the protocol of a
//! runner that other stores speak too: a fresh process for each run, one line of JSON. The other
//! commands make data, run all cases by themselves, and measure what has no counterpart.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement prints, and its clock is the real one"
)]

mod arguments;
mod cases;
mod outcome;
mod state;
mod store;

use std::process::ExitCode;

use arguments::Arguments;

/// Whatever ends a measurement: it is told, and the process fails.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    match cases::run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("amana-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
