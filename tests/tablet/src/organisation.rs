//! The organisation's side of a recovery, for tests of apps: its private key lies in a plain file.

use std::path::Path;

use amana_core::secret::OrganisationPrivateKey;
use amana_core::system::SystemEntropy;
use amana_core::vault::{answer_request, fingerprint, make_organisation_key};
use amana_core::{Error, Result};
use serde_json::{Value as Json, json};

use crate::arguments::OrganisationCommand;

const KEY: &str = "organisation.key";

pub fn run(directory: &Path, command: OrganisationCommand) -> Result<Json> {
    let key = directory.join(KEY);
    match command {
        OrganisationCommand::MakeKey => {
            let (private, public) = make_organisation_key(&SystemEntropy)?;
            write(&key, private.expose())?;
            Ok(json!({"public_key": hex(&public.bytes())}))
        }
        OrganisationCommand::Answer { request, answer } => {
            let bytes = read(&key)?.try_into().map_err(|_| unreadable())?;
            let private = OrganisationPrivateKey::from_bytes(&bytes);
            let request = read(&request)?;
            write(
                &answer,
                &answer_request(&private, &request, &SystemEntropy)?,
            )?;
            Ok(json!({"fingerprint": fingerprint(&request)?}))
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|_| unreadable())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|_| Error::invalid("the file cannot be written"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const fn unreadable() -> Error {
    Error::invalid("the file cannot be read")
}
