//! Invented patients, each with a visit.

use amana_core::{Amana, Result};
use serde_json::{Value as Json, json};

const GIVEN: [&str; 12] = [
    "Amal", "Basem", "Dalia", "Elias", "Fatima", "Ghassan", "Hanan", "Ibrahim", "Jamila", "سلمى",
    "أحمد", "ليلى",
];
const CAMPS: [&str; 4] = ["North", "South", "River", "Hill"];
/// One transaction for so many patients: a screen of them at once is not lost by half.
const PER_BATCH: u32 = 250;

/// Registers invented patients; the family name of each holds the given part and a number.
pub async fn register(
    amana: &Amana,
    count: u32,
    family: &str,
    clinic: Option<&str>,
) -> Result<Json> {
    let mut ids = Vec::new();
    let mut from = 0;
    while from < count {
        let until = count.min(from + PER_BATCH);
        let patients: Vec<Json> = (from..until).map(|n| patient(n, family, clinic)).collect();
        let new = amana.batch(&Json::from(patients).to_string()).await?;
        if let Some(clinic) = clinic {
            let visits: Vec<Json> = new.iter().map(|id| visit(id, clinic)).collect();
            amana.batch(&Json::from(visits).to_string()).await?;
        }
        ids.extend(new);
        from = until;
    }
    Ok(json!({"registered": ids.len(), "first_id": ids.first(), "last_id": ids.last()}))
}

fn patient(n: u32, family: &str, clinic: Option<&str>) -> Json {
    let pick = n as usize;
    json!({"op": "insert", "table": "patients", "fields": {
        "given_name": GIVEN[pick % GIVEN.len()],
        "surname": format!("{family} {n:05}"),
        "date_of_birth": format!("{:04}-{:02}-{:02}", 1930 + n % 90, 1 + n % 12, 1 + n % 28),
        "sex": if n.is_multiple_of(2) { "female" } else { "male" },
        "camp": CAMPS[pick % CAMPS.len()],
        "phone": format!("+961 70 {n:06}"),
        "additional_data": {"household": n / 5, "note": "é ü 👶"},
        "primary_clinic_id": clinic,
    }})
}

fn visit(patient: &str, clinic: &str) -> Json {
    json!({"op": "insert", "table": "visits", "fields": {
        "patient_id": patient,
        "clinic_id": clinic,
        "provider_name": "Dr Demo",
        "check_in_timestamp": 1_795_470_612_883_i64,
    }})
}
