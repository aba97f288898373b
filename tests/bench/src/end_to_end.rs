//! A first sync over real TLS, from the reference peer in a process of its own: seconds, memory, and
//! which threads the processor's time went to.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use amana_core::cancel::CancelToken;
use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::ports::ProgressListener;
use amana_core::secret::SecretText;
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, SyncOptions, System};
use amana_peer::{Peer, PeerConfig, UserSeed};
use pollster::block_on;
use serde_json::{Value as Json, json};

use crate::Result;
use crate::outcome::{self, timed};

const EMAIL: &str = "amal@clinic.example";
const PASSWORD: &str = "correct horse";
/// Each with a visit and three events: 100,000 records.
const PATIENTS: usize = 20_000;

/// The peer's process: prints where it is, and ends when its input does.
pub(crate) fn serve() -> Result<()> {
    let peer = Peer::start(PeerConfig {
        users: vec![UserSeed::new(EMAIL, PASSWORD, "provider")],
        seed_patients: PATIENTS,
        rate_limit: false,
        ..PeerConfig::default()
    })?;
    println!("{}", json!({"url": peer.url(), "ca": peer.ca_pem()}));
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    peer.stop();
    Ok(())
}

/// Syncs with such a process, and prints the figures.
pub(crate) fn print(directory: &Path) -> Result<()> {
    let place = tempfile::tempdir_in(directory)?;
    let mut server = Server::start()?;
    let address = CloudAddress {
        url: HttpsUrl::parse(server.text("url"))?,
        private_ca_pem: Some(server.text("ca").to_owned()),
    };
    let amana = Amana::open(
        Config::new(place.path().join("vault")),
        Arc::new(MemoryKeyStore::new()),
        System::real(),
    )?;
    let credentials = Credentials {
        email: EMAIL.to_owned(),
        password: SecretText::new(PASSWORD.to_owned()),
    };
    block_on(amana.sign_in(address, credentials, CancelToken::new()))?;
    let before = thread_ms("amana-network");
    let decoding = Arc::new(Decoding::default());
    let options = SyncOptions {
        progress: Some(decoding.clone()),
        ..SyncOptions::default()
    };
    let (report, ms) = timed(|| block_on(amana.sync(options)));
    let report = report?;
    let network = thread_ms("amana-network") - before;
    let sql = thread_ms("amana-writer");
    let decode = *decoding.0.lock().unwrap_or_else(PoisonError::into_inner);
    println!(
        "first sync over TLS: {} records, {:.1} MB, {:.2} s ({} ms receiving, {} ms lock held), \
         peak memory {} kB",
        report.pulled,
        report.bytes as f64 / 1e6,
        ms / 1_000.0,
        report.pull_ms,
        report.apply_ms,
        outcome::peak_kb(),
    );
    let all = (network + decode + sql).max(1) as f64 / 100.0;
    println!(
        "processor time: network and TLS {network} ms ({:.0} %), decoding {decode} ms ({:.0} %), \
         SQL {sql} ms ({:.0} %)",
        network as f64 / all,
        decode as f64 / all,
        sql as f64 / all,
    );
    amana.close()?;
    server.stop()
}

/// How much the sync's thread had worked when all was decoded.
#[derive(Default)]
struct Decoding(Mutex<u64>);

impl ProgressListener for Decoding {
    fn progress(&self, progress: &SyncProgress) {
        let mut decoded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.phase == SyncPhase::Applying && *decoded == 0 {
            *decoded = stat_ms(Path::new("/proc/thread-self/stat"));
        }
    }
}

/// Processor time of all threads of a name, in milliseconds; 0 where the system does not tell.
fn thread_ms(name: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks
        .flatten()
        .map(|task| task.path())
        .filter(|task| {
            std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim() == name)
        })
        .map(|task| stat_ms(&task.join("stat")))
        .sum()
}

/// User and system time of a thread. The kernel counts in hundredths of a second.
fn stat_ms(path: &Path) -> u64 {
    const TICK_MS: u64 = 10;
    let stat = std::fs::read_to_string(path).unwrap_or_default();
    // The name may hold anything, and ends with the last parenthesis.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let times = fields.split_whitespace().skip(11).take(2);
    times.filter_map(|t| t.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

struct Server {
    process: Child,
    said: Json,
}

impl Server {
    fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().ok_or("the server has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self {
            said: serde_json::from_str(&line)?,
            process,
        })
    }

    fn text(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap_or_default()
    }

    fn stop(&mut self) -> Result<()> {
        drop(self.process.stdin.take());
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without its input it ends by itself.
        drop(self.process.stdin.take());
    }
}
