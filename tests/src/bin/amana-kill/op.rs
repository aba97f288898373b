//! What a worker does, and what a vault holds after it, as plain data with a text form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

/// What is in a vault.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Held {
    /// Key-value pairs.
    pub values: BTreeMap<String, u64>,
    /// Records, by a number that is in them.
    pub records: BTreeSet<u64>,
    /// The second person's PIN, if they have one.
    pub second: Option<u64>,
}

/// What is there: nothing, or a vault.
pub type State = Option<Held>;

/// One thing to do; all of it happens, or nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    Create,
    Set(Vec<String>, u64),
    Remove(String),
    Record(u64),
    /// The second person gets a PIN, another one, or none any more.
    Person(Option<u64>),
    Rotate,
    Reopen,
    Wipe,
}

impl Op {
    /// What is there afterwards.
    pub fn apply(&self, state: &State) -> State {
        let mut held = state.clone().unwrap_or_default();
        match self {
            Self::Wipe => return None,
            Self::Create | Self::Rotate | Self::Reopen => {}
            Self::Set(keys, number) => {
                let pairs = keys.iter().map(|key| (key.clone(), *number));
                held.values.extend(pairs);
            }
            Self::Remove(key) => _ = held.values.remove(key),
            Self::Record(number) => _ = held.records.insert(*number),
            Self::Person(pin) => held.second = *pin,
        }
        Some(held)
    }

    /// One line.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Create => json!({"op": "create"}),
            Self::Set(keys, number) => json!({"op": "set", "keys": keys, "number": number}),
            Self::Remove(key) => json!({"op": "remove", "key": key}),
            Self::Record(number) => json!({"op": "record", "number": number}),
            Self::Person(pin) => json!({"op": "person", "pin": pin}),
            Self::Rotate => json!({"op": "rotate"}),
            Self::Reopen => json!({"op": "reopen"}),
            Self::Wipe => json!({"op": "wipe"}),
        }
    }

    /// Reads it back.
    pub fn from_json(json: &Json) -> Option<Self> {
        let number = || json["number"].as_u64();
        Some(match json["op"].as_str()? {
            "create" => Self::Create,
            "set" => {
                let keys = json["keys"].as_array()?.iter();
                let keys = keys.map(|key| key.as_str().map(str::to_owned));
                Self::Set(keys.collect::<Option<_>>()?, number()?)
            }
            "remove" => Self::Remove(json["key"].as_str()?.to_owned()),
            "record" => Self::Record(number()?),
            "person" => Self::Person(json["pin"].as_u64()),
            "rotate" => Self::Rotate,
            "reopen" => Self::Reopen,
            "wipe" => Self::Wipe,
            _ => return None,
        })
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Set(..) => "set",
            Self::Remove(_) => "remove",
            Self::Record(_) => "record",
            Self::Person(_) => "person",
            Self::Rotate => "rotate",
            Self::Reopen => "reopen",
            Self::Wipe => "wipe",
        }
    }
}

/// One line.
pub fn state_to_json(state: &State) -> Json {
    state.as_ref().map_or(
        Json::Null,
        |held| json!({"values": held.values, "records": held.records, "second": held.second}),
    )
}

/// Reads it back.
pub fn state_from_json(json: &Json) -> Option<State> {
    if json.is_null() {
        return Some(None);
    }
    let values = json["values"].as_object()?.iter();
    let values = values.map(|(key, number)| Some((key.clone(), number.as_u64()?)));
    let records = json["records"].as_array()?.iter().map(Json::as_u64);
    Some(Some(Held {
        values: values.collect::<Option<_>>()?,
        records: records.collect::<Option<_>>()?,
        second: json["second"].as_u64(),
    }))
}
