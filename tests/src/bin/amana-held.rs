//! A tablet that stops in the middle of applying a pull: its rule for conflicts says so, and never
//! answers. For tests of what a kill there leaves behind.
//!
//! Called with a vault and a folder of keys. Prints `asked` from within the transaction; ends by itself
//! only where there is no conflict, or on an error, which it prints.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use amana_core::model::terms::{Choice, ConflictPolicy, ConflictQuestion, ConflictResolver, Usual};
use amana_core::{Amana, Config, Result, SyncOptions, System, host_key_store};
use clap::Parser;

#[derive(Parser)]
struct Arguments {
    /// The vault's directory.
    vault: PathBuf,
    /// The directory of the device secret.
    keys: PathBuf,
}

struct Held;

impl ConflictResolver for Held {
    fn resolve(&self, _: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        println!("asked");
        let _ = std::io::stdout().flush();
        loop {
            std::thread::park();
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match sync(&arguments.vault, &arguments.keys) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn sync(vault: &Path, keys: &Path) -> Result<()> {
    let mut config = Config::new(vault);
    config.sync.conflicts = ConflictPolicy::Ask {
        resolver: Arc::new(Held),
        otherwise: Usual::Local,
    };
    let amana = Amana::open(config, host_key_store(keys)?, System::real())?;
    pollster::block_on(amana.sync(SyncOptions::default())).map(|_| ())
}
