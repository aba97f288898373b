//! The hub's switches: those that every server here has, and what somebody on the clinic's
//! network can do to a hub without a certificate.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde_json::Value;

use super::config::HubConfig;
use super::crypto::{Key, key_text, public_key};
use super::handshake::Identity;
use crate::faults::{FaultSpec, Faults, Gate, Held, Kind, gate};

/// What is done to the honest reply of a sealed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mischief {
    /// It is sealed with the word of the other channel.
    WrongWord,
    /// One letter of the envelope is changed.
    Tamper,
    /// The latest recorded reply of that kind to the same client comes in its place. If the
    /// client never got that one (it was cut or answered otherwise), its nonce is new to it.
    Repeat(Kind),
}

/// Somebody who answers in the hub's place, with a key pair of his own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impostor {
    /// His private key.
    pub private_key: Key,
    /// Whether he shows the true hub's public key, which he knows from the wall but has no
    /// private key for, or his own.
    pub shows_true_key: bool,
}

#[derive(Default)]
struct Settings {
    mischief: Vec<(Kind, Mischief, u32)>,
    impostor: Option<Impostor>,
    shown_id: Option<String>,
    cloud_overwrites: bool,
    stamp: Option<Held>,
    /// The test's end of a gate that was set by the admin route.
    admin_gate: Option<Gate>,
}

/// A handle to the switches; clones share them.
#[derive(Clone, Default)]
pub struct HubFaults {
    base: Faults,
    settings: Arc<Mutex<Settings>>,
}

impl HubFaults {
    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The switches that the cloud has too: latency, drip, gate, cut, answer, replaced pull,
    /// database gone (here: locked), clock offset, failing row.
    pub fn base(&self) -> &Faults {
        &self.base
    }

    /// Puts everything right again.
    pub fn clear(&self) {
        self.base.clear();
        *self.lock() = Settings::default();
    }

    /// Alters the next `times` replies of a kind. Errors, which are not sealed, too.
    pub fn mischief(&self, kind: Kind, mischief: Mischief, times: u32) {
        self.lock().mischief.push((kind, mischief, times));
    }

    /// Lets somebody else answer handshakes, or the hub again. Sessions that exist go on.
    pub fn impostor(&self, impostor: Option<Impostor>) {
        self.lock().impostor = impostor;
    }

    /// Lets handshakes name another hub's id.
    pub fn show_id(&self, id: Option<&str>) {
        self.lock().shown_id = id.map(str::to_owned);
    }

    /// Lets rows of the cloud replace newer ones of the hub, the echo of what the hub sent before
    /// among them. Without, an older row is passed over.
    pub fn cloud_overwrites(&self, overwrites: bool) {
        self.lock().cloud_overwrites = overwrites;
    }

    pub(super) fn cloud_overwrites_newer(&self) -> bool {
        self.lock().cloud_overwrites
    }

    /// Holds the next pull between its queries and its timestamp: what is written meanwhile is
    /// in no later pull that starts from that timestamp.
    pub fn hold_before_stamp(&self) -> Gate {
        let (gate, held) = gate::pair(0);
        self.lock().stamp = Some(held);
        gate
    }

    pub(super) async fn wait_before_stamp(&self) {
        let held = self.lock().stamp.take();
        if let Some(held) = held {
            held.wait().await;
        }
    }

    pub(super) fn take_mischief(&self, kind: Kind) -> Option<Mischief> {
        self.lock()
            .mischief
            .iter_mut()
            .find(|(of, _, times)| *of == kind && *times > 0)
            .map(|(_, mischief, times)| {
                *times -= 1;
                *mischief
            })
    }

    /// Who answers a handshake.
    pub(super) fn identity(&self, config: &HubConfig) -> Identity {
        let settings = self.lock();
        let mut identity = Identity::of(config.private_key, &config.id);
        if let Some(impostor) = settings.impostor {
            identity.agrees_with = impostor.private_key;
            if !impostor.shows_true_key {
                identity.shown_key = key_text(&public_key(&impostor.private_key));
            }
        }
        if let Some(id) = &settings.shown_id {
            identity.shown_id.clone_from(id);
        }
        identity
    }

    /// Applies switches given as JSON: the hub's own, and all others as the cloud's.
    pub(super) fn apply(&self, body: &[u8]) -> Result<(), serde_json::Error> {
        let mut all: serde_json::Map<String, Value> = serde_json::from_slice(body)?;
        let mut own = serde_json::Map::new();
        for name in [
            "mischief",
            "impostor",
            "show_id",
            "cloud_overwrites",
            "hold_before_stamp",
            "release_stamp",
        ] {
            if let Some(value) = all.remove(name) {
                own.insert(name.to_owned(), value);
            }
        }
        let clear = all.get("clear") == Some(&Value::Bool(true));
        let own: Spec = serde_json::from_value(Value::Object(own))?;
        let base: FaultSpec = serde_json::from_value(Value::Object(all))?;
        if clear {
            self.clear();
        }
        self.base.apply(base);
        if let Some(spec) = own.mischief {
            self.mischief(spec.kind, spec.what, spec.times);
        }
        match own.impostor {
            None => {}
            Some(ImpostorSpec::Nobody) => self.impostor(None),
            Some(shows) => self.impostor(Some(Impostor {
                private_key: *b"an invented impostor's key 00001",
                shows_true_key: shows == ImpostorSpec::ShowsTrueKey,
            })),
        }
        if let Some(id) = own.show_id {
            self.show_id(Some(&id));
        }
        if let Some(overwrites) = own.cloud_overwrites {
            self.cloud_overwrites(overwrites);
        }
        if own.hold_before_stamp {
            let gate = self.hold_before_stamp();
            self.lock().admin_gate = Some(gate);
        }
        if own.release_stamp {
            self.lock().admin_gate = None;
        }
        Ok(())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Spec {
    mischief: Option<MischiefSpec>,
    impostor: Option<ImpostorSpec>,
    show_id: Option<String>,
    cloud_overwrites: Option<bool>,
    hold_before_stamp: bool,
    release_stamp: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MischiefSpec {
    kind: Kind,
    what: Mischief,
    #[serde(default = "once")]
    times: u32,
}

fn once() -> u32 {
    1
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ImpostorSpec {
    Nobody,
    ShowsOwnKey,
    ShowsTrueKey,
}
