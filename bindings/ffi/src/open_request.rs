//! What an app opens a vault with, as the JSON text that a React Native module is given: read here, so
//! that Kotlin and Swift do not each read it in their own way.

use std::collections::BTreeMap;

use amana_core::{Error, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::AmanaError;
use crate::guard::at_once;
use crate::key_store::KeyStoreOptions;
use crate::time_limits::TimeLimits;
use crate::types::{CloudPins, ConflictRule, SyncRules, TableRule};

/// What an app opens a vault with.
#[derive(Clone, uniffi::Record)]
pub struct OpenRequest {
    /// Names the vault among those of the app; checked when it is opened.
    pub name: String,
    /// An app's own schema as JSON; without it the built-in one.
    pub schema_json: Option<String>,
    /// Locks itself when nobody has used it for so long; 0: never.
    pub idle_lock_ms: u64,
    /// How the device's secrets are made.
    pub key_store: KeyStoreOptions,
    /// So many wrong PINs in a row destroy that person's slot.
    pub drop_pin_after: Option<u32>,
    /// How syncs are made.
    pub sync: SyncRules,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OpenJson {
    name: String,
    schema: Option<Box<RawValue>>,
    #[serde(default = "usual_idle_lock_ms")]
    idle_lock_ms: u64,
    #[serde(default)]
    key_store: KeyStoreJson,
    drop_pin_after: Option<u32>,
    #[serde(default)]
    cloud_sync: ProofJson,
    cloud_pins: Option<PinsJson>,
    #[serde(default)]
    sync: SyncJson,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct KeyStoreJson {
    strict: bool,
    strong_box: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ProofJson {
    #[default]
    Password,
    Token,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct PinsJson {
    pins: Vec<String>,
    expires_ms: i64,
    #[serde(default)]
    report_only: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct SyncJson {
    last_word: PeerJson,
    conflicts: Option<RuleJson>,
    tables: BTreeMap<String, RuleJson>,
    cloud_full_pull_days: u32,
    hub_full_pull_days: u32,
    time_limits: Option<TimeLimits>,
}

impl Default for SyncJson {
    fn default() -> Self {
        Self {
            last_word: PeerJson::Cloud,
            conflicts: None,
            tables: BTreeMap::new(),
            cloud_full_pull_days: 7,
            hub_full_pull_days: 1,
            time_limits: None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum PeerJson {
    Cloud,
    Hub,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RuleJson {
    Local,
    Remote,
    Latest,
}

impl From<RuleJson> for ConflictRule {
    fn from(rule: RuleJson) -> Self {
        match rule {
            RuleJson::Local => Self::Local,
            RuleJson::Remote => Self::Remote,
            RuleJson::Latest => Self::Latest,
        }
    }
}

const fn usual_idle_lock_ms() -> u64 {
    300_000
}

/// Reads what an app opens a vault with:
/// `{"name", "schema"?, "idleLockMs"?, "keyStore"?: {"strict"?, "strongBox"?}, "dropPinAfter"?,
/// "cloudSync"?: "password" | "token", "cloudPins"?: {"pins", "expiresMs", "reportOnly"?},
/// "sync"?: {"lastWord"?: "cloud" | "hub", "conflicts"?: RULE, "tables"?: {TABLE: RULE},
/// "cloudFullPullDays"?, "hubFullPullDays"?,
/// "timeLimits"?: {"connectMs"?, "firstByteMs"?, "idleMs"?, "wholeMs"?}}}`; RULE is "local", "remote" or
/// "latest".
/// Anything else is `invalid_input`.
#[uniffi::export]
pub fn read_open_request(config_json: String) -> std::result::Result<OpenRequest, AmanaError> {
    at_once(|| read(&config_json))
}

/// Reads `{"strict"?, "strongBox"?}`.
#[uniffi::export]
pub fn read_key_store_options(
    options_json: String,
) -> std::result::Result<KeyStoreOptions, AmanaError> {
    at_once(|| {
        serde_json::from_str::<KeyStoreJson>(&options_json)
            .map(KeyStoreOptions::from)
            .map_err(|_| Error::invalid("the key store's options cannot be read"))
    })
}

impl From<KeyStoreJson> for KeyStoreOptions {
    fn from(json: KeyStoreJson) -> Self {
        Self {
            strict: json.strict,
            strong_box: json.strong_box,
        }
    }
}

fn read(json: &str) -> Result<OpenRequest> {
    let json: OpenJson = serde_json::from_str(json)
        .map_err(|_| Error::invalid("the vault's configuration cannot be read"))?;
    Ok(OpenRequest {
        name: json.name,
        schema_json: json.schema.map(|schema| schema.get().to_owned()),
        idle_lock_ms: json.idle_lock_ms,
        key_store: json.key_store.into(),
        drop_pin_after: json.drop_pin_after,
        sync: rules(json.cloud_sync, json.cloud_pins, json.sync),
    })
}

fn rules(proof: ProofJson, pins: Option<PinsJson>, sync: SyncJson) -> SyncRules {
    SyncRules {
        cloud_token: matches!(proof, ProofJson::Token),
        hub_has_last_word: matches!(sync.last_word, PeerJson::Hub),
        usual_conflict: sync.conflicts.map(ConflictRule::from),
        conflicts: sync
            .tables
            .into_iter()
            .map(|(table, rule)| TableRule {
                table,
                rule: rule.into(),
                app_rule: None,
            })
            .collect(),
        cloud_full_pull_days: sync.cloud_full_pull_days,
        hub_full_pull_days: sync.hub_full_pull_days,
        cloud_pins: pins.map(|pins| CloudPins {
            pins: pins.pins,
            expires_ms: pins.expires_ms,
            report_only: pins.report_only,
        }),
        // Data alone comes this way: code of the app's own cannot.
        app_rules: Vec::new(),
        time_limits: sync.time_limits,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_said_is_as_usual() {
        let request = read(r#"{"name":"a"}"#).unwrap();
        assert_eq!(request.name, "a");
        assert_eq!(request.idle_lock_ms, 300_000);
        assert!(request.schema_json.is_none());
        assert!(!request.key_store.strict && !request.key_store.strong_box);
        assert_eq!(request.drop_pin_after, None);
        let sync = request.sync;
        assert!(!sync.cloud_token && !sync.hub_has_last_word);
        assert!(sync.conflicts.is_empty() && sync.usual_conflict.is_none());
        assert_eq!((sync.cloud_full_pull_days, sync.hub_full_pull_days), (7, 1));
        assert!(sync.cloud_pins.is_none() && sync.time_limits.is_none());
    }

    #[test]
    fn all_that_can_be_said_arrives() {
        let json = r#"{"name":"a","schema":{"version":1,"x":[1.50]},"idleLockMs":0,
            "keyStore":{"strict":true,"strongBox":true},"dropPinAfter":9,
            "cloudSync":"token","cloudPins":{"pins":["a","b"],"expiresMs":12,"reportOnly":true},
            "sync":{"lastWord":"hub","conflicts":"remote","tables":{"patients":"latest"},
                "cloudFullPullDays":0,"hubFullPullDays":3,
                "timeLimits":{"connectMs":5,"wholeMs":7}}}"#;
        let request = read(json).unwrap();
        assert_eq!(
            request.schema_json.unwrap(),
            r#"{"version":1,"x":[1.50]}"#,
            "an app's schema is handed on as it was written"
        );
        assert_eq!(request.idle_lock_ms, 0);
        assert!(request.key_store.strict && request.key_store.strong_box);
        assert_eq!(request.drop_pin_after, Some(9));
        let sync = request.sync;
        assert!(sync.cloud_token && sync.hub_has_last_word);
        assert_eq!(sync.usual_conflict, Some(ConflictRule::Remote));
        assert_eq!(sync.conflicts[0].table, "patients");
        assert_eq!(sync.conflicts[0].rule, ConflictRule::Latest);
        assert_eq!((sync.cloud_full_pull_days, sync.hub_full_pull_days), (0, 3));
        let limits = TimeLimits {
            connect_ms: 5,
            whole_ms: 7,
            ..TimeLimits::default()
        };
        assert_eq!(sync.time_limits, Some(limits));
        let pins = sync.cloud_pins.unwrap();
        assert_eq!(
            (pins.pins.len(), pins.expires_ms, pins.report_only),
            (2, 12, true)
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for json in [
            "",
            "null",
            "[]",
            "{}",
            r#"{"name":1}"#,
            r#"{"name":"a","idleLockMs":-1}"#,
            r#"{"name":"a","idleLockMs":1.5}"#,
            r#"{"name":"a","keyStore":{"soft":true}}"#,
            r#"{"name":"a","more":1}"#,
            r#"{"name":"a","cloudSync":"pin"}"#,
            r#"{"name":"a","cloudPins":{"pins":[]}}"#,
            r#"{"name":"a","sync":{"lastWord":"peer"}}"#,
            r#"{"name":"a","sync":{"tables":{"patients":"rule"}}}"#,
            r#"{"name":"a","sync":{"hubFullPullDays":-1}}"#,
            r#"{"name":"a","sync":{"timeLimits":{"connectMs":-1}}}"#,
            r#"{"name":"a","sync":{"timeLimits":{"connect":1}}}"#,
        ] {
            let refused = read(json).err().unwrap();
            assert_eq!(
                refused.code(),
                amana_core::ErrorCode::InvalidInput,
                "{json}"
            );
        }
    }
}
