//! The first hour: servers start, people sign in, tablets pair with the hub.

use std::path::Path;

use crate::arguments::Arguments;
use crate::error::{Doing as _, Error, Result};
use crate::output::Output;
use crate::processes::Processes;
use crate::programs::Programs;
use crate::report::Report;
use crate::tablet::Tablet;
use crate::time::rare_word;

use super::records::Book;
use super::roster::COLLEAGUES;
use super::servers::{Cloud, Hub};
use super::{Clinic, Place};

impl<'a> Clinic<'a> {
    /// All is ready for Monday: every tablet has the drugs and the forms.
    pub(super) fn start(
        arguments: &Arguments,
        output: &'a Output,
        report: &'a mut Report,
        folder: &Path,
        processes: &Processes,
    ) -> Result<Self> {
        let programs = Programs::find(arguments.programs.as_deref())?;
        let cloud = Cloud::start(&folder.join("cloud"), &programs, processes)?;
        let hub = Hub::start(&folder.join("hub"), &cloud, &programs, processes)?;
        output.line(&format!("cloud: {}, hub: {}", cloud.url, hub.qr));
        let tablet = |number| Tablet::new(number, folder, programs.tablet()?, processes);
        let mut clinic = Self {
            output,
            book: Book {
                clinic: cloud.clinic.clone(),
                form: cloud.form.clone(),
                drug: String::new(),
                family: format!("Qamar{}", rare_word(10)),
                users: Default::default(),
            },
            per_day: (report.patients / 7).max(2),
            report,
            cloud,
            hub,
            tablets: [tablet(1)?, tablet(2)?, tablet(3)?, tablet(4)?],
            folder: folder.to_owned(),
            next: 0,
            deleted: 0,
            outage_patients: Vec::new(),
            hub_is_relaying: true,
            uneven: Vec::new(),
            evenings: 0,
        };
        for colleague in &COLLEAGUES {
            clinic.open(colleague.number)?;
        }
        clinic.all_sync(Place::Hub, "first", &[])?;
        clinic.book.drug = clinic.some_drug()?;
        Ok(clinic)
    }

    /// Signs in at the cloud and pairs with the hub.
    fn open(&mut self, number: usize) -> Result<()> {
        let colleague = &COLLEAGUES[number - 1];
        let file = self.folder.join(format!("password-{number}"));
        std::fs::write(&file, colleague.password).doing(file.display())?;
        let (password, ca) = (
            file.display().to_string(),
            self.cloud.ca.display().to_string(),
        );
        let person = ["--email", colleague.email, "--password-file", &password];
        let mut arguments = vec!["sign-in", "--cloud", &self.cloud.url, "--ca", &ca];
        arguments.extend(person);
        let answer = self.tablet(number).call(&arguments)?;
        let mut arguments = vec!["pair-hub", "--qr", &self.hub.qr];
        arguments.extend(person);
        self.tablet(number).call(&arguments)?;
        self.line(&format!(
            "tablet {number}: {}, signed in and paired",
            colleague.role
        ));
        let id = answer["user_id"].as_str().unwrap_or_default();
        self.book.users[number - 1] = id.to_owned();
        Ok(())
    }

    fn some_drug(&self) -> Result<String> {
        let found = self
            .tablet(1)
            .call(&["query", "--table", "drug_catalogue"])?;
        let columns = found["columns"].as_array();
        let at = columns.and_then(|names| names.iter().position(|name| name == "id"));
        at.and_then(|at| found["rows"][0][at].as_str())
            .map(str::to_owned)
            .ok_or_else(|| Error::new("tablet 1 knows no drug"))
    }
}
