//! Pushes that cannot get stuck, and what is checked before a record leaves.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerKind;

#[test]
fn h08_w085_w086_a_bad_row_stops_nothing_and_is_free_again_after_an_edit() {
    let (_, cloud, device) = cloud_and_device();
    let bad = device
        .insert("patients", json!({"given_name": "Bad"}))
        .unwrap();
    let visit = device
        .insert("visits", json!({"patient_id": bad.as_str()}))
        .unwrap();
    for _ in 0..20 {
        device.insert("patients", json!({})).unwrap();
    }
    cloud.state.lock().unwrap().poison.push(bad.to_string());
    let report = device.sync(&cloud);
    assert_eq!(
        (report.pushed, report.quarantined, report.waiting),
        (20, 1, 1)
    );
    let listed = device.database.quarantined(10).wait().unwrap();
    assert_eq!(
        (listed[0].record_id.as_str(), listed[0].waiting),
        (bad.as_str(), 1)
    );
    assert_eq!(listed[0].retry_at_ms, None);
    // Nothing is tried again by itself, and the visit goes on waiting.
    assert_eq!(device.sync(&cloud).pushed, 0);
    assert_eq!(cloud.value("visits", &visit, "patient_id"), None);
    cloud.state.lock().unwrap().poison.clear();
    device
        .update("patients", &bad, json!({"given_name": "Good"}))
        .unwrap();
    assert_eq!(device.sync(&cloud).pushed, 2);
    assert_eq!(device.pending(), 0);
}

#[test]
fn what_waits_for_a_row_that_waits_waits_too() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let visit = device
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    let prescription = json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(),
        "provider_id": id(90).as_str(), "pickup_clinic_id": id(91).as_str(),
        "prescribed_at": NOW, "status": "pending"});
    let prescription = device.insert("prescriptions", prescription).unwrap();
    let item = json!({"prescription_id": prescription.as_str(), "patient_id": patient.as_str(),
        "drug_id": id(92).as_str(), "clinic_id": id(91).as_str(), "quantity_prescribed": 1});
    device.insert("prescription_items", item).unwrap();
    device.insert("patients", json!({})).unwrap();
    cloud.state.lock().unwrap().poison.push(visit.to_string());
    let report = device.sync(&cloud);
    assert_eq!(
        (report.pushed, report.quarantined, report.waiting),
        (1, 1, 2)
    );
    let report = device.sync(&cloud);
    assert_eq!(
        (report.pushed, report.quarantined, report.waiting),
        (0, 0, 2)
    );
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
    cloud.state.lock().unwrap().poison.clear();
    let table = device.table("visits");
    device.database.release_record(table, visit).wait().unwrap();
    assert_eq!(device.sync(&cloud).pushed, 3);
}

/// What the server makes up a visit for, where it has none: without one, and what else it needs.
fn of_a_visit(patient: &RecordId) -> [(&'static str, &'static str, Json); 3] {
    let patient = patient.as_str();
    let (clinic, person, gone) = (id(91), id(90), id(99));
    [
        ("events", "visit_id", json!({"patient_id": patient})),
        (
            "appointments",
            "current_visit_id",
            // It cannot be without one; this one nobody has.
            json!({"patient_id": patient, "clinic_id": clinic.as_str(), "user_id": person.as_str(),
                   "timestamp": NOW, "duration": 30, "reason": "", "notes": "",
                   "status": "pending", "current_visit_id": gone.as_str()}),
        ),
        (
            "prescriptions",
            "visit_id",
            json!({"patient_id": patient, "provider_id": person.as_str(),
                   "pickup_clinic_id": clinic.as_str(), "prescribed_at": NOW, "status": "pending"}),
        ),
    ]
}

#[test]
fn no_visit_is_ever_invented() {
    for which in 0..3 {
        let (_, cloud, device) = cloud_and_device();
        let patient = device.insert("patients", json!({})).unwrap();
        let (table, column, fields) = of_a_visit(&patient)[which].clone();
        let record = device.insert(table, fields).unwrap();
        let report = device.sync(&cloud);
        assert_eq!((report.pushed, report.quarantined), (1, 1), "{table}");
        let listed = device.database.quarantined(10).wait().unwrap();
        assert_eq!(
            (listed[0].table.as_str(), listed[0].reason.as_str()),
            (table, "the record that this one belongs to is missing")
        );
        assert_eq!(cloud.state.lock().unwrap().invented, 0, "{table}");
        let visit = device
            .insert("visits", json!({"patient_id": patient.as_str()}))
            .unwrap();
        let given = json!({column: visit.as_str()});
        device.update(table, &record, given).unwrap();
        assert_eq!(device.sync(&cloud).pushed, 2, "{table}");
        assert_eq!(cloud.state.lock().unwrap().invented, 0, "{table}");
        assert_eq!(
            cloud.value(table, &record, column),
            Some(text(visit.as_str()))
        );
    }
}

#[test]
fn an_event_of_a_visit_that_only_the_server_has_is_sent() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    cloud.put(
        "visits",
        &id(2),
        json!({"patient_id": id(1).as_str(), "metadata": "{}"}),
    );
    let event = json!({"patient_id": id(1).as_str(), "visit_id": id(2).as_str(), "is_deleted": 0,
        "form_data": "[]", "metadata": "{}", "updated_at": NOW, "created_at": NOW});
    cloud.put("events", &id(3), event);
    cloud.state.lock().unwrap().history_from = NOW + 3;
    device.sync(&cloud);
    assert!(
        device.get("visits", &id(2)).is_none(),
        "older than the history"
    );
    device
        .update("events", &id(3), json!({"event_type": "x"}))
        .unwrap();
    assert_eq!(device.sync(&cloud).pushed, 1);
}

#[test]
fn a_record_whose_id_is_no_uuid_never_leaves() {
    let (_, cloud, device) = cloud_and_device();
    let odd = RecordId::from_peer("row-1").unwrap();
    cloud.put("patients", &odd, patient("Amal", NOW));
    device.sync(&cloud);
    device
        .update("patients", &odd, json!({"phone": "1"}))
        .unwrap();
    assert_eq!(device.sync(&cloud).quarantined, 1);
    assert_eq!(cloud.value("patients", &odd, "phone"), Some(Value::Null));
}

/// Two records of one patient are made one: what belonged to the other is moved, and the other deleted.
#[test]
fn a_deletion_waits_for_what_was_moved_away_from_the_record_and_is_not_taken_yet() {
    // With so many refused that the peer is doubted, and other rows are tried, too.
    for others in [0, 9] {
        let (_, cloud, device) = cloud_and_device();
        cloud.put("patients", &id(1), patient("Twice", NOW));
        cloud.put("patients", &id(3), patient("Another", NOW));
        device.sync(&cloud);
        let new = || device.insert("patients", json!({})).unwrap();
        let visit = json!({"patient_id": id(1).as_str()});
        let visit = device.insert("visits", visit).unwrap();
        device.sync(&cloud);
        device.sync(&cloud);
        let mut refused: Vec<_> = (0..others).map(|_| new()).collect();
        let one = new();
        let moved = json!({"patient_id": one.as_str()});
        device.update("visits", &visit, moved).unwrap();
        for number in [1, 3] {
            device.delete("patients", &id(number)).unwrap();
        }
        refused.push(one.clone());
        let refused = refused.iter().map(RecordId::to_string);
        cloud.state.lock().unwrap().poison.extend(refused);

        let report = device.sync(&cloud);
        // The visit, and the deletion of its former patient.
        assert_eq!((report.waiting, report.pushed_deletions), (2, 1));
        let of = |visit: &RecordId| cloud.value("visits", visit, "patient_id");
        assert_eq!(of(&visit), Some(text(id(1).as_str())));
        assert!(cloud.value("patients", &id(1), "given_name").is_some());
        assert!(cloud.value("patients", &id(3), "given_name").is_none());

        cloud.state.lock().unwrap().poison.clear();
        device.database.release_quarantined(None).wait().unwrap();
        let report = device.sync(&cloud);
        assert_eq!((report.pushed, report.pushed_deletions), (others + 2, 1));
        assert_eq!(of(&visit), Some(text(one.as_str())));
        assert!(cloud.value("patients", &id(1), "given_name").is_none());
    }
}

/// Such an entry stays until the hub has it, too.
#[test]
fn what_a_cloud_without_the_last_word_has_taken_holds_up_no_deletion_there() {
    let (_, cloud, device) = cloud_and_device();
    device.policy.lock().unwrap().last_word = PeerKind::Hub;
    let patients = [1, 2].map(|number| {
        cloud.put("patients", &id(number), patient("Amal", NOW));
        id(number)
    });
    device.sync(&cloud);
    let visit = json!({"patient_id": patients[0].as_str()});
    let visit = device.insert("visits", visit).unwrap();
    device.sync(&cloud);
    let moved = json!({"patient_id": patients[1].as_str()});
    device.update("visits", &visit, moved).unwrap();
    device.delete("patients", &patients[0]).unwrap();
    assert_eq!(device.sync(&cloud).pushed_deletions, 1);
    let of = cloud.value("visits", &visit, "patient_id");
    assert_eq!(of, Some(text(patients[1].as_str())));
}
