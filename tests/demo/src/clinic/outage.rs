//! A day without the cloud. It leaves the hub with items and what was dispensed on them in one body,
//! which the cloud refuses for ever: only the tablets' own way to the cloud sets the hub free.

use serde_json::json;

use crate::error::Result;

use super::records::Who;
use super::roster::DOCTOR;
use super::{Clinic, Place};

impl Clinic<'_> {
    pub(super) fn thursday(&mut self, day: u32) -> Result<()> {
        self.cloud.die();
        self.hub_is_relaying = false;
        self.line("the cloud is down");
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        self.evening(day)?;
        let (done, meeting) = self.meeting()?;
        let code = self.refused(DOCTOR, Place::Cloud)?;
        let mut wrong = Vec::new();
        if done {
            wrong.push("the hub met a cloud that is down".to_owned());
        }
        for number in 1..=4 {
            let aside = self.count(number, "quarantined")?;
            if aside > 0 {
                wrong.push(format!(
                    "tablet {number} put {aside} records aside for an outage"
                ));
            }
        }
        self.fact(
            "cloud_down",
            json!({"code": code, "hub": meeting["error"], "patients": today.len()}),
        );
        self.report.prove(
            "outage_is_no_loss",
            wrong,
            format!(
                "a day's work over the hub alone; a sync with the cloud said {code}, and nothing was \
                 put aside"
            ),
        );
        self.outage_patients = today;
        Ok(())
    }

    /// The cloud is back. The hub sticks on what has piled up, the tablets do not, and with what they
    /// bring the hub is free again.
    pub(super) fn back(&mut self) -> Result<()> {
        self.cloud.come_back()?;
        self.line("the cloud is back");
        let (first, stuck) = self.meeting()?;
        self.all_sync(Place::Cloud, "the cloud is back", &[])?;
        let (free, after) = self.meeting()?;
        let visits = self.cloud.rows("visits")?;
        let is_there = |who: &&Who| visits.iter().any(|row| row["id"] == who.visit());
        let arrived = self.outage_patients.iter().filter(is_there).count();
        let mut wrong = Vec::new();
        if first {
            wrong.push("the hub did not stick on an item and its dispensing".to_owned());
        }
        if !free {
            wrong.push(format!("the hub still sticks: {}", after["error"]));
        }
        if arrived != self.outage_patients.len() {
            wrong.push(format!(
                "{arrived} of {} visits of the day before are in the cloud",
                self.outage_patients.len()
            ));
        }
        self.fact(
            "pile",
            json!({"hub": stuck["error"], "freed": free, "visits": arrived}),
        );
        self.report.prove(
            "stuck_hub_freed",
            wrong,
            format!(
                "the hub's push of a whole day is refused, since it has items and what was dispensed \
                 on them in one body; the tablets brought all {arrived} visits to the cloud themselves, \
                 and the hub was free"
            ),
        );
        Ok(())
    }
}
