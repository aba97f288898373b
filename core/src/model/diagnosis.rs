//! What can be told of a vault in a support call: versions, states, sizes, settings, counts. Plain
//! data whose every text is one of ours: no secret, no name, no id of a person, no record, no path.

use serde_json::{Value as Json, json};

/// The state of a vault, as files and an open database show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnosis {
    /// The version of Amana that looked.
    pub amana_version: &'static str,
    /// The two copies of the keyring.
    pub keyring: [KeyringCopyDiagnosis; 2],
    /// Slots of the newest readable copy, unproven.
    pub slots: Vec<SlotDiagnosis>,
    /// Records that had not been pushed when the vault was last open: a hint, `None` if unknown.
    pub unsynced: Option<u64>,
    /// What the database file begins with.
    pub database: HeaderState,
    /// What is in the vault's directory.
    pub files: Vec<FileDiagnosis>,
    /// Bytes that this app may still write; `None` where it cannot be told.
    pub free_disk: Option<u64>,
    /// Vaults that were put aside beside this one: what each held unsynced, as far as is known.
    pub quarantined: Vec<Option<u64>>,
    /// Copies of damaged databases that salvages left.
    pub damaged_copies: u32,
    /// Of the open vault; `None` where it is locked.
    pub open: Option<OpenDiagnosis>,
}

/// One copy of the keyring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyringCopyDiagnosis {
    /// What it is.
    pub state: KeyringState,
    /// The format's version, where the file begins as a keyring does.
    pub format: Option<u16>,
    /// Grows with every write.
    pub generation: Option<u64>,
    /// `device` or `person`.
    pub policy: Option<&'static str>,
    /// Whether the root key should be changed.
    pub rotation_due: bool,
}

/// What a copy of the keyring is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the words are those of the keyring's format")]
pub enum KeyringState {
    Missing,
    Unreadable,
    /// Of a version that this one does not know.
    TooNew,
    /// Of a version that was never released.
    Provisional,
    Creating,
    Active,
    PendingRekey,
    Shredding,
}

/// One slot. Nothing tells whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotDiagnosis {
    /// `device`, `pin`, `biometric` or `recovery`.
    pub kind: &'static str,
    /// `secure_element`, `trusted_environment`, `software` or `unprotected`; none for `recovery`.
    pub level: Option<&'static str>,
    /// Wrong attempts since the last right one.
    pub failures: u32,
    /// Whether it can no longer open, and goes at the next opening.
    pub dropped: bool,
}

/// What a database file begins with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderState {
    /// There is no file.
    Missing,
    /// The file has no bytes.
    Empty,
    /// Bytes that are no header: ciphertext, as far as that can be seen.
    Encrypted,
    /// SQLite's own header: the file is not encrypted.
    Plaintext,
    /// The system did not let us look.
    Unreadable,
}

/// A file of the vault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileDiagnosis {
    /// Its name where it is one of ours, else `other`.
    pub name: &'static str,
    /// How many there are of that name.
    pub count: u32,
    /// Their bytes.
    pub bytes: u64,
}

/// What only an open vault tells.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenDiagnosis {
    /// SQLCipher's version, digits, dots and its edition.
    pub cipher_version: String,
    /// SQLite's version.
    pub sqlite_version: String,
    /// Settings by name, each a number or one word.
    pub settings: Vec<(&'static str, String)>,
    /// Rows that wait to be pushed.
    pub pending: u64,
    /// Of these, rows that were put aside.
    pub set_aside: u64,
    /// The last look at every page.
    pub integrity: Integrity,
}

/// How the look at every page of the database stands.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Integrity {
    /// Trees looked at since the present look began, and how many there are; none while it rests.
    pub progress: Option<(u32, u32)>,
    /// When the last whole look ended, by the monotonic clock of this process.
    pub checked_at_ms: Option<u64>,
    /// Trees in which that look, or the present one, found damage.
    pub damaged_trees: u32,
}

impl Integrity {
    /// Whether damage is known of.
    pub const fn is_damaged(&self) -> bool {
        self.damaged_trees > 0
    }
}

impl Diagnosis {
    /// The diagnosis as JSON text, to be read aloud or sent in a support call.
    pub fn to_json(&self) -> String {
        json!({
            "amana": self.amana_version,
            "keyring": self.keyring.iter().map(KeyringCopyDiagnosis::to_json).collect::<Vec<_>>(),
            "slots": self.slots.iter().copied().map(SlotDiagnosis::to_json).collect::<Vec<_>>(),
            "unsynced": self.unsynced,
            "database": self.database.word(),
            "files": self.files.iter().copied().map(FileDiagnosis::to_json).collect::<Vec<_>>(),
            "free_disk": self.free_disk,
            "quarantined": self.quarantined,
            "damaged_copies": self.damaged_copies,
            "open": self.open.as_ref().map(OpenDiagnosis::to_json),
        })
        .to_string()
    }
}

impl KeyringCopyDiagnosis {
    fn to_json(&self) -> Json {
        json!({
            "state": self.state.word(),
            "format": self.format,
            "generation": self.generation,
            "policy": self.policy,
            "rotation_due": self.rotation_due,
        })
    }
}

impl KeyringState {
    /// The state as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::TooNew => "too_new",
            Self::Provisional => "provisional",
            Self::Creating => "creating",
            Self::Active => "active",
            Self::PendingRekey => "pending_rekey",
            Self::Shredding => "shredding",
        }
    }
}

impl SlotDiagnosis {
    fn to_json(self) -> Json {
        json!({
            "kind": self.kind,
            "level": self.level,
            "failures": self.failures,
            "dropped": self.dropped,
        })
    }
}

impl HeaderState {
    /// The state as one word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Empty => "empty",
            Self::Encrypted => "encrypted",
            Self::Plaintext => "plaintext",
            Self::Unreadable => "unreadable",
        }
    }
}

impl FileDiagnosis {
    fn to_json(self) -> Json {
        json!({"name": self.name, "count": self.count, "bytes": self.bytes})
    }
}

impl OpenDiagnosis {
    fn to_json(&self) -> Json {
        let settings: serde_json::Map<String, Json> = self
            .settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        json!({
            "cipher": self.cipher_version,
            "sqlite": self.sqlite_version,
            "settings": settings,
            "pending": self.pending,
            "set_aside": self.set_aside,
            "integrity": {
                "checking": self.integrity.progress.map(|(done, of)| json!([done, of])),
                "checked": self.integrity.checked_at_ms.is_some(),
                "damaged_trees": self.integrity.damaged_trees,
            },
        })
    }
}
