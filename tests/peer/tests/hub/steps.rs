//! The steps of a fixture and how they are carried out.

use std::collections::HashMap;

use amana_peer::ManualClock;
use amana_peer::hub::{Hub, HubConfig};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::common::NOOR;
use crate::device::{Answer, Device};
use crate::matching::check;
use crate::words::{START_MS, expand};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[allow(dead_code, reason = "for the reader of the fixture")]
    about: String,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    /// A request outside of the sealed channel.
    Request(RequestStep),
    /// A device of that name pairs and signs in as the first seeded user.
    Device(String),
    /// It pairs anew, its token kept.
    Pair(String),
    /// A sealed call; the reply's plaintext must hold `is`, or one of the others be the case.
    Call(CallStep),
    /// A push by the first device, expected to succeed.
    Push(Value),
    /// A push that ends with this error.
    PushFails((Value, String)),
    /// A pull by the first device: the tables named must hold just these lists, which are empty
    /// where not named; with `only`, no other table may be there.
    Pull(PullStep),
    /// The stored row with that id must hold these fields.
    Row(RowStep),
    /// No row has that id.
    NoRow((String, Value)),
    /// Moves the clock.
    AdvanceMs(i64),
    /// Keeps the hub's present moment under a name.
    Mark(String),
    /// Changes rows behind the hub's back.
    Sql(String),
    /// Locks the database or unlocks it.
    DatabaseDown(bool),
    /// What a restart does.
    ForgetSessions(()),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestStep {
    method: String,
    path: String,
    body: Option<Value>,
    raw: Option<String>,
    status: u16,
    json: Option<Value>,
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CallStep {
    #[serde(default = "first")]
    by: String,
    channel: String,
    /// The word of the seal, if it is not the channel's.
    word: Option<String>,
    plain: Option<Value>,
    /// An envelope as it is.
    payload: Option<String>,
    /// Whether the token of the device is put in.
    #[serde(default)]
    signed: bool,
    is: Option<Value>,
    error: Option<String>,
    /// A status and a text in place of a reply.
    broken: Option<(u16, String)>,
}

fn first() -> String {
    "tablet".to_owned()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PullStep {
    since: Value,
    #[serde(default)]
    only: bool,
    #[serde(default)]
    changes: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RowStep {
    table: String,
    id: Value,
    is: Value,
}

struct Replay {
    hub: Hub,
    clock: ManualClock,
    devices: HashMap<String, Device>,
    pairings: u8,
    saved: Map<String, Value>,
}

/// Carries out a fixture on a fresh hub.
pub fn replay(text: &str) {
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    let clock = ManualClock::new(START_MS);
    let config = HubConfig {
        clock: clock.clock(),
        seed: Some(amana_peer::PeerConfig {
            clock: clock.clock(),
            ..amana_peer::PeerConfig::default()
        }),
        ..HubConfig::default()
    };
    let mut replay = Replay {
        hub: Hub::start(config).unwrap(),
        clock,
        devices: HashMap::new(),
        pairings: 0,
        saved: Map::new(),
    };
    for (index, step) in fixture.steps.iter().enumerate() {
        if let Err(what) = replay.carry_out(step) {
            panic!("step {index}, {step:?}: {what}");
        }
    }
}

impl Replay {
    fn expand(&self, value: &Value) -> Value {
        expand(value, self.clock.now(), &self.saved)
    }

    fn device(&self, name: &str) -> Result<&Device, String> {
        self.devices
            .get(name)
            .ok_or_else(|| format!("no device {name}"))
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Request(request) => self.request(request),
            Step::Device(name) => {
                let device = Device::new(self.hub.url(), name);
                self.devices.insert(name.clone(), device);
                self.pair(name)?;
                let device = self.devices.get_mut(name).ok_or("no such device")?;
                device.login(NOOR.0, NOOR.1).opened();
                Ok(())
            }
            Step::Pair(name) => self.pair(name),
            Step::Call(call) => self.call(call),
            Step::Push(body) => {
                let answer = self.device("tablet")?.push(&self.expand(body));
                expect(answer, &Answer::Opened(Value::Object(Map::new())))
            }
            Step::PushFails((body, error)) => {
                let answer = self.device("tablet")?.push(&self.expand(body));
                let error = self.expand(&Value::from(error.clone()));
                let error = error.as_str().unwrap_or_default().to_owned();
                expect(answer, &Answer::Error(error))
            }
            Step::Pull(pull) => self.pull(pull),
            Step::Row(row) => {
                let id = self.expand(&row.id);
                let stored = self
                    .hub
                    .row(&row.table, id.as_str().unwrap_or(""))
                    .ok_or("no such row")?;
                check(&self.expand(&row.is), &Value::Object(stored), &row.table)
            }
            Step::NoRow((table, id)) => {
                let id = self.expand(id);
                match self.hub.row(table, id.as_str().unwrap_or("")) {
                    None => Ok(()),
                    Some(row) => Err(format!("there is {row:?}")),
                }
            }
            Step::AdvanceMs(ms) => {
                self.clock.advance(*ms);
                Ok(())
            }
            Step::Mark(name) => {
                self.saved.insert(name.clone(), self.clock.now().into());
                Ok(())
            }
            Step::Sql(sql) => self.hub.execute(sql).map_err(|error| error.to_string()),
            Step::DatabaseDown(down) => {
                self.hub.faults().base().database_down(*down);
                Ok(())
            }
            Step::ForgetSessions(()) => {
                self.hub.forget_sessions();
                Ok(())
            }
        }
    }

    /// Pairs with a fresh key pair each time.
    fn pair(&mut self, name: &str) -> Result<(), String> {
        self.pairings += 1;
        let private = [self.pairings; 32];
        let (id, key) = (self.hub.id().to_owned(), self.hub.public_key());
        let device = self.devices.get_mut(name).ok_or("no such device")?;
        let reply = device.handshake(private);
        check(
            &serde_json::json!({"hub_id": id, "hub_public_key": key}),
            &reply,
            "handshake",
        )
    }

    fn request(&self, step: &RequestStep) -> Result<(), String> {
        let stranger = Device::new(self.hub.url(), "stranger");
        let method = Method::from_bytes(step.method.as_bytes()).map_err(|e| e.to_string())?;
        let body = step
            .body
            .as_ref()
            .map(|body| self.expand(body).to_string())
            .or_else(|| step.raw.clone());
        let reply = stranger.request(method, &step.path, body);
        if reply.status != step.status {
            return Err(format!("status {}, body {}", reply.status, reply.body));
        }
        if let Some(json) = &step.json {
            let got = serde_json::from_str(&reply.body).unwrap_or(Value::Null);
            check(&self.expand(json), &got, "reply")?;
        }
        match &step.text {
            Some(text) if reply.body != *text => Err(format!("reply is {}", reply.body)),
            _ => Ok(()),
        }
    }

    fn call(&self, step: &CallStep) -> Result<(), String> {
        let device = self.device(&step.by)?;
        let answer = match (&step.payload, &step.plain) {
            (Some(payload), _) => device.send(&step.channel, payload),
            (None, Some(plain)) => {
                let mut plain = self.expand(plain);
                if step.signed {
                    plain["token"] = device.token.clone().into();
                }
                let word = step.word.as_deref().unwrap_or(&step.channel);
                device.call_with(&step.channel, word, &plain)
            }
            (None, None) => return Err("a call of what?".to_owned()),
        };
        match (&step.is, &step.error, &step.broken) {
            (Some(is), None, None) => match answer {
                Answer::Opened(got) => check(&self.expand(is), &got, "plaintext"),
                other => Err(format!("{other:?}")),
            },
            (None, Some(error), None) => expect(answer, &Answer::Error(error.clone())),
            (None, None, Some((status, text))) => {
                expect(answer, &Answer::Broken(*status, text.clone()))
            }
            _ => Err("one expectation, please".to_owned()),
        }
    }

    fn pull(&self, step: &PullStep) -> Result<(), String> {
        let since = self.expand(&step.since).as_i64().ok_or("since what?")?;
        let reply = match self.device("tablet")?.pull(since) {
            Answer::Opened(reply) => reply,
            other => return Err(format!("{other:?}")),
        };
        check(&self.clock.now().into(), &reply["timestamp"], "timestamp")?;
        let changes = reply["changes"].as_object().ok_or("no changes")?;
        let extra = changes
            .keys()
            .find(|name| !step.changes.contains_key(*name));
        if let Some(extra) = extra.filter(|_| step.only) {
            return Err(format!("there is {extra}: {}", changes[extra]));
        }
        for (table, lists) in &step.changes {
            let got = changes.get(table).ok_or_else(|| format!("no {table}"))?;
            for list in ["created", "updated", "deleted"] {
                let expected = lists
                    .get(list)
                    .cloned()
                    .unwrap_or_else(|| Value::Array(Vec::new()));
                check(
                    &self.expand(&expected),
                    &got[list],
                    &format!("{table}.{list}"),
                )?;
            }
        }
        Ok(())
    }
}

fn expect(got: Answer, expected: &Answer) -> Result<(), String> {
    if got == *expected {
        Ok(())
    } else {
        Err(format!("expected {expected:?}, got {got:?}"))
    }
}
