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
mod end_to_end;
mod figures;
mod generate;
mod kv_figures;
mod outcome;
mod state;
mod store;
mod table;

use std::process::ExitCode;

use arguments::Arguments;

/// Whatever ends a measurement: it is told, and the process fails.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("amana-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    match arguments.case() {
        "" => Err("a case or a command is needed, see scripts/bench".into()),
        "serve" => end_to_end::serve(),
        "end-to-end" => end_to_end::print(&arguments.required("work")?),
        "figures" => figures::print(&arguments.required("work")?),
        "memory" => table::memory(&arguments.required("work")?, arguments.runs()?),
        "alone" => table::alone(&arguments.required("work")?, arguments.runs()?),
        "ratios" => {
            let reference = arguments.option("reference").unwrap_or("watermelon-tuned");
            table::ratios(&arguments.required("results")?, reference)
        }
        _ => cases::run(arguments),
    }
}
