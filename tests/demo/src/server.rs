//! The server that the tablets sync with: the reference one as a process, or one that exists.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::arguments::Arguments;
use crate::error::{Doing as _, Error, Result};
use crate::http::Http;
use crate::processes::{Process, Processes};
use crate::programs::Programs;
use crate::started;

/// Who signs in on a tablet.
pub struct Person {
    /// The e-mail address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The file that holds it.
    pub password_file: PathBuf,
}

/// A server.
pub struct Server {
    /// Its address.
    pub url: String,
    /// Its private authority.
    pub ca: Option<PathBuf>,
    /// The persons on tablet 1 and tablet 2.
    pub people: [Person; 2],
    http: Http,
    /// Of the reference server; kept because dropping it ends it.
    process: Option<Process>,
}

impl Server {
    /// As the arguments say; files go into the folder.
    pub fn start(
        arguments: &Arguments,
        folder: &Path,
        programs: &Programs,
        processes: &Processes,
    ) -> Result<Self> {
        match &arguments.cloud {
            Some(url) => Self::existing(url, arguments, processes),
            None => Self::reference(folder, programs, processes),
        }
    }

    fn existing(url: &str, arguments: &Arguments, processes: &Processes) -> Result<Self> {
        let person = |email: &Option<String>, file: &Option<PathBuf>| match (email, file) {
            (Some(email), Some(file)) => Person::read(email, file),
            _ => Err(Error::new("--cloud needs --email and --password-file")),
        };
        let first = person(&arguments.email, &arguments.password_file)?;
        let second = match &arguments.email2 {
            Some(_) => person(&arguments.email2, &arguments.password_file2)?,
            None => person(&arguments.email, &arguments.password_file)?,
        };
        Ok(Self {
            url: url.to_owned(),
            ca: arguments.ca.clone(),
            people: [first, second],
            http: Http::new(url, arguments.ca.as_deref(), processes)?,
            process: None,
        })
    }

    fn reference(folder: &Path, programs: &Programs, processes: &Processes) -> Result<Self> {
        std::fs::create_dir_all(folder).doing(folder.display())?;
        let ca = folder.join("ca.pem");
        let mut command = Command::new(programs.peer()?);
        command
            .args(["--port", "0", "--admin", "--until-stdin-closes", "--ca-out"])
            .arg(&ca);
        command.arg("--db").arg(folder.join("server.db"));
        let (process, started) = started::start("the reference server", &mut command, processes)?;
        let url = started["url"].as_str().unwrap_or_default().to_owned();
        let person = |n: usize| -> Result<Person> {
            let user = &started["users"][n];
            let file = folder.join(format!("password-{}", n + 1));
            std::fs::write(&file, user["password"].as_str().unwrap_or_default())
                .doing(file.display())?;
            Person::read(user["email"].as_str().unwrap_or_default(), &file)
        };
        Ok(Self {
            people: [person(0)?, person(1)?],
            http: Http::new(&url, Some(&ca), processes)?,
            url,
            ca: Some(ca),
            process: Some(process),
        })
    }

    /// Whether it is the reference server, which has switches.
    pub fn is_reference(&self) -> bool {
        self.process.is_some()
    }

    /// How many requests it has had; only the reference server tells.
    pub fn requests(&self) -> Result<Option<usize>> {
        if !self.is_reference() {
            return Ok(None);
        }
        let state = self.http.get("/__peer/state")?;
        Ok(state["requests"].as_array().map(Vec::len))
    }

    /// Makes pull replies drip, and tells after how many bytes of one it is well under way. An
    /// existing server has no such switch: there it is after the first.
    pub fn slow_pulls(&self, full_bytes: u64) -> Result<u64> {
        if !self.is_reference() {
            return Ok(1);
        }
        // A second and more for the whole: tablets tell their progress ten times a second.
        let drip = json!({"bytes": (full_bytes / 64).max(64), "wait_ms": 20});
        self.http
            .post("/__peer/faults", &json!({"clear": true, "drip": drip}))?;
        Ok(full_bytes / 3)
    }

    /// Puts everything right again.
    pub fn clear_faults(&self) -> Result<()> {
        if !self.is_reference() {
            return Ok(());
        }
        self.http.post("/__peer/faults", &json!({"clear": true}))
    }

    /// Everything it has, as the first person gets it.
    pub fn pull_all(&self) -> Result<Vec<u8>> {
        let [person, _] = &self.people;
        self.http.pull_all(&person.email, &person.password)
    }
}

impl Person {
    /// From an address and a file with the password.
    pub fn read(email: &str, password_file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(password_file).doing(password_file.display())?;
        Ok(Self {
            email: email.to_owned(),
            password: text.trim_end_matches(['\r', '\n']).to_owned(),
            password_file: password_file.to_owned(),
        })
    }
}
