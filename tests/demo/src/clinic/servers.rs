//! The clinic's two servers as processes that can die and come back: the cloud, and the hub in the
//! next room.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value as Json, json};

use super::roster::COLLEAGUES;
use crate::error::{Doing as _, Error, Result};
use crate::http::Http;
use crate::processes::{Process, Processes};
use crate::programs::Programs;
use crate::started;

/// The cloud.
pub struct Cloud {
    /// Its address, the same after it came back.
    pub url: String,
    /// Its private authority.
    pub ca: PathBuf,
    /// The form of an examination.
    pub form: String,
    /// The clinic of the four people.
    pub clinic: String,
    machine: Machine,
    http: Http,
}

/// The hub.
pub struct Hub {
    /// The text of its QR code.
    pub qr: String,
    machine: Machine,
    http: Http,
}

/// A program with a place and a port of its own.
struct Machine {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    port: u16,
    processes: Processes,
    /// None while it is down.
    process: Option<Process>,
}

impl Machine {
    /// Starts it for the first time, or again on its old port.
    fn start(&mut self) -> Result<Json> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args(["--port", &self.port.to_string()]);
        let (process, line) = started::start(self.name, &mut command, &self.processes)?;
        self.process = Some(process);
        let port = line["url"].as_str().and_then(|url| url.rsplit_once(':'));
        self.port = port
            .and_then(|(_, port)| port.parse().ok())
            .ok_or_else(|| Error::new(format!("{} named no port", self.name)))?;
        Ok(line)
    }

    /// Ends it at once: SIGKILL.
    fn die(&mut self) {
        self.process = None;
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn text(line: &Json, name: &str) -> String {
    line[name].as_str().unwrap_or_default().to_owned()
}

impl Cloud {
    /// A new one with the four people.
    pub fn start(folder: &Path, programs: &Programs, processes: &Processes) -> Result<Self> {
        std::fs::create_dir_all(folder).doing(folder.display())?;
        let tls = folder.join("tls");
        let mut arguments: Vec<String> = ["--admin", "--until-stdin-closes", "--no-rate-limit"]
            .map(str::to_owned)
            .to_vec();
        arguments.extend(["--db".to_owned(), path(&folder.join("cloud.db"))]);
        arguments.extend(["--tls".to_owned(), path(&tls)]);
        for person in &COLLEAGUES {
            let user = [person.email, person.password, person.server_role].join(":");
            arguments.extend(["--user".to_owned(), user]);
        }
        let mut machine = Machine {
            name: "the cloud",
            program: programs.peer()?,
            arguments,
            port: 0,
            processes: processes.clone(),
            process: None,
        };
        let line = machine.start()?;
        let (url, ca) = (text(&line, "url"), tls.join("ca.pem"));
        Ok(Self {
            http: Http::new(&url, Some(&ca), processes)?,
            form: text(&line, "event_form_id"),
            clinic: text(&line, "clinic_id"),
            url,
            ca,
            machine,
        })
    }

    /// SIGKILL.
    pub fn die(&mut self) {
        self.machine.die();
    }

    /// With the same records, authority and address.
    pub fn come_back(&mut self) -> Result<()> {
        self.machine.start().map(|_| ())
    }

    /// Sets switches.
    pub fn faults(&self, switches: &Json) -> Result<()> {
        self.http.post("/__peer/faults", switches)
    }

    /// Everything it has, as a device gets it.
    pub fn pull_all(&self) -> Result<Vec<u8>> {
        let [person, ..] = &COLLEAGUES;
        self.http.pull_all(person.email, person.password)
    }

    /// Its rows of a table, deleted ones included.
    pub fn rows(&self, table: &str) -> Result<Vec<Json>> {
        rows(&self.http, table)
    }
}

impl Hub {
    /// A new one that has met its cloud once, so that it knows the four people.
    pub fn start(
        folder: &Path,
        cloud: &Cloud,
        programs: &Programs,
        processes: &Processes,
    ) -> Result<Self> {
        std::fs::create_dir_all(folder).doing(folder.display())?;
        let mut arguments = vec!["hub".to_owned(), "--admin".to_owned()];
        arguments.push("--until-stdin-closes".to_owned());
        arguments.extend(["--db".to_owned(), path(&folder.join("hub.db"))]);
        arguments.extend(["--cloud".to_owned(), cloud.url.clone()]);
        arguments.extend(["--cloud-ca".to_owned(), path(&cloud.ca)]);
        let mut machine = Machine {
            name: "the hub",
            program: programs.peer()?,
            arguments,
            port: 0,
            processes: processes.clone(),
            process: None,
        };
        let line = machine.start()?;
        let hub = Self {
            http: Http::plain(&text(&line, "url"), processes)?,
            qr: text(&line, "qr"),
            machine,
        };
        let meeting = hub.meet_cloud()?;
        if meeting["done"] != true {
            return Err(Error::new(format!(
                "the hub's first meeting with the cloud failed: {meeting}"
            )));
        }
        Ok(hub)
    }

    /// SIGKILL.
    pub fn die(&mut self) {
        self.machine.die();
    }

    /// With the same records, key and address, and without the sessions.
    pub fn come_back(&mut self) -> Result<()> {
        self.machine.start().map(|_| ())
    }

    /// Sets switches.
    pub fn faults(&self, switches: &Json) -> Result<()> {
        self.http.post("/__peer/faults", switches)
    }

    /// Pull, merge and push with its cloud; what came of it.
    pub fn meet_cloud(&self) -> Result<Json> {
        self.http.ask("/__peer/cloud", &json!({}))
    }

    /// Its clock, sessions, and how often its unsealed routes were called.
    pub fn state(&self) -> Result<Json> {
        self.http.get("/__peer/state")
    }

    /// Its rows of a table, deleted ones included.
    pub fn rows(&self, table: &str) -> Result<Vec<Json>> {
        rows(&self.http, table)
    }

    /// Everything it has in the form of a pull reply, without what it announces as deleted.
    pub fn all(&self, tables: &[&str]) -> Result<Vec<u8>> {
        let mut changes = Map::new();
        for table in tables {
            let mut rows = rows(&self.http, table)?;
            rows.retain(|row| row["is_gone"] != true);
            changes.insert((*table).to_owned(), json!({"created": rows}));
        }
        Ok(json!({"changes": changes}).to_string().into_bytes())
    }
}

fn rows(http: &Http, table: &str) -> Result<Vec<Json>> {
    match http.get(&format!("/__peer/rows?table={table}"))? {
        Json::Array(rows) => Ok(rows),
        _ => Err(Error::new(format!("no rows of {table}"))),
    }
}
