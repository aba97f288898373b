//! What is written down on a day, as operations for a tablet. Plain data: the same numbers give the
//! same records.

use serde_json::{Value as Json, json};

/// 5 October 2026, 08:00 UTC: the Monday on which the week begins.
const MONDAY_MS: i64 = 1_791_187_200_000;
const DAY_MS: i64 = 86_400_000;
const MINUTE_MS: i64 = 60_000;

const GIVEN: [&str; 8] = [
    "Amal", "Basem", "Dalia", "سلمى", "Elias", "Fatima", "أحمد", "Hanan",
];

/// What all records of the week share.
pub struct Book {
    /// The clinic.
    pub clinic: String,
    /// The form of an examination.
    pub form: String,
    /// The drug that is prescribed.
    pub drug: String,
    /// Part of every surname, and nowhere else.
    pub family: String,
    /// The ids of the four people.
    pub users: [String; 4],
}

/// A patient of the week, by number; the same number is also his visit's and all else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who(pub u32);

impl Who {
    fn id(self, kind: u16) -> String {
        format!("c1141c00-{kind:04x}-4000-8000-{:012x}", self.0)
    }

    /// The patient's id.
    pub fn patient(self) -> String {
        self.id(1)
    }

    /// The id of his visit.
    pub fn visit(self) -> String {
        self.id(2)
    }

    /// The id of his vital signs.
    pub fn vitals(self) -> String {
        self.id(3)
    }

    /// The id of his prescription.
    pub fn prescription(self) -> String {
        self.id(6)
    }

    fn at(self, day: u32, step: i64) -> i64 {
        MONDAY_MS + i64::from(day) * DAY_MS + (i64::from(self.0) % 60 * 5 + step) * MINUTE_MS
    }

    /// Every third one is diagnosed.
    pub fn is_diagnosed(self) -> bool {
        self.0.is_multiple_of(3)
    }

    /// Every second one gets a medicine.
    pub fn is_prescribed(self) -> bool {
        self.0.is_multiple_of(2)
    }
}

fn insert(table: &str, fields: Json) -> Json {
    json!({"op": "insert", "table": table, "fields": fields})
}

/// Some columns of a record that exists.
pub fn update(table: &str, id: &str, fields: Json) -> Json {
    json!({"op": "update", "table": table, "id": id, "fields": fields})
}

impl Book {
    /// Reception: the patient and his visit.
    pub fn registration(&self, who: Who, day: u32) -> Vec<Json> {
        let n = who.0;
        let name = GIVEN.get(n as usize % GIVEN.len()).copied();
        vec![
            insert(
                "patients",
                json!({
                    "id": who.patient(),
                    "given_name": name,
                    "surname": format!("{} {n:04}", self.family),
                    "date_of_birth": format!("{:04}-{:02}-{:02}", 1931 + n % 88, 1 + n % 12, 1 + n % 28),
                    "sex": if n.is_multiple_of(2) { "female" } else { "male" },
                    "phone": format!("+961 70 {n:06}"),
                    "camp": "North",
                    "additional_data": {"household": n / 5, "note": "é ü 👶"},
                    "primary_clinic_id": self.clinic,
                }),
            ),
            insert(
                "visits",
                json!({
                    "id": who.visit(),
                    "patient_id": who.patient(),
                    "clinic_id": self.clinic,
                    "provider_id": self.users[2],
                    "provider_name": "Dr Dalal",
                    "check_in_timestamp": who.at(day, 0),
                }),
            ),
        ]
    }

    /// Nurse: vital signs.
    pub fn vitals(&self, who: Who, day: u32) -> Json {
        let n = who.0;
        insert(
            "patient_vitals",
            json!({
                "id": who.vitals(),
                "patient_id": who.patient(),
                "visit_id": who.visit(),
                "timestamp": who.at(day, 10),
                "systolic_bp": 105 + n % 50,
                "diastolic_bp": 65 + n % 30,
                "heart_rate": 60 + n % 40,
                "weight_kg": format!("{}.5", 40 + n % 60),
                "temperature_celsius": format!("36.{}", n % 10),
                "recorded_by_user_id": self.users[1],
            }),
        )
    }

    /// Doctor: the examination, and perhaps a diagnosis and a prescription with one item.
    pub fn examination(&self, who: Who, day: u32) -> Vec<Json> {
        let doctor = &self.users[2];
        let mut all = vec![insert(
            "events",
            json!({
                "id": who.id(4),
                "patient_id": who.patient(),
                "visit_id": who.visit(),
                "form_id": self.form,
                "event_type": "Check-up",
                "form_data": [{"fieldId": "note", "name": "Note", "inputType": "textarea",
                               "fieldType": "free-text", "value": format!("نبض {}", who.0)}],
                "recorded_by_user_id": doctor,
            }),
        )];
        if who.is_diagnosed() {
            all.push(insert(
                "patient_problems",
                json!({
                    "id": who.id(5),
                    "patient_id": who.patient(),
                    "visit_id": who.visit(),
                    "problem_code_system": "icd11",
                    "problem_code": "5A11",
                    "problem_label": "Type 2 diabetes",
                    "clinical_status": "active",
                    "verification_status": "confirmed",
                    "severity_score": 1 + who.0 % 4,
                    "onset_date": "2019-03-04",
                    "recorded_by_user_id": doctor,
                }),
            ));
        }
        if who.is_prescribed() {
            all.push(insert(
                "prescriptions",
                json!({
                    "id": who.prescription(),
                    "patient_id": who.patient(),
                    "provider_id": doctor,
                    "pickup_clinic_id": self.clinic,
                    "visit_id": who.visit(),
                    "priority": "normal",
                    "prescribed_at": who.at(day, 20),
                    "expiration_date": who.at(day + 30, 0),
                    "status": "pending",
                    "notes": "with food",
                }),
            ));
            all.push(insert(
                "prescription_items",
                json!({
                    "id": who.id(7),
                    "prescription_id": who.prescription(),
                    "patient_id": who.patient(),
                    "drug_id": self.drug,
                    "clinic_id": self.clinic,
                    "dosage_instructions": "1-0-1",
                    "quantity_prescribed": 20,
                    "quantity_dispensed": 0,
                    "item_status": "active",
                }),
            ));
        }
        all
    }

    /// Pharmacy: what was handed out, and that the prescription was picked up.
    pub fn dispensing(&self, who: Who, day: u32) -> Vec<Json> {
        if !who.is_prescribed() {
            return Vec::new();
        }
        let pharmacist = &self.users[3];
        vec![
            insert(
                "dispensing_records",
                json!({
                    "id": who.id(8),
                    "clinic_id": self.clinic,
                    "drug_id": self.drug,
                    "prescription_item_id": who.id(7),
                    "patient_id": who.patient(),
                    "quantity_dispensed": 20,
                    "dosage_instructions": "1-0-1",
                    "days_supply": 10,
                    "dispensed_by": pharmacist,
                    "dispensed_at": who.at(day, 30),
                    "recorded_by_user_id": pharmacist,
                }),
            ),
            update(
                "prescriptions",
                &who.prescription(),
                json!({"status": "picked-up", "filled_by": pharmacist}),
            ),
        ]
    }

    /// A registration whose visit the cloud refuses and a hub does not: its provider is nobody's
    /// user. An event hangs on the visit; sent without it, the cloud would invent one.
    pub fn poison(&self, who: Who, day: u32) -> Vec<Json> {
        let mut all = self.registration(who, day);
        if let Some(visit) = all.last_mut() {
            visit["fields"]["provider_id"] = NOBODY.into();
        }
        all.extend(self.examination(who, day).into_iter().take(1));
        all
    }
}

/// A well-formed id that no user has.
const NOBODY: &str = "dead0000-0000-4000-8000-00000000c11c";

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> Book {
        Book {
            clinic: "c".to_owned(),
            form: "f".to_owned(),
            drug: "d".to_owned(),
            family: "Qamar".to_owned(),
            users: ["1", "2", "3", "4"].map(str::to_owned),
        }
    }

    #[test]
    fn ids_differ_by_patient_and_by_kind() {
        let book = book();
        let mut ids: Vec<String> = (0..40)
            .flat_map(|n| {
                let who = Who(n);
                let mut all = book.registration(who, 0);
                all.push(book.vitals(who, 0));
                all.extend(book.examination(who, 0));
                all.extend(book.dispensing(who, 0));
                all.retain(|operation| operation["op"] == "insert");
                all
            })
            .map(|operation| operation["fields"]["id"].as_str().unwrap().to_owned())
            .collect();
        let all = ids.len();
        assert!(ids.iter().all(|id| id.len() == 36));
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    #[test]
    fn a_poison_row_differs_in_its_provider_alone() {
        let (good, bad) = (book().registration(Who(7), 1), book().poison(Who(7), 1));
        assert_eq!(good[0], bad[0]);
        assert_ne!(good[1], bad[1]);
        assert_eq!(bad[2]["fields"]["visit_id"], bad[1]["fields"]["id"]);
        assert_eq!(bad.len(), 3);
    }
}
