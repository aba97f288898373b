//! A tablet that syncs and can stop in the middle, for tests of what a kill there leaves behind.
//!
//! Called with a vault, a folder of keys, and where to stop:
//!
//! * `--at rule`: in the transaction that applies a pull. Its rule for conflicts prints `asked` and never
//!   answers.
//! * `--at answer`: after the peer's answer to a push, before anything is acknowledged. Once a line has
//!   come on its standard input it prints `ready`; the next time that the engine looks at the clock in a
//!   push it prints `answered`, and stays there. The engine looks at it around each request, so whoever
//!   says so while an answer is held back stops the tablet right behind that answer.
//!
//! Ends by itself where it never comes to that point, or on an error, which it prints.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, ThreadId};

use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::model::terms::{Choice, ConflictPolicy, ConflictQuestion, ConflictResolver, Usual};
use amana_core::ports::{BootTime, Clock, ProgressListener};
use amana_core::{Amana, Config, Result, SyncOptions, System, host_key_store};
use clap::{Parser, ValueEnum};

#[derive(Parser)]
struct Arguments {
    /// The vault's directory.
    vault: PathBuf,
    /// The directory of the device secret.
    keys: PathBuf,
    /// Where to stop.
    #[arg(long, value_enum)]
    at: Stop,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stop {
    Rule,
    Answer,
}

/// Says where it is, and stays there.
fn stay(word: &str) -> ! {
    say(word);
    loop {
        thread::park();
    }
}

fn say(word: &str) {
    println!("{word}");
    let _ = std::io::stdout().flush();
}

struct Rule;

impl ConflictResolver for Rule {
    fn resolve(&self, _: &ConflictQuestion<'_>) -> Result<Vec<Choice>> {
        stay("asked")
    }
}

/// The device's clock, until it stops whoever looks at it in a push.
struct StoppingClock {
    real: Arc<dyn Clock>,
    stops: AtomicBool,
    /// The thread on which a push runs, once there is one.
    pushes: OnceLock<ThreadId>,
}

impl StoppingClock {
    fn listen(self: &Arc<Self>) {
        let clock = Arc::clone(self);
        thread::spawn(move || {
            let mut line = String::new();
            if std::io::stdin()
                .read_line(&mut line)
                .is_ok_and(|bytes| bytes > 0)
            {
                clock.stops.store(true, Ordering::SeqCst);
                say("ready");
            }
        });
    }
}

impl Clock for StoppingClock {
    fn now_ms(&self) -> i64 {
        self.real.now_ms()
    }

    fn monotonic_ms(&self) -> u64 {
        if self.stops.load(Ordering::SeqCst) && self.pushes.get() == Some(&thread::current().id()) {
            stay("answered");
        }
        self.real.monotonic_ms()
    }

    fn since_boot(&self) -> BootTime {
        self.real.since_boot()
    }
}

impl ProgressListener for StoppingClock {
    fn progress(&self, progress: &SyncProgress) {
        if progress.phase == SyncPhase::Pushing {
            self.pushes.get_or_init(|| thread::current().id());
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match sync(arguments.at, &arguments.vault, &arguments.keys) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn sync(at: Stop, vault: &Path, keys: &Path) -> Result<()> {
    let mut config = Config::new(vault);
    let mut system = System::real();
    let mut options = SyncOptions::default();
    match at {
        Stop::Rule => {
            config.sync.conflicts = ConflictPolicy::Ask {
                resolver: Arc::new(Rule),
                otherwise: Usual::Local,
            };
        }
        Stop::Answer => {
            let clock = Arc::new(StoppingClock {
                real: system.clock,
                stops: AtomicBool::new(false),
                pushes: OnceLock::new(),
            });
            clock.listen();
            system.clock = clock.clone();
            options.progress = Some(clock);
        }
    }
    let amana = Amana::open(config, host_key_store(keys)?, system)?;
    pollster::block_on(amana.sync(options)).map(|_| ())
}
