//! Scenes that show Amana at work. A further one is a value of [`Scene`], an arm of `main` and a module
//! that says whether all went as it must.
//!
//! `story`, on real processes: a server, two tablets, a clinic's day, and proofs at the end. It does
//! not use the core: tablets and server are programs that are started and watched, and what the
//! proofs compare is computed anew from files and from a pull of the driver's own.
//!
//! `clinic`, on the same programs and a hub: a week of a clinic.
//!
//! `keys`, on a simulated phone: every row of the table that decides what an opening does.

mod arguments;
mod clinic;
mod digest;
mod http;
mod keys;
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
use error::Result;
use output::Output;
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let holds = match arguments.scene {
        Scene::Story => tell(&arguments, story::run),
        Scene::Keys => keys::run(arguments.json),
        Scene::Clinic => tell(&arguments, clinic::run),
    };
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A scene that tells what happens, and ends with a report of proofs.
fn tell(arguments: &Arguments, scene: fn(&Arguments, &Output, &mut Report) -> Result<()>) -> bool {
    let output = Output::new(arguments.json);
    let mut report = Report::new(arguments);
    if let Err(error) = scene(arguments, &output, &mut report) {
        report.error = Some(error.to_string());
    }
    output.finish(&report);
    report.holds()
}
