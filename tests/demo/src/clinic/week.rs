//! The days, but for Friday's bad row and Saturday's kills.

use serde_json::{Value as Json, json};

use crate::digest::{self, Digests};
use crate::error::{Error, Result};

use super::records::{Who, update};
use super::roster::{DOCTOR, NURSE, PHARMACY, RECEPTION};
use super::{Clinic, Place};

/// The tables whose records come back from every server as they were sent. The others the cloud
/// stamps anew, which a tablet learns only when it meets the cloud or pulls everything.
pub(super) const UNCHANGED: [&str; 7] = [
    "patients",
    "visits",
    "events",
    "patient_vitals",
    "prescriptions",
    "prescription_items",
    "dispensing_records",
];

impl Clinic<'_> {
    pub(super) fn monday(&mut self, day: u32) -> Result<()> {
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        self.evening(day)
    }

    /// Three write another phone number for the same patient before they meet; each also changes
    /// something that nobody else touches.
    pub(super) fn tuesday(&mut self, day: u32) -> Result<()> {
        let seen = [RECEPTION, NURSE, DOCTOR].map(|number| self.last_conflict(number));
        let patient = Who(0).patient();
        for (number, phone, column, value) in [
            (RECEPTION, "+961 1 000001", "camp", "Cedar"),
            (NURSE, "+961 2 000002", "hometown", "Tyre"),
            (DOCTOR, "+961 3 000003", "citizenship", "Lebanon"),
        ] {
            let fields = json!({"phone": phone, column: value});
            self.write_down(number, vec![update("patients", &patient, fields)])?;
        }
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        self.registered_twice(day)?;
        self.evening(day)?;
        self.met()?;
        self.conflict_kept(&patient, &seen.into_iter().collect::<Result<Vec<_>>>()?)
    }

    pub(super) fn wednesday(&mut self, day: u32) -> Result<()> {
        let today = self.registered(day)?;
        self.sync(NURSE, Place::Hub, "before the hub dies")?;
        self.hub.die();
        self.line("the hub is dead");
        let vitals = today.iter().map(|who| self.book.vitals(*who, day));
        self.write_down(NURSE, vitals.collect())?;
        let code = self.refused(NURSE, Place::Hub)?;
        let waiting = self.count(NURSE, "pending")?;
        self.hub.come_back()?;
        let sessions = self.hub.state()?["sessions"].clone();
        self.line(&format!(
            "the hub is back; meanwhile a sync said {code}, {waiting} records wait"
        ));
        self.sync(NURSE, Place::Hub, "the hub is back")?;
        self.examined(day, &today)?;
        self.dispensed(day, &today)?;
        let mut wrong = Vec::new();
        let at_hub = self.known_at_hub(
            "patient_vitals",
            &today.iter().map(|w| w.vitals()).collect::<Vec<_>>(),
        )?;
        if at_hub != today.len() {
            wrong.push(format!("the hub has {at_hub} of {} vitals", today.len()));
        }
        if sessions != 0 {
            wrong.push(format!("the hub came back with {sessions} sessions"));
        }
        if waiting < today.len() as u64 {
            wrong.push(format!("only {waiting} records waited"));
        }
        self.fact(
            "hub_death",
            json!({"code": code, "waiting": waiting, "sessions_after": sessions}),
        );
        self.report.prove(
            "hub_returned",
            wrong,
            format!("work went on without it ({waiting} records waited, a sync said {code}); it came back without sessions, and the next sync paired anew and brought all {at_hub} vital signs"),
        );
        self.evening(day)
    }

    /// Small corrections, then everybody with both servers until nothing is left to say.
    pub(super) fn sunday(&mut self, day: u32) -> Result<()> {
        let corrected: Vec<Json> = (1..4)
            .map(|n| {
                update(
                    "patient_vitals",
                    &Who(n).vitals(),
                    json!({"heart_rate": 71 + n}),
                )
            })
            .collect();
        self.write_down(NURSE, corrected)?;
        self.sync(NURSE, Place::Hub, "corrections")?;
        self.evening(day)?;
        self.all_sync(Place::Cloud, "to the cloud", &[])?;
        for _ in 0..4 {
            let (done, meeting) = self.meeting()?;
            if !done {
                return Err(Error::new(format!("the hub's meeting failed: {meeting}")));
            }
            if meeting["merged"] == 0 && meeting["sent"] == 0 {
                break;
            }
        }
        self.all_sync(Place::Hub, "everything from the hub", &["--full"])?;
        self.all_sync(Place::Cloud, "everything from the cloud", &["--full"])
    }

    /// Reception registers the day's patients.
    pub(super) fn registered(&mut self, day: u32) -> Result<Vec<Who>> {
        let today: Vec<Who> = (self.next..self.next + self.per_day).map(Who).collect();
        self.next += self.per_day;
        let records = today
            .iter()
            .flat_map(|who| self.book.registration(*who, day));
        self.write_down(RECEPTION, records.collect())?;
        self.sync(RECEPTION, Place::Hub, "the day's patients")?;
        self.passed_on()?;
        Ok(today)
    }

    /// Nurse, doctor and pharmacy see them.
    pub(super) fn treated(&mut self, day: u32, today: &[Who]) -> Result<()> {
        self.sync(NURSE, Place::Hub, "who is here")?;
        let vitals = today.iter().map(|who| self.book.vitals(*who, day));
        self.write_down(NURSE, vitals.collect())?;
        self.sync(NURSE, Place::Hub, "vital signs")?;
        self.passed_on()?;
        self.examined(day, today)?;
        self.dispensed(day, today)
    }

    fn examined(&mut self, day: u32, today: &[Who]) -> Result<()> {
        self.sync(DOCTOR, Place::Hub, "who is here")?;
        let records = today
            .iter()
            .flat_map(|who| self.book.examination(*who, day));
        self.write_down(DOCTOR, records.collect())?;
        self.sync(DOCTOR, Place::Hub, "examinations")?;
        self.passed_on()
    }

    fn dispensed(&mut self, day: u32, today: &[Who]) -> Result<()> {
        self.sync(PHARMACY, Place::Hub, "prescriptions")?;
        let records = today.iter().flat_map(|who| self.book.dispensing(*who, day));
        self.write_down(PHARMACY, records.collect())?;
        self.sync(PHARMACY, Place::Hub, "medicines handed out")?;
        self.passed_on()
    }

    /// A patient is registered, reaches the hub, and is deleted before the cloud has met him.
    fn registered_twice(&mut self, day: u32) -> Result<()> {
        let who = Who(self.next);
        self.next += 1;
        self.deleted += 1;
        self.write_down(RECEPTION, self.book.registration(who, day))?;
        self.sync(RECEPTION, Place::Hub, "registered twice")?;
        let delete = json!({"op": "delete", "table": "patients", "id": who.patient()});
        self.write_down(RECEPTION, vec![delete])?;
        self.sync(RECEPTION, Place::Hub, "deleted again")?;
        Ok(())
    }

    /// Everybody syncs with the hub, and then holds the same in the tables that come back as they were sent.
    pub(super) fn evening(&mut self, day: u32) -> Result<()> {
        self.all_sync(Place::Hub, "evening", &[])?;
        self.evenings += 1;
        let digests = self.tablet_digests()?;
        let (first, others) = digests
            .split_first()
            .ok_or_else(|| Error::new("no tablets"))?;
        for (number, other) in (2..).zip(others) {
            let different = digest::differences(&unchanged(first), &unchanged(other));
            if !different.is_empty() {
                self.uneven.push(format!(
                    "evening {}: tablets 1 and {number} differ in {}",
                    day + 1,
                    different.join(", ")
                ));
            }
        }
        let patients = first.get("patients").map_or(0, |(rows, _)| *rows);
        self.line(&format!("evening: {patients} patients on each tablet"));
        Ok(())
    }

    /// The hub meets its cloud after each piece of work, where that is possible. Were an item and
    /// what was dispensed on it to travel in one body, the cloud would refuse it.
    fn passed_on(&mut self) -> Result<()> {
        if self.hub_is_relaying {
            self.met()
        } else {
            Ok(())
        }
    }

    /// The hub meets its cloud, which must succeed.
    pub(super) fn met(&mut self) -> Result<()> {
        match self.meeting()? {
            (true, _) => Ok(()),
            (false, meeting) => Err(Error::new(format!("the hub's meeting failed: {meeting}"))),
        }
    }

    /// The digest of each tablet.
    pub(super) fn tablet_digests(&self) -> Result<Vec<Digests>> {
        self.tablets
            .iter()
            .map(|tablet| Ok(digest::of_tablet(&tablet.call(&["digest"])?)))
            .collect()
    }

    fn known_at_hub(&self, table: &str, ids: &[String]) -> Result<usize> {
        let body = self.hub.all(&[table])?;
        let text = String::from_utf8_lossy(&body);
        Ok(ids.iter().filter(|id| text.contains(id.as_str())).count())
    }

    fn last_conflict(&self, number: usize) -> Result<i64> {
        let list = self.tablet(number).call(&["conflicts"])?;
        let last = list["conflicts"].as_array().and_then(|all| all.last());
        Ok(last.and_then(|entry| entry["id"].as_i64()).unwrap_or(0))
    }

    /// The last of the three to sync keeps its number everywhere, the numbers it replaced are in
    /// ledgers, and what one alone wrote is on all.
    fn conflict_kept(&mut self, patient: &str, seen: &[i64]) -> Result<()> {
        let expected = json!({"phone": "+961 3 000003", "camp": "Cedar", "hometown": "Tyre", "citizenship": "Lebanon"});
        let mut wrong = Vec::new();
        for number in 1..=4 {
            let record = self.tablet(number).call(&["get", "--id", patient])?;
            for (column, value) in expected.as_object().into_iter().flatten() {
                let got = &record["record"][column];
                if got != value {
                    wrong.push(format!("tablet {number} has {got} as {column}"));
                }
            }
        }
        let mut ledger = Vec::new();
        for (number, after) in [RECEPTION, NURSE, DOCTOR].into_iter().zip(seen) {
            let list = self
                .tablet(number)
                .call(&["conflicts", "--after", &after.to_string()])?;
            for entry in list["conflicts"].as_array().into_iter().flatten() {
                ledger.push(json!({"tablet": number, "entry": entry}));
            }
        }
        for lost in ["+961 1 000001", "+961 2 000002"] {
            let is_there = |entry: &Json| entry["entry"].to_string().contains(lost);
            if !ledger.iter().any(is_there) {
                wrong.push(format!("{lost} is in no ledger"));
            }
        }
        self.line(&format!("{} conflicts, all in ledgers", ledger.len()));
        self.fact(
            "conflict",
            json!({"patient": patient, "result": expected, "ledger": ledger}),
        );
        self.report.prove(
            "conflict_kept",
            wrong,
            "three wrote another number: the last to sync stays on all four tablets, the two others are in ledgers, and what each wrote alone is everywhere".to_owned(),
        );
        Ok(())
    }
}

fn unchanged(all: &Digests) -> Digests {
    let mut kept = all.clone();
    kept.retain(|name, _| UNCHANGED.contains(&name.as_str()));
    kept
}
