//! What the integration tests share: a clinic's server in this process, and tablets that sync
//! with it over real sockets and real TLS.
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "this library is tests alone"
)]

pub mod killed;
pub mod line;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use amana_core::cancel::CancelToken;
use amana_core::model::notice::SyncProgress;
use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::model::report::SyncReport;
use amana_core::ports::{Clock, KeyStore, ProgressListener};
use amana_core::secret::SecretText;
use amana_core::test_support::{InstantTimer, MemoryKeyStore};
use amana_core::{Amana, Config, Result, SyncOptions, System};
use amana_peer::{Peer, PeerConfig};
use pollster::block_on;
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::line::Line;

/// The password of the peer's first user, and of no other.
pub const PASSWORD: &str = "correct horse";

/// A clinic's cloud server with two users.
#[must_use]
pub fn clinic() -> Peer {
    clinic_with(PeerConfig::default())
}

/// The same, otherwise configured; the users are always these.
#[must_use]
pub fn clinic_with(mut config: PeerConfig) -> Peer {
    config.users = vec![
        amana_peer::UserSeed::new("amal@clinic.example", PASSWORD, "provider"),
        amana_peer::UserSeed::new("basem@clinic.example", "battery staple", "provider"),
    ];
    Peer::start(config).expect("the reference peer starts")
}

/// A tablet: a vault in a temporary directory, on a memory key store, whose waits take no time.
pub struct Tablet {
    /// The vault.
    pub amana: Amana,
    /// Its key store, to open it again.
    pub key_store: Arc<dyn KeyStore>,
    /// What it waited for.
    pub timer: Arc<InstantTimer>,
    clock: Arc<dyn Clock>,
    configure: fn(&mut Config),
    directory: TempDir,
}

impl Tablet {
    /// A new tablet that nobody has signed in to.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(System::real().clock)
    }

    /// A new tablet with a clock of the test's.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::start(clock, |_| {})
    }

    /// A new tablet whose configuration is the usual one but for this.
    #[must_use]
    pub fn configured(configure: fn(&mut Config)) -> Self {
        Self::start(System::real().clock, configure)
    }

    /// The same, which never locks itself, however long nobody does anything.
    #[must_use]
    pub fn always_open(clock: Arc<dyn Clock>) -> Self {
        Self::start(clock, |config| config.idle_lock = None)
    }

    fn start(clock: Arc<dyn Clock>, configure: fn(&mut Config)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
        let timer = Arc::new(InstantTimer::default());
        let amana = open(directory.path(), &key_store, &clock, &timer, configure);
        Self {
            amana,
            key_store,
            timer,
            clock,
            configure,
            directory,
        }
    }

    /// The app ends and is started again.
    pub fn restart(&mut self) {
        self.amana.close().expect("an idle vault closes");
        self.amana = open(
            self.directory.path(),
            &self.key_store,
            &self.clock,
            &self.timer,
            self.configure,
        );
    }

    /// A tablet of the clinic's first user.
    #[must_use]
    pub fn signed_in(peer: &Peer) -> Self {
        let tablet = Self::new();
        tablet
            .sign_in(peer, "amal@clinic.example", PASSWORD)
            .expect("the first user signs in");
        tablet
    }

    /// Signs in.
    ///
    /// # Errors
    /// As [`Amana::sign_in`].
    pub fn sign_in(&self, peer: &Peer, email: &str, password: &str) -> Result<()> {
        self.sign_in_at(address(peer), email, password)
    }

    /// The same at any address.
    ///
    /// # Errors
    /// As [`Amana::sign_in`].
    pub fn sign_in_at(&self, address: CloudAddress, email: &str, password: &str) -> Result<()> {
        let credentials = Credentials::new(email.to_owned(), SecretText::new(password.to_owned()))?;
        block_on(self.amana.sign_in(address, credentials, CancelToken::new())).map(|_| ())
    }

    /// Syncs.
    ///
    /// # Errors
    /// As [`Amana::sync`].
    pub fn sync(&self) -> Result<SyncReport> {
        block_on(self.amana.sync(SyncOptions::default()))
    }

    /// Makes a record.
    #[must_use]
    pub fn insert(&self, table: &str, fields: &Json) -> String {
        block_on(self.amana.insert(table, &fields.to_string())).expect("the record is valid")
    }

    /// Changes a record.
    pub fn update(&self, table: &str, id: &str, fields: &Json) {
        block_on(self.amana.update(table, id, &fields.to_string())).expect("the change is valid");
    }

    /// A record, or null.
    #[must_use]
    pub fn get(&self, table: &str, id: &str) -> Json {
        let text = block_on(self.amana.get(table, id)).expect("the store answers");
        text.map_or(Json::Null, |text| {
            serde_json::from_str(&text).expect("records are JSON")
        })
    }

    /// How many records a table has.
    #[must_use]
    pub fn count(&self, table: &str) -> u64 {
        block_on(self.amana.count(table, "{}")).expect("the store answers")
    }

    /// The peer's time of the last pull that was applied.
    #[must_use]
    pub fn cursor(&self) -> i64 {
        block_on(self.amana.status())
            .expect("the store answers")
            .cloud
            .cursor
    }

    /// What waits to be pushed.
    #[must_use]
    pub fn pending(&self) -> u64 {
        block_on(self.amana.status())
            .expect("the store answers")
            .outbox
            .pending
    }

    /// Every file of the vault.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        files_below(self.directory.path())
    }

    /// The vault's directory.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

impl Default for Tablet {
    fn default() -> Self {
        Self::new()
    }
}

fn open(
    directory: &std::path::Path,
    key_store: &Arc<dyn KeyStore>,
    clock: &Arc<dyn Clock>,
    timer: &Arc<InstantTimer>,
    configure: fn(&mut Config),
) -> Amana {
    let system = System {
        clock: Arc::clone(clock),
        timer: timer.clone(),
        ..System::real()
    };
    let mut config = Config::new(directory);
    configure(&mut config);
    Amana::open(config, Arc::clone(key_store), system).expect("the vault opens")
}

fn files_below(directory: &std::path::Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).expect("the directory is readable") {
        let path = entry.expect("the entry is readable").path();
        if path.is_dir() {
            files.extend(files_below(&path))
        } else {
            files.push(path)
        }
    }
    files
}

/// The server's address, with its own certificate authority as the one to trust.
#[must_use]
pub fn address(peer: &Peer) -> CloudAddress {
    CloudAddress {
        url: HttpsUrl::parse(peer.url()).expect("the peer's address is https"),
        private_ca_pem: Some(peer.ca_pem().to_owned()),
    }
}

/// The same server's address by way of a line.
#[must_use]
pub fn address_by(line: &Line, peer: &Peer) -> CloudAddress {
    let url = format!("https://127.0.0.1:{}", line.port());
    CloudAddress {
        url: HttpsUrl::parse(&url).expect("the line's address is https"),
        ..address(peer)
    }
}

/// A patient with an invented name.
#[must_use]
pub fn patient(name: &str) -> Json {
    json!({"given_name": name, "surname": "Test", "date_of_birth": "1980-02-03"})
}

/// Remembers the progress it hears of.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<SyncProgress>>);

impl Recorder {
    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Vec<SyncProgress> {
        self.0.lock().expect("no listener panics").clone()
    }
}

impl ProgressListener for Recorder {
    fn progress(&self, progress: &SyncProgress) {
        self.0.lock().expect("no listener panics").push(*progress);
    }
}
