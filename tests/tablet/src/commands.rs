//! Carries a command out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::model::ids::PeerId;
use amana_core::model::notice::SyncProgress;
use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::model::report::SyncReport;
use amana_core::model::schema::Direction;
use amana_core::ports::ProgressListener;
use amana_core::secret::SecretText;
use amana_core::{Amana, Config, Error, Result, SyncOptions, System};
use serde_json::{Map, Value as Json, json};

use crate::arguments::{Arguments, Command, Place};
use crate::{kv, patients};

/// Opens the vault, does one thing, closes it.
pub async fn run(arguments: Arguments) -> Result<Json> {
    let keys = arguments.keys.unwrap_or_else(|| beside(&arguments.vault));
    let key_store = amana_core::host_key_store(&keys)?;
    let amana = Amana::open(Config::new(&arguments.vault), key_store, System::real())?;
    let server = Server {
        cloud: arguments.cloud,
        ca: arguments.ca,
    };
    let result = carry_out(&amana, &server, arguments.command).await;
    amana.close().and(result)
}

fn beside(vault: &Path) -> PathBuf {
    let mut name = vault.as_os_str().to_owned();
    name.push(".keys");
    PathBuf::from(name)
}

/// The server that was named on the command line.
struct Server {
    cloud: Option<String>,
    ca: Option<PathBuf>,
}

async fn carry_out(amana: &Amana, server: &Server, command: Command) -> Result<Json> {
    match command {
        Command::SignIn {
            email,
            password_file,
        } => sign_in(amana, server, email, &password_file).await,
        Command::Init => Ok(json!({"state": "unlocked"})),
        Command::SignOut => amana.sign_out().await.map(|()| json!({"signed_out": true})),
        Command::Register {
            fields: Some(fields),
            ..
        } => insert(amana, "patients", &fields).await,
        Command::Register {
            count,
            family,
            clinic,
            ..
        } => patients::register(amana, count, &family, clinic.as_deref()).await,
        Command::Insert { table, fields } => insert(amana, &table, &fields).await,
        Command::Batch { operations } => {
            let ids = amana.batch(&read_file(&operations)?).await?;
            Ok(json!({"ids": ids}))
        }
        Command::Edit { table, id, fields } => {
            amana.update(&table, &id, &fields).await?;
            Ok(json!({"id": id}))
        }
        Command::Delete { table, id } => {
            amana.delete(&table, &id).await?;
            Ok(json!({"deleted": id}))
        }
        Command::Get { table, id } => {
            let record = amana.get(&table, &id).await?;
            record.map_or(Ok(json!({"record": null})), |text| {
                Ok(json!({"record": read(&text)?}))
            })
        }
        Command::Query { table, query } => read(&amana.query(&table, &query).await?),
        Command::PairHub {
            qr,
            email,
            password_file,
        } => pair_hub(amana, &qr, email, &password_file).await,
        Command::Sync {
            with,
            full,
            progress,
        } => sync(amana, with, full, progress).await,
        Command::Quarantine => quarantine(amana).await,
        Command::Status => status(amana).await,
        Command::Conflicts { after } => conflicts(amana, after).await,
        Command::Digest => digest(amana).await,
        Command::Kv { namespace, command } => kv::carry_out(amana, namespace, command).await,
        Command::Dump { table } => dump(amana, table.as_deref()).await,
    }
}

async fn insert(amana: &Amana, table: &str, fields: &str) -> Result<Json> {
    Ok(json!({"id": amana.insert(table, fields).await?}))
}

async fn sign_in(
    amana: &Amana,
    server: &Server,
    email: String,
    password_file: &Path,
) -> Result<Json> {
    let cloud = server.cloud.as_deref();
    let cloud = cloud.ok_or(Error::invalid("signing in needs --cloud URL"))?;
    let address = CloudAddress {
        url: HttpsUrl::parse(cloud)?,
        private_ca_pem: server.ca.as_deref().map(read_file).transpose()?,
    };
    let credentials = credentials(email, password_file)?;
    let person = amana
        .sign_in(address, credentials, CancelToken::new())
        .await?;
    Ok(json!({"user_id": person.id, "role": person.role, "clinic_id": person.clinic_id}))
}

fn credentials(email: String, password_file: &Path) -> Result<Credentials> {
    let password = read_file(password_file)?
        .trim_end_matches(['\r', '\n'])
        .to_owned();
    Credentials::new(email, SecretText::new(password))
}

/// Pairs, then signs in: the password leaves only for a hub that has proved its key.
async fn pair_hub(amana: &Amana, qr: &str, email: String, password_file: &Path) -> Result<Json> {
    let hub = amana.pair_hub(qr, CancelToken::new()).await?;
    let credentials = credentials(email, password_file)?;
    let person = amana
        .sign_in_at_hub(&hub.peer, credentials, CancelToken::new())
        .await?;
    Ok(json!({"hub": hub.peer.as_str(), "name": hub.name, "user_id": person.id}))
}

/// The first hub that was paired.
async fn hub(amana: &Amana) -> Result<PeerId> {
    let hubs = amana.hubs().await?;
    hubs.into_iter()
        .next()
        .map(|hub| hub.peer)
        .ok_or(Error::invalid("no hub is paired: pair-hub --qr TEXT"))
}

fn read_file(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|_| Error::invalid("a file cannot be read"))
}

struct Printer;

impl ProgressListener for Printer {
    #[allow(clippy::print_stderr, reason = "this is a program's interface")]
    fn progress(&self, progress: &SyncProgress) {
        let line = json!({
            "phase": progress.phase.as_str(),
            "bytes": progress.bytes,
            "rows": progress.rows,
            "total_rows": progress.total_rows,
        });
        eprintln!("{line}");
    }
}

async fn sync(amana: &Amana, with: Place, full_pull: bool, progress: bool) -> Result<Json> {
    let peer = match with {
        Place::Cloud => PeerId::cloud(),
        Place::Hub => hub(amana).await?,
    };
    let options = SyncOptions {
        progress: progress.then(|| Arc::new(Printer) as Arc<dyn ProgressListener>),
        full_pull,
        ..SyncOptions::default()
    };
    let idle_kib = memory_kib("VmHWM:");
    let report = amana.sync_with(&peer, options).await?;
    let mut json = report_json(&report);
    json["idle_memory_kib"] = idle_kib.into();
    json["peak_memory_kib"] = memory_kib("VmHWM:").into();
    Ok(json)
}

fn report_json(report: &SyncReport) -> Json {
    let (applied, skipped) = (&report.applied, &report.skipped);
    json!({
        "pulled": report.pulled,
        "pulled_deletions": report.pulled_deletions,
        "bytes": report.bytes,
        "inserted": applied.inserted,
        "updated": applied.updated,
        "unchanged": applied.unchanged,
        "deleted": applied.deleted,
        "cascaded": applied.cascaded,
        "conflicts": applied.conflicts,
        "lost_edits": applied.lost_edits,
        "kept_tombstones": applied.kept_tombstones,
        "skipped": {
            "forbidden_tables": skipped.forbidden_tables,
            "forbidden_columns": skipped.forbidden_columns,
            "unknown_tables": skipped.unknown_tables,
            "unknown_columns": skipped.unknown_columns,
            "bad_records": skipped.bad_records,
            "unreadable_values": skipped.unreadable_values,
            "foreign_rows": skipped.foreign_rows,
        },
        "pushed": report.pushed,
        "pushed_deletions": report.pushed_deletions,
        "quarantined": report.quarantined,
        "waiting": report.waiting,
        "requests": report.requests,
        "pull_ms": report.pull_ms,
        "apply_ms": report.apply_ms,
        "push_ms": report.push_ms,
    })
}

/// The process's memory by Linux's own account; null elsewhere.
fn memory_kib(field: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

async fn status(amana: &Amana) -> Result<Json> {
    let status = amana.status().await?;
    Ok(json!({
        "user_id": status.person.as_ref().map(|p| &p.id),
        "url": status.url,
        "pending": status.outbox.pending,
        "quarantined": status.outbox.quarantined,
        "conflicts": status.conflicts,
        "cursor": status.cloud.cursor,
        "skew_ms": status.cloud.skew_ms,
        "last_success_ms": status.cloud.last_success_ms,
    }))
}

async fn quarantine(amana: &Amana) -> Result<Json> {
    let records = amana.quarantined_records().await?;
    let list: Vec<Json> = records
        .iter()
        .map(|record| {
            json!({
                "peer": record.peer.as_str(),
                "table": record.table,
                "record_id": record.record_id,
                "reason": record.reason,
                "since_ms": record.since_ms,
                "waiting": record.waiting,
            })
        })
        .collect();
    Ok(json!({"quarantined": list}))
}

async fn conflicts(amana: &Amana, after: i64) -> Result<Json> {
    let entries = amana.conflicts(after).await?;
    let list: Vec<Json> = entries
        .iter()
        .map(|entry| {
            json!({
                "id": entry.id,
                "at_ms": entry.at_ms,
                "kind": entry.kind.as_str(),
                "table": entry.table,
                "record_id": entry.record_id,
                "column": entry.column,
                "base": entry.base,
                "local": entry.local,
                "remote": entry.remote,
            })
        })
        .collect();
    Ok(json!({"conflicts": list}))
}

async fn digest(amana: &Amana) -> Result<Json> {
    let tables: Map<String, Json> = amana
        .digest()
        .await?
        .tables
        .into_iter()
        .map(|table| {
            (
                table.table,
                json!({"rows": table.rows, "digest": table.digest}),
            )
        })
        .collect();
    Ok(json!({"tables": tables}))
}

async fn dump(amana: &Amana, only: Option<&str>) -> Result<Json> {
    let names: Vec<String> = amana
        .schema()
        .tables()
        .filter(|(_, table)| table.direction != Direction::Local)
        .map(|(_, table)| table.name.clone())
        .filter(|name| only.is_none_or(|only| only == name))
        .collect();
    let mut tables = Map::new();
    for name in names {
        let mut rows = Vec::new();
        let mut columns = Json::Null;
        let mut offset = Some(0);
        while let Some(from) = offset {
            let query = json!({"limit": 5_000, "offset": from}).to_string();
            let mut page = read(&amana.query(&name, &query).await?)?;
            if let Some(found) = page["rows"].as_array_mut() {
                rows.append(found);
            }
            columns = page["columns"].take();
            offset = page["next_offset"].as_u64();
        }
        tables.insert(name, json!({"columns": columns, "rows": rows}));
    }
    Ok(json!({"tables": tables}))
}

fn read(text: &str) -> Result<Json> {
    serde_json::from_str(text).map_err(|_| Error::internal("the core gave no JSON"))
}
