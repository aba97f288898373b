//! The organisation's side of a recovery, as a program: makes the key pair whose public half is pinned
//! in vaults, and answers a vault's request. Run it with `scripts/recovery`, on a computer that the
//! organisation trusts; it needs no network.

mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use amana_core::error::Error;
use amana_core::system::SystemEntropy;
use amana_core::vault::{RecoveryKey, answer_request, fingerprint, make_organisation_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "recovery", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the organisation's key pair in a folder. Never replaces one that is there.
    MakeKey {
        /// The folder; made if it is not there.
        folder: PathBuf,
    },
    /// Print the public key in base64, as an app's configuration takes it (`recoveryKey`).
    PublicKey {
        /// The file `organisation.public`.
        file: PathBuf,
    },
    /// Print a request's fingerprint, to be compared with the one on the device.
    Show {
        /// The request, as the device exported it.
        request: PathBuf,
    },
    /// Answer a request.
    Answer {
        /// The private key's file.
        #[arg(long)]
        key: PathBuf,
        /// The 16 digits that the person at the device reads aloud.
        #[arg(long)]
        fingerprint: String,
        /// The request, as the device exported it.
        request: PathBuf,
        /// Where the answer goes. Never replaces a file.
        answer: PathBuf,
    },
}

#[allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]
fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::MakeKey { folder } => make_key(&folder),
        Command::PublicKey { file } => files::read_public(&file).map(|key| in_base64(&key)),
        Command::Show { request } => show(&request),
        Command::Answer {
            key,
            fingerprint,
            request,
            answer,
        } => respond(&key, &fingerprint, &request, &answer),
    };
    match done {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("recovery: {why}");
            ExitCode::FAILURE
        }
    }
}

type Said = Result<String, String>;

fn make_key(folder: &Path) -> Said {
    let (private, public) = make_organisation_key(&SystemEntropy).map_err(told)?;
    let at = files::write_pair(folder, &private, &public)?;
    Ok(format!(
        "private key   {} (keep it offline; whoever has it opens every vault it is pinned in)\n\
         public key    {}\n\
         in base64     {}\n\
         fingerprint   {}\n\
         Give the public key to the app: it is pinned in each vault when that is made.",
        at.display(),
        *files::to_hex(&public.bytes()),
        in_base64(&public),
        public.fingerprint(),
    ))
}

fn in_base64(key: &RecoveryKey) -> String {
    STANDARD.encode(key.bytes())
}

fn show(request: &Path) -> Said {
    let request = files::read_message(request)?;
    Ok(format!(
        "fingerprint   {}",
        fingerprint(&request).map_err(told)?
    ))
}

fn respond(key: &Path, read_aloud: &str, request: &Path, answer: &Path) -> Said {
    let request = files::read_message(request)?;
    let actual = fingerprint(&request).map_err(told)?;
    let digits: String = read_aloud
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .flat_map(char::to_lowercase)
        .collect();
    if digits != actual {
        return Err(
            "this is not the request that the device shows: the fingerprints differ".to_owned(),
        );
    }
    let private = files::read_private(key)?;
    let sealed = answer_request(&private, &request, &SystemEntropy).map_err(told)?;
    files::write_new(answer, &sealed)?;
    Ok(format!(
        "answer        {} (only the device that asked can open it)",
        answer.display()
    ))
}

/// Codes and fixed text: the core's errors have nothing else.
fn told(error: Error) -> String {
    format!("{}: {}", error.code().as_str(), error.detail())
}
