//! The cases of what was killed in the middle, and of an opening that has nothing against it.

use amana_core::{NewPolicy, NewVault};

use super::Case;
use super::cases::killed_at_every_step;
use super::stage::Stage;
use crate::error::{Doing as _, Result};

pub const CASES: [Case; 4] = [
    Case {
        row: 3,
        observed: "a wipe, killed at its every step",
        wanted: "goes on at the next opening: no file and no secret is left",
        play: wipe,
    },
    Case {
        row: 5,
        observed: "a first run, killed at its every step",
        wanted: "the next makes the vault: 1 secret, 2 copies of the keyring",
        play: creation,
    },
    Case {
        row: 13,
        observed: "a change of the root key, killed at its every step",
        wanted: "opens with its value, and no change is left unfinished",
        play: rotation,
    },
    Case {
        row: 16,
        observed: "nothing is wrong",
        wanted: "opens with its value; 1 call of the key store; \
                 nothing written, no key made or deleted",
        play: nothing_wrong,
    },
];

fn wipe() -> Result<String> {
    let seen = killed_at_every_step(
        || Stage::with_device_vault(None),
        |stage| {
            let vault = stage.start()?;
            match stage.disk.run(|| vault.wipe()) {
                None => Ok(None),
                Some(done) => done.doing("wipe").map(Some),
            }
        },
        |stage| {
            // Before the first mark is durable nothing has begun: then it still opens, whole.
            let seen = stage.open()?;
            let (files, secrets) = (stage.names()?, stage.phone.aliases().len());
            Ok(match (&*seen, files.is_empty(), secrets) {
                ("not_found", true, 0) => "no file and no secret is left".to_owned(),
                ("opens with its value", false, 1) => return Ok(String::new()),
                _ => format!("{seen}, {files:?}, {secrets} SECRETS"),
            })
        },
    )?;
    Ok(format!("goes on at the next opening: {seen}"))
}

fn creation() -> Result<String> {
    let create = |stage: &Stage| {
        let vault = stage.start()?;
        let policy = NewPolicy::Device;
        let recovery = None;
        match stage
            .disk
            .run(|| vault.create(&NewVault { policy, recovery }))
        {
            None => Ok(None),
            Some(done) => done.doing("create").map(Some),
        }
    };
    let seen = killed_at_every_step(Stage::new, create, |stage| {
        // Where only the last mark was missing, the vault is there already.
        let vault = stage.start()?;
        if vault.unlock().is_err() {
            create(stage)?;
        }
        drop(vault);
        let keyrings = stage.names()?.iter().filter(|n| is_keyring(n)).count();
        let secrets = stage.phone.aliases().len();
        Ok(format!(
            "{secrets} secret, {keyrings} copies of the keyring"
        ))
    })?;
    Ok(format!("the next makes the vault: {seen}"))
}

fn is_keyring(name: &str) -> bool {
    ["keyring.a", "keyring.b"].contains(&name)
}

fn rotation() -> Result<String> {
    let seen = killed_at_every_step(
        || Stage::with_device_vault(None),
        |stage| {
            let vault = stage.start()?;
            vault.unlock().doing("open")?;
            match stage.disk.run(|| vault.rotate()) {
                None => Ok(None),
                Some(done) => done.doing("rotate").map(Some),
            }
        },
        |stage| {
            let first = stage.open()?;
            let settled = stage.compare(Stage::open)?;
            let still = format!("{first}; nothing written, no key made or deleted");
            Ok(match settled == still {
                true => first,
                false => format!("{first}, THEN {settled}"),
            })
        },
    )?;
    Ok(format!("{}, and no change is left unfinished", seen))
}

fn nothing_wrong() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    stage.compare(|stage| {
        stage.phone.calls();
        let seen = stage.open()?;
        Ok(format!(
            "{seen}; {} call of the key store",
            stage.phone.calls().len()
        ))
    })
}
