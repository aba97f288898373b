//! A visit that the hub takes and the cloud refuses: the hub sticks, the tablets do not.

use serde_json::{Value as Json, json};

use crate::error::Result;

use super::records::{Who, update};
use super::roster::{DOCTOR, RECEPTION};
use super::{Clinic, Place};

impl Clinic<'_> {
    pub(super) fn friday(&mut self, day: u32) -> Result<()> {
        self.back()?;
        let poison = Who(self.next);
        self.next += 1;
        self.write_down(RECEPTION, self.book.poison(poison, day))?;
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        self.evening(day)?;
        let (done, meeting) = self.meeting()?;
        self.all_sync(Place::Cloud, "past a stuck hub", &[])?;
        let mut wrong = Vec::new();
        if done {
            wrong.push("the hub did not stick".to_owned());
        }
        let aside = self.only_the_bad_row_is_missing(poison, &today, &mut wrong)?;
        let list = self.tablet(RECEPTION).call(&["quarantine"])?;
        self.line(&format!(
            "the hub sticks; {aside} record(s) of tablet 1 put aside, the rest is in the cloud"
        ));
        let left = self.corrected(poison, &mut wrong)?;
        self.hub_is_relaying = true;
        self.fact(
            "poison",
            json!({
                "visit": poison.visit(),
                "hub": meeting["error"],
                "quarantined": aside,
                "list": list["quarantined"],
                "quarantined_after_correction": left,
                "visits_of_the_day": today.len(),
            }),
        );
        self.report.prove(
            "poison_alone",
            wrong,
            format!(
                "one visit with a provider who does not exist: the hub's push stuck on it, tablet 1 put \
                 {aside} record(s) aside and kept back the event that hangs on it, all {} other visits \
                 of the day reached the cloud; corrected, both went through, and the hub was free",
                today.len()
            ),
        );
        Ok(())
    }

    /// What tablet 1 put aside; all else must be in the cloud.
    fn only_the_bad_row_is_missing(
        &self,
        poison: Who,
        today: &[Who],
        wrong: &mut Vec<String>,
    ) -> Result<u64> {
        let (visits, events) = (self.cloud.rows("visits")?, self.cloud.rows("events")?);
        if has(&visits, "id", &poison.visit()) {
            wrong.push("the cloud took the bad row".to_owned());
        }
        if has(&events, "patient_id", &poison.patient()) {
            wrong.push("the event went without its visit".to_owned());
        }
        let missing = today
            .iter()
            .filter(|who| !has(&visits, "id", &who.visit()))
            .count();
        if missing > 0 {
            wrong.push(format!(
                "{missing} visits of the day did not reach the cloud"
            ));
        }
        let aside = self.count(RECEPTION, "quarantined")?;
        if aside == 0 {
            wrong.push("tablet 1 put nothing aside".to_owned());
        }
        for number in 2..=4 {
            let aside = self.count(number, "quarantined")?;
            if aside > 0 {
                wrong.push(format!("tablet {number} put {aside} good records aside"));
            }
        }
        Ok(aside)
    }

    /// Reception corrects the provider; the visit and its event go their way, and the hub is free.
    fn corrected(&mut self, poison: Who, wrong: &mut Vec<String>) -> Result<u64> {
        let fields = json!({"provider_id": self.book.users[DOCTOR - 1]});
        let correction = update("visits", &poison.visit(), fields);
        self.write_down(RECEPTION, vec![correction])?;
        self.sync(RECEPTION, Place::Hub, "corrected")?;
        self.sync(RECEPTION, Place::Cloud, "corrected")?;
        let left = self.count(RECEPTION, "quarantined")?;
        if left > 0 {
            wrong.push(format!(
                "{left} records are still put aside after the correction"
            ));
        }
        let (free, meeting) = self.meeting()?;
        if !free {
            wrong.push(format!("the hub still sticks: {}", meeting["error"]));
        }
        if !has(&self.cloud.rows("visits")?, "id", &poison.visit())
            || !has(&self.cloud.rows("events")?, "visit_id", &poison.visit())
        {
            wrong.push("the corrected visit and its event are not in the cloud".to_owned());
        }
        Ok(left)
    }
}

fn has(rows: &[Json], column: &str, value: &str) -> bool {
    rows.iter().any(|row| row[column] == value)
}
