//! The cloud as a program.

use std::path::PathBuf;

use amana_peer::{Peer, PeerConfig, UserSeed};
use clap::Args;

use super::{End, Failure, read_user, users};

/// How the cloud is started.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where to write the certificate authority (PEM).
    #[arg(long)]
    ca_out: Option<PathBuf>,
    /// The database file; without it a temporary one.
    #[arg(long)]
    db: Option<PathBuf>,
    /// A folder that keeps the certificate authority, for a server that comes back.
    #[arg(long)]
    tls: Option<PathBuf>,
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
    /// Switches as JSON, as `/__peer/faults` takes them, set from the start; may be given several times.
    #[arg(long = "faults")]
    faults: Vec<String>,
    /// Holds the first push that comes so far after this row was stored, counted from 1, and then
    /// prints a second line, `held`: for a test that ends the program there.
    #[arg(long)]
    hold_push_after_row: Option<usize>,
    /// Ends when the standard input is closed, besides on SIGTERM.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Runs the server until its end.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut config = PeerConfig {
        port: arguments.port,
        database: arguments.db,
        tls_folder: arguments.tls,
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
    let users = users(&config.users);
    let end = End::prepare()?;
    let peer = Peer::start(config)?;
    for spec in &arguments.faults {
        peer.faults().apply(serde_json::from_str(spec)?);
    }
    let gate = arguments.hold_push_after_row;
    let gate = gate.map(|row| peer.faults().hold_push_after_row(row));
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
    end.announce_and_wait(&line, arguments.until_stdin_closes, gate);
    peer.stop();
    Ok(())
}
