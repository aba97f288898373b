//! The reference peers as a program, for demonstrations and for tests in other languages: a
//! clinic's cloud server, or with the word `hub` its local hub.

mod program;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A clinic's cloud server for tests: real TLS on 127.0.0.1, invented people.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    other: Option<Other>,
    #[command(flatten)]
    cloud: program::cloud::Arguments,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// A clinic's local hub for tests: plain HTTP on 127.0.0.1 with a sealed channel.
    Hub(program::hub::Arguments),
}

#[allow(clippy::print_stderr, reason = "a program tells on stderr why it ends")]
fn main() -> ExitCode {
    let line = CommandLine::parse();
    let result = match line.other {
        None => program::cloud::run(line.cloud),
        Some(Other::Hub(hub)) => program::hub::run(hub),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
