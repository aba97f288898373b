//! What the program is called with.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// One tablet: an encrypted vault in a directory, driven by commands that print JSON.
#[derive(Parser)]
pub struct Arguments {
    /// The vault's directory, before or after the command.
    #[arg(long, global = true, default_value = "amana-vault")]
    pub vault: PathBuf,
    /// The directory of the device secret, a stand-in for a phone's key store. Default: the vault's
    /// directory with `.keys` added.
    #[arg(long, global = true)]
    pub keys: Option<PathBuf>,
    /// The server to sign in at: https, and a host. Remembered in the vault.
    #[arg(long, global = true)]
    pub cloud: Option<String>,
    /// A private certificate authority for it, PEM.
    #[arg(long, global = true)]
    pub ca: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// With whom a tablet syncs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Place {
    /// The cloud.
    Cloud,
    /// The paired hub.
    Hub,
}

/// What a tablet does.
#[derive(Subcommand)]
pub enum Command {
    /// Makes the vault, or opens it.
    Init,
    /// Signs in at a cloud server.
    SignIn {
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// A file that holds the password.
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Removes the session and its password.
    SignOut,
    /// Registers patients: one from JSON, or many invented ones.
    Register {
        /// One patient as a JSON object.
        #[arg(long, conflicts_with = "count")]
        fields: Option<String>,
        /// How many invented ones.
        #[arg(long, default_value_t = 1)]
        count: u32,
        /// Part of every invented name, to find it again.
        #[arg(long, default_value = "Demo")]
        family: String,
        /// The clinic of their visits.
        #[arg(long)]
        clinic: Option<String>,
    },
    /// Makes a record of any table.
    Insert {
        /// The table.
        #[arg(long)]
        table: String,
        /// The columns, a JSON object.
        #[arg(long)]
        fields: String,
    },
    /// Carries out several operations at once: all or none.
    Batch {
        /// A file with a JSON array of operations.
        #[arg(long)]
        operations: PathBuf,
    },
    /// Changes columns of a record.
    Edit {
        /// The table.
        #[arg(long, default_value = "patients")]
        table: String,
        /// The record.
        #[arg(long)]
        id: String,
        /// The columns, a JSON object.
        #[arg(long)]
        fields: String,
    },
    /// Deletes a record and its children.
    Delete {
        /// The table.
        #[arg(long, default_value = "patients")]
        table: String,
        /// The record.
        #[arg(long)]
        id: String,
    },
    /// One record.
    Get {
        /// The table.
        #[arg(long, default_value = "patients")]
        table: String,
        /// The record.
        #[arg(long)]
        id: String,
    },
    /// A page of records.
    Query {
        /// The table.
        #[arg(long, default_value = "patients")]
        table: String,
        /// The query, a JSON object.
        #[arg(long, default_value = "{}")]
        query: String,
    },
    /// Pairs with a hub and signs in there.
    PairHub {
        /// The text of its QR code.
        #[arg(long)]
        qr: String,
        /// The e-mail address.
        #[arg(long)]
        email: String,
        /// A file that holds the password.
        #[arg(long)]
        password_file: PathBuf,
    },
    /// Pulls, merges and pushes.
    Sync {
        /// With whom.
        #[arg(long, value_enum, default_value = "cloud")]
        with: Place,
        /// Everything, not only what is new.
        #[arg(long)]
        full: bool,
        /// Prints progress as JSON lines on standard error.
        #[arg(long)]
        progress: bool,
    },
    /// Where the tablet stands with the cloud.
    Status,
    /// What was put aside because a server refuses it.
    Quarantine,
    /// The conflict ledger.
    Conflicts {
        /// Entries after this one.
        #[arg(long, default_value_t = 0)]
        after: i64,
    },
    /// A digest of the records of each table.
    Digest,
    /// The key-value store.
    Kv {
        /// The namespace, in the encrypted file.
        #[arg(long, default_value = "settings")]
        namespace: String,
        /// What to do with it.
        #[command(subcommand)]
        command: KvCommand,
    },
    /// All records.
    Dump {
        /// Only this table.
        #[arg(long)]
        table: Option<String>,
    },
}

/// What is done with a namespace of the key-value store.
#[derive(Subcommand)]
pub enum KvCommand {
    /// The text of a key; null if it is missing.
    Get {
        /// The key.
        key: String,
    },
    /// Sets a text.
    Set {
        /// The key.
        key: String,
        /// The text.
        text: String,
        /// After how many milliseconds it is missing.
        #[arg(long)]
        expires_in_ms: Option<u64>,
    },
    /// Removes a key.
    Remove {
        /// The key.
        key: String,
    },
    /// The first thousand keys.
    Keys {
        /// Only keys that begin so.
        #[arg(default_value = "")]
        prefix: String,
    },
    /// Removes all keys.
    Clear,
}
