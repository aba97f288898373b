//! Signing in, and registering patients without the server.

use serde_json::{Value as Json, json};

use super::Stage;
use crate::error::{Error, Result};
use crate::time::Stopwatch;

impl Stage<'_> {
    /// Both tablets sign in; the clinic is the first user's.
    pub(super) fn sign_in(&mut self) -> Result<()> {
        for number in [1, 2] {
            let person = &self.server.people[number - 1];
            let password_file = person.password_file.display().to_string();
            let ca = self
                .server
                .ca
                .as_ref()
                .map(|path| path.display().to_string());
            let mut arguments = vec!["sign-in", "--cloud", &self.server.url];
            arguments.extend(["--email", &person.email, "--password-file", &password_file]);
            if let Some(ca) = &ca {
                arguments.extend(["--ca", ca]);
            }
            let answer = self.tablet(number).call(&arguments)?;
            let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
            self.output.line(&format!(
                "tablet {number}: signed in, role {}",
                text("role")
            ));
            self.users[number - 1] = text("user_id");
            if number == 1 {
                self.clinic = text("clinic_id");
            }
        }
        if self.clinic.is_empty() {
            return Err(Error::new("the user of tablet 1 belongs to no clinic"));
        }
        Ok(())
    }

    /// Patients with a visit each, on both; the server hears nothing of it.
    pub(super) fn register(&mut self) -> Result<()> {
        let before = self.server.requests()?;
        let watch = Stopwatch::start();
        let first = self.register_on(1, self.patients.first)?;
        self.register_on(2, self.patients.second)?;
        let ms = watch.ms();
        let heard = self
            .server
            .requests()?
            .zip(before)
            .map(|(now, before)| now - before);
        self.report.facts.insert(
            "registered_offline".to_owned(),
            json!({
                "tablet_1": self.patients.first,
                "tablet_2": self.patients.second,
                "later_on_tablet_2": self.patients.late,
                "ms": ms,
                "requests_meanwhile": heard,
                "first_id": first["first_id"],
            }),
        );
        Ok(())
    }

    /// The patient whom tablet 1 registered first; both tablets have them after the first syncs.
    pub(super) fn first_patient(&self) -> Result<String> {
        let id = self.report.facts["registered_offline"]["first_id"].as_str();
        id.map(str::to_owned)
            .ok_or_else(|| Error::new("tablet 1 named no patient"))
    }

    /// Registers on one tablet; the answer names the first and the last.
    pub(super) fn register_on(&self, number: usize, count: u32) -> Result<Json> {
        let text = count.to_string();
        let mut arguments = vec!["register", "--count", &text, "--family", &self.family];
        arguments.extend(["--clinic", &self.clinic]);
        let watch = Stopwatch::start();
        let answer = self.tablet(number).call(&arguments)?;
        if answer["registered"] != count {
            return Err(Error::new(format!(
                "tablet {number} did not register {count} patients"
            )));
        }
        self.output.line(&format!(
            "tablet {number}: {count} patients with a visit each, {:.1} s",
            watch.ms() as f64 / 1000.0
        ));
        Ok(answer)
    }
}
