//! The reference peer as a program, for demonstrations and for tests in other languages.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::ExitCode;

use amana_peer::{Peer, PeerConfig, UserSeed};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// A clinic's cloud server for tests: real TLS on 127.0.0.1, invented people.
#[derive(Debug, Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where to write the certificate authority (PEM).
    #[arg(long)]
    ca_out: Option<PathBuf>,
    /// The database file; without it a temporary one.
    #[arg(long)]
    db: Option<PathBuf>,
    /// A user of clinic A as email:password:role; the password may hold colons. Replaces the
    /// seeded users; may be given several times.
    #[arg(long = "user", value_parser = read_user)]
    users: Vec<UserSeed>,
    /// Opens the routes below /__peer/.
    #[arg(long)]
    admin: bool,
    /// Patients to begin with, each with a visit and three events.
    #[arg(long, default_value_t = 0)]
    seed_patients: usize,
    /// The server's time zone in minutes ahead of UTC.
    #[arg(long, default_value_t = 0, allow_hyphen_values = true)]
    time_zone_minutes: i32,
    /// The server's history limit in days.
    #[arg(long)]
    max_history_days: Option<u32>,
    /// Lifts the rate limits.
    #[arg(long)]
    no_rate_limit: bool,
    /// Time that each password check of the sync route takes.
    #[arg(long, default_value_t = 0)]
    basic_latency_ms: u64,
    /// Ends when the standard input is closed, besides on SIGTERM.
    #[arg(long)]
    until_stdin_closes: bool,
}

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

#[allow(clippy::print_stderr, reason = "a program tells on stderr why it ends")]
fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[allow(
    clippy::print_stdout,
    reason = "the one line on stdout is the program's interface"
)]
fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut config = PeerConfig {
        port: arguments.port,
        database: arguments.db,
        time_zone_minutes: arguments.time_zone_minutes,
        max_history_days: arguments.max_history_days,
        rate_limit: !arguments.no_rate_limit,
        admin: arguments.admin,
        basic_latency_ms: arguments.basic_latency_ms,
        seed_patients: arguments.seed_patients,
        ..PeerConfig::default()
    };
    if !arguments.users.is_empty() {
        config.users = arguments.users;
    }
    let users: Vec<serde_json::Value> = config
        .users
        .iter()
        .enumerate()
        .map(|(n, user)| {
            serde_json::json!({
                "id": amana_peer::ids::user_id(n),
                "email": user.email,
                "password": user.password,
                "role": user.role,
                "clinic_id": user.clinic_id,
            })
        })
        .collect();
    // Installed before the line is printed: who reads it may end the program at once.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut terminate = runtime.block_on(async { signal(SignalKind::terminate()) })?;
    let mut interrupt = runtime.block_on(async { signal(SignalKind::interrupt()) })?;

    let peer = Peer::start(config)?;
    if let Some(path) = &arguments.ca_out {
        std::fs::write(path, peer.ca_pem())?;
    }
    let line = serde_json::json!({
        "url": peer.url(),
        "ca": arguments.ca_out,
        "users": users,
        "clinic_id": amana_peer::ids::CLINIC_A,
        "event_form_id": amana_peer::ids::EVENT_FORM,
    });
    println!("{line}");

    let (closed, is_closed) = oneshot::channel::<()>();
    if arguments.until_stdin_closes {
        std::thread::spawn(move || {
            let mut ignored = [0u8; 1024];
            let mut input = std::io::stdin().lock();
            while input.read(&mut ignored).is_ok_and(|read| read > 0) {}
            let _ = closed.send(());
        });
        runtime.block_on(async {
            tokio::select! {
                _ = is_closed => {}
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    } else {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
    }
    peer.stop();
    Ok(())
}
