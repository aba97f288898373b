//! Scenes that show Amana at work. A further one is a value of [`Scene`], an arm of `main` and a module
//! that says whether all went as it must.
//!
//! `story`, on real processes: a server, two tablets, a clinic's day, and proofs at the end. It does
//! not use the core: tablets and server are programs that are started and watched, and what the
//! proofs compare is computed anew from files and from a pull of the driver's own.
//!
//! `keys`, on a simulated phone: every row of the table that decides what an opening does.

mod arguments;
mod canary;
mod digest;
mod error;
mod files;
mod http;
mod keys;
mod output;
mod processes;
mod programs;
mod report;
mod server;
mod signals;
mod story;
mod summary;
mod tablet;
mod time;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Arguments, Scene};
use output::Output;
use report::Report;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let holds = match arguments.scene {
        Scene::Story => tell_story(&arguments),
        Scene::Keys => keys::run(arguments.json),
    };
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn tell_story(arguments: &Arguments) -> bool {
    let output = Output::new(arguments.json);
    let mut report = Report::new(arguments);
    let result = story::run(arguments, &output, &mut report);
    if let Err(error) = result {
        report.error = Some(error.to_string());
    }
    output.finish(&report);
    report.holds()
}
