//! The main story on real processes: a server, two tablets, a clinic's day, and proofs at the end.
//!
//! Nothing here uses the core: tablets and server are programs that are started and watched, and
//! what the proofs compare is computed anew from files and from a pull of the driver's own.

mod arguments;
mod clinic;
mod digest;
mod http;
mod output;
mod processes;
mod programs;
mod report;
mod server;
mod signals;
mod started;
mod story;
mod summary;
mod tablet;
mod time;

use std::process::ExitCode;

use clap::Parser as _;

use amana_demo::{canary, error, files};
use arguments::{Arguments, Scene};
use output::Output;
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    let mut report = Report::new(&arguments);
    let result = match arguments.scene {
        Scene::Story => story::run(&arguments, &output, &mut report),
        Scene::Clinic => clinic::run(&arguments, &output, &mut report),
    };
    if let Err(error) = result {
        report.error = Some(error.to_string());
    }
    output.finish(&report);
    if report.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
