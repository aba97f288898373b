//! Kills a process that works on a vault, again and again at random moments, and looks each time
//! whether anything that it had said to be done is lost.
//!
//! One program with two roles: the one that kills starts itself as the one that works. What the
//! worker begins and what it has done it says line by line; after each kill a new worker opens the
//! vault, tells what is in it, and goes on. What was begun and not said to be done may be there or
//! not, wholly.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]

mod draw;
mod killer;
mod op;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Kills a process that writes values, changes the keyring, rotates and wipes; starts it again, and
/// checks that nothing is lost. The last line of standard output is a JSON object of figures.
///
/// Exits 0 only if no committed value was lost and no vault opened with nothing in it.
#[derive(Parser)]
struct Arguments {
    /// How often to kill.
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Decides what is done; the moments of the kills are the machine's as well.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the vaults are made. Default: in memory where the system has such a place, since a
    /// kill loses nothing that was handed to the system.
    #[arg(long)]
    place: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

#[derive(Subcommand)]
enum Role {
    /// The one that is killed.
    #[command(hide = true)]
    Work(worker::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.role {
        Some(Role::Work(work)) => worker::run(&work).map_err(|error| error.to_string()),
        None => killer::run(arguments.kills, arguments.seed, arguments.place),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
