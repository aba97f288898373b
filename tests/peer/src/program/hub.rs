//! The hub as a program.

use std::path::PathBuf;

use amana_peer::hub::crypto::read_key;
use amana_peer::hub::{CloudLink, Hub, HubConfig};
use amana_peer::{PeerConfig, UserSeed, ids};
use clap::Args;
use serde_json::json;

use super::{End, Failure, read_user, users};

/// How a hub is started.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The database file; without it a temporary one. A hub that comes back has its own.
    #[arg(long)]
    db: Option<PathBuf>,
    /// The hub's id.
    #[arg(long, default_value = ids::HUB)]
    id: String,
    /// Shown name.
    #[arg(long, default_value = "Reference hub")]
    name: String,
    /// The private key, 32 bytes in base64url; without it always the same made-up one.
    #[arg(long)]
    private_key: Option<String>,
    /// The cloud's base address. With it the hub begins empty and gets people and records when
    /// it meets its cloud.
    #[arg(long, requires = "cloud_ca")]
    cloud: Option<String>,
    /// The file with the cloud's certificate authority.
    #[arg(long)]
    cloud_ca: Option<PathBuf>,
    /// The key that the cloud knows the hub by.
    #[arg(long, default_value = ids::HUB_KEY)]
    api_key: String,
    /// Meets the cloud once before it is ready; a failure is told and changes nothing.
    #[arg(long, requires = "cloud")]
    meet: bool,
    /// A user of clinic A as email:password:role, for a hub without cloud. Replaces the seeded
    /// users; may be given several times.
    #[arg(long = "user", value_parser = read_user, conflicts_with = "cloud")]
    users: Vec<UserSeed>,
    /// Patients to begin with, each with a visit and three events, for a hub without cloud.
    #[arg(long, default_value_t = 0, conflicts_with = "cloud")]
    seed_patients: usize,
    /// Opens the routes below /__peer/.
    #[arg(long)]
    admin: bool,
    /// Time that each login takes.
    #[arg(long, default_value_t = 0)]
    login_latency_ms: u64,
    /// Holds the first push that comes so far after this row was stored, counted from 1, and then
    /// prints a second line, `held`: for a test that ends the program there.
    #[arg(long)]
    hold_push_after_row: Option<usize>,
    /// Ends when the standard input is closed, besides on SIGTERM.
    #[arg(long)]
    until_stdin_closes: bool,
}

/// Runs the hub until its end.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    let mut people = PeerConfig {
        seed_patients: arguments.seed_patients,
        ..PeerConfig::default()
    };
    if !arguments.users.is_empty() {
        people.users = arguments.users;
    }
    let known = users(&people.users);
    let cloud = match (arguments.cloud, arguments.cloud_ca) {
        (Some(url), Some(ca)) => Some(CloudLink {
            url,
            ca_pem: std::fs::read_to_string(ca)?,
            api_key: arguments.api_key,
        }),
        _ => None,
    };
    let has_cloud = cloud.is_some();
    let mut config = HubConfig {
        port: arguments.port,
        database: arguments.db,
        id: arguments.id,
        name: arguments.name,
        seed: cloud.is_none().then_some(people),
        cloud,
        admin: arguments.admin,
        login_latency_ms: arguments.login_latency_ms,
        ..HubConfig::default()
    };
    if let Some(text) = arguments.private_key {
        config.private_key =
            read_key(&text).ok_or("the private key is not 32 bytes in base64url")?;
    }
    let end = End::prepare()?;
    let hub = Hub::start(config)?;
    let gate = arguments.hold_push_after_row;
    let gate = gate.map(|row| hub.faults().base().hold_push_after_row(row));
    let meeting = arguments.meet.then(|| hub.meet_cloud());
    let line = json!({
        "url": hub.url(),
        "qr": hub.qr_text(),
        "id": hub.id(),
        "pk": hub.public_key(),
        "users": if has_cloud { json!([]) } else { json!(known) },
        "clinic_id": ids::CLINIC_A,
        "event_form_id": ids::EVENT_FORM,
        "meeting": meeting,
    });
    end.announce_and_wait(&line, arguments.until_stdin_closes, gate);
    hub.stop();
    Ok(())
}
