//! What both programs share: users on the command line, the lines on stdout, and their end.

pub mod cloud;
pub mod hub;

use std::io::Read as _;
use std::time::Duration;

use amana_peer::{Gate, UserSeed, ids};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// Longer than any test.
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a program ends early.
pub type Failure = Box<dyn std::error::Error>;

/// A user as `email:password:role`; the password may hold colons.
fn read_user(text: &str) -> Result<UserSeed, String> {
    let parts = text.split_once(':').and_then(|(email, rest)| {
        rest.rsplit_once(':')
            .map(|(word, role)| (email, word, role))
    });
    match parts {
        Some((email, password, role)) => Ok(UserSeed::new(email, password, role)),
        None => Err("expected email:password:role".to_owned()),
    }
}

/// The users as the one line tells them.
fn users(seeds: &[UserSeed]) -> Vec<Value> {
    seeds
        .iter()
        .enumerate()
        .map(|(n, user)| {
            json!({
                "id": ids::user_id(n),
                "email": user.email,
                "password": user.password,
                "role": user.role,
                "clinic_id": user.clinic_id,
            })
        })
        .collect()
}

/// The signals that end a program.
struct End {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl End {
    /// Must be made before the line is printed: who reads it may end the program at once.
    fn prepare() -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (terminate, interrupt) = runtime.block_on(async {
            Ok::<_, std::io::Error>((
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
            ))
        })?;
        Ok(Self {
            runtime,
            terminate,
            interrupt,
        })
    }

    /// Prints the line, then waits for a signal or, if asked, for the input's end. A gate is
    /// never released; that it is reached is told.
    #[allow(
        clippy::print_stdout,
        reason = "the lines on stdout are the program's interface"
    )]
    fn announce_and_wait(mut self, line: &Value, until_stdin_closes: bool, gate: Option<Gate>) {
        println!("{line}");
        if let Some(gate) = gate {
            std::thread::spawn(move || {
                if gate.wait_reached(A_DAY) {
                    println!("held");
                }
                // Dropped, it would be released.
                std::mem::forget(gate);
            });
        }
        let (closed, is_closed) = oneshot::channel::<()>();
        let kept = if until_stdin_closes {
            std::thread::spawn(move || {
                let mut ignored = [0u8; 1024];
                let mut input = std::io::stdin().lock();
                while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
                let _ = closed.send(());
            });
            None
        } else {
            // Not dropped before the end, so that the wait below is for the signals alone.
            Some(closed)
        };
        self.runtime.block_on(async {
            tokio::select! {
                _ = is_closed => {}
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
        });
        drop(kept);
    }
}
