//! The steps of a fixture and how they are carried out.

use amana_peer::{ManualClock, PeerConfig};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::common::{Harness, NOOR, Reply, basic};
use crate::matching::check;
use crate::words::{START_MS, expand};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    #[allow(dead_code, reason = "for the reader of the fixture")]
    about: String,
    #[serde(default)]
    config: Config,
    steps: Vec<Step>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    time_zone_minutes: i32,
    max_history_days: Option<u32>,
    rate_limit: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Step {
    /// A request; the reply's JSON must hold `json`, or its text be `text`.
    Request(Box<RequestStep>),
    /// A push of `body`, expected to succeed.
    Push(Value),
    /// A push that ends with a 500.
    PushFails(Value),
    /// A push that ends with `[object Object]`.
    PushConfused(Value),
    /// A pull since a moment; the tables named must hold just these lists, which are empty
    /// where not named. With `only`, all other tables must be empty.
    Pull(PullStep),
    /// The stored row with that id must hold these fields.
    Row(RowStep),
    /// No row has that id.
    NoRow((String, Value)),
    /// How many rows a table holds.
    Count((String, usize)),
    /// Moves the clock.
    AdvanceMs(i64),
    /// Keeps the server's present moment under a name.
    Mark(String),
    /// Changes rows behind the server's back.
    Sql(String),
    /// Takes the database away or brings it back.
    DatabaseDown(bool),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequestStep {
    #[serde(default = "once")]
    times: usize,
    method: String,
    path: String,
    /// E-mail and password for a Basic header.
    #[serde(rename = "as")]
    user: Option<(String, String)>,
    /// The signed-in user of most steps.
    #[serde(default)]
    as_noor: bool,
    authorization: Option<String>,
    forwarded_for: Option<String>,
    body: Option<Value>,
    raw: Option<String>,
    status: u16,
    json: Option<Value>,
    text: Option<String>,
    /// Keys that `changes` must hold, in this order in the text.
    tables: Option<Vec<String>>,
    #[serde(default)]
    headers: Map<String, Value>,
}

fn once() -> usize {
    1
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
    harness: Harness,
    clock: ManualClock,
    saved: Map<String, Value>,
}

/// Replays a fixture; panics at the first step that goes otherwise.
pub fn replay(text: &str) {
    let fixture: Fixture = serde_json::from_str(text).unwrap();
    let clock = ManualClock::new(START_MS);
    let harness = Harness::start(PeerConfig {
        clock: clock.clock(),
        time_zone_minutes: fixture.config.time_zone_minutes,
        max_history_days: fixture.config.max_history_days,
        rate_limit: fixture.config.rate_limit,
        ..PeerConfig::default()
    });
    let mut replay = Replay {
        harness,
        clock,
        saved: Map::new(),
    };
    assert!(!fixture.steps.is_empty());
    for (index, step) in fixture.steps.iter().enumerate() {
        if let Err(problem) = replay.carry_out(step) {
            panic!("step {index} ({step:?}): {problem}");
        }
    }
}

impl Replay {
    fn expand(&self, value: &Value) -> Value {
        expand(value, self.clock.now(), &self.saved)
    }

    fn carry_out(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Request(request) => {
                for _ in 0..request.times {
                    self.request(request)?;
                }
                Ok(())
            }
            Step::Push(body) => self.push(body, 200, r#"{"success":true}"#),
            Step::PushFails(body) => self.push(
                body,
                500,
                r#"{"status":500,"unhandled":true,"message":"HTTPError"}"#,
            ),
            Step::PushConfused(body) => self.push(body, 200, "[object Object]"),
            Step::Pull(pull) => self.pull(pull),
            Step::Row(row) => {
                let id = self.expand(&row.id);
                let stored = self
                    .harness
                    .peer
                    .row(&row.table, id.as_str().unwrap_or(""))
                    .ok_or("no such row")?;
                check(&self.expand(&row.is), &Value::Object(stored), &row.table)
            }
            Step::NoRow((table, id)) => {
                let id = self.expand(id);
                match self.harness.peer.row(table, id.as_str().unwrap_or("")) {
                    None => Ok(()),
                    Some(row) => Err(format!("there is {row:?}")),
                }
            }
            Step::Count((table, count)) => {
                let got = self.harness.peer.count(table);
                (got == *count)
                    .then_some(())
                    .ok_or_else(|| format!("{got} rows in {table}"))
            }
            Step::AdvanceMs(ms) => {
                self.clock.advance(*ms);
                Ok(())
            }
            Step::Mark(name) => {
                self.saved.insert(name.clone(), self.clock.now().into());
                Ok(())
            }
            Step::Sql(sql) => self
                .harness
                .peer
                .execute(sql)
                .map_err(|error| error.to_string()),
            Step::DatabaseDown(down) => {
                self.harness.peer.faults().database_down(*down);
                Ok(())
            }
        }
    }

    fn request(&self, step: &RequestStep) -> Result<(), String> {
        let method = Method::from_bytes(step.method.as_bytes()).map_err(|e| e.to_string())?;
        let mut request = self.harness.request(method, &step.path);
        let user = step
            .as_noor
            .then(|| (NOOR.0.to_owned(), NOOR.1.to_owned()))
            .or_else(|| step.user.clone());
        if let Some((email, password)) = user {
            request = request.header("authorization", basic(&email, &password));
        }
        if let Some(value) = &step.authorization {
            request = request.header("authorization", value);
        }
        if let Some(value) = &step.forwarded_for {
            request = request.header("x-forwarded-for", value);
        }
        if let Some(body) = &step.body {
            request = request.body(self.expand(body).to_string());
        }
        if let Some(raw) = &step.raw {
            request = request.body(raw.clone());
        }
        let reply = self.harness.send(request).map_err(|e| e.to_string())?;
        expect_status(&reply, step.status)?;
        if let Some(json) = &step.json {
            check(&self.expand(json), &reply.json(), "reply")?;
        }
        if let Some(text) = &step.text
            && reply.body != *text
        {
            return Err(format!("reply is {}", reply.body));
        }
        if let Some(tables) = &step.tables {
            let listed = tables_in_order(&reply.body);
            if listed != *tables {
                return Err(format!("tables are {listed:?}"));
            }
        }
        step.headers.iter().try_for_each(|(name, expected)| {
            let got = reply.header(name).map_or(Value::Null, Value::from);
            check(expected, &got, name)
        })
    }

    fn push(&self, body: &Value, status: u16, text: &str) -> Result<(), String> {
        let reply = self.harness.push(&self.expand(body));
        expect_status(&reply, status)?;
        if reply.body == text {
            Ok(())
        } else {
            Err(format!("reply is {}", reply.body))
        }
    }

    fn pull(&self, step: &PullStep) -> Result<(), String> {
        let since = self.expand(&step.since).as_i64().ok_or("since what?")?;
        let reply = self.harness.pull(since);
        expect_status(&reply, 200)?;
        let reply = reply.json();
        check(&self.clock.now().into(), &reply["timestamp"], "timestamp")?;
        let changes = reply["changes"].as_object().ok_or("no changes")?;
        for (table, lists) in changes {
            let expected = step.changes.get(table);
            if expected.is_none() && !step.only {
                continue;
            }
            for list in ["created", "updated", "deleted"] {
                let expected = expected
                    .and_then(|lists| lists.get(list))
                    .cloned()
                    .unwrap_or_else(|| Value::Array(Vec::new()));
                check(
                    &self.expand(&expected),
                    &lists[list],
                    &format!("{table}.{list}"),
                )?;
            }
        }
        match step
            .changes
            .keys()
            .find(|name| !changes.contains_key(*name))
        {
            Some(name) => Err(format!("no table {name}")),
            None => Ok(()),
        }
    }
}

fn expect_status(reply: &Reply, status: u16) -> Result<(), String> {
    if reply.status == status {
        Ok(())
    } else {
        Err(format!("status {}, body {}", reply.status, reply.body))
    }
}

/// The table names of a pull reply as they follow each other in its text, which a parsed
/// object no longer tells.
fn tables_in_order(body: &str) -> Vec<String> {
    body.split(":{\"created\":[")
        .filter_map(|before| before.strip_suffix('"')?.rsplit_once('"'))
        .map(|(_, name)| name.to_owned())
        .collect()
}
