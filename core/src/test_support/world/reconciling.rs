//! Pulls of everything, digests, and the status that the app sees.

use super::device::cloud_and_device;
use super::*;

fn clinic(name: &str) -> Json {
    json!({"name": name, "is_deleted": 0, "is_archived": 0, "updated_at": NOW, "created_at": NOW})
}

#[test]
fn l20_a_record_that_is_missing_is_gone_only_where_that_is_proven() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("clinics", &id(1), clinic("Noor"));
    cloud.put("clinics", &id(2), clinic("Amal"));
    cloud.put("patients", &id(3), patient("Amal", NOW));
    device.sync(&cloud);
    {
        let mut state = cloud.state.lock().unwrap();
        state
            .rows
            .remove(&(device.table("clinics"), id(1).to_string()));
        state
            .rows
            .remove(&(device.table("patients"), id(3).to_string()));
    }
    device.sync(&cloud);
    assert!(
        device.get("clinics", &id(1)).is_some(),
        "only everything proves anything"
    );
    let waiting = device.insert("patients", json!({})).unwrap();
    let report = device.sync_fully(&cloud);
    assert_eq!((report.applied.gone, report.applied.absent), (1, 1));
    assert!(device.get("clinics", &id(1)).is_none());
    assert!(device.get("clinics", &id(2)).is_some());
    assert!(
        device.get("patients", &id(3)).is_some(),
        "it may just be old"
    );
    assert!(device.get("patients", &waiting).is_some());
    assert_eq!(
        device
            .standing("patients", &id(3))
            .absent_since_ms
            .map(|ms| ms >= NOW),
        Some(true)
    );
    assert_eq!(device.standing("patients", &waiting).absent_since_ms, None);
    assert_eq!(device.sync_fully(&cloud).applied.absent, 0, "told once");
    cloud.put("patients", &id(3), patient("Amal", NOW));
    device.sync_fully(&cloud);
    assert_eq!(device.standing("patients", &id(3)).absent_since_ms, None);
    assert_eq!(device.status().absent, 0);
}

#[test]
fn a_table_that_a_pull_of_everything_leaves_out_says_nothing() {
    let (_, cloud, device) = cloud_and_device();
    let own = json!({"user_id": id(4).as_str(), "clinic_id": id(1).as_str()});
    cloud.put("clinics", &id(1), clinic("Noor"));
    cloud.put("user_clinic_permissions", &id(2), own);
    device.sync(&cloud);
    let ours = device.insert("patients", json!({})).unwrap();
    let all = crate::test_support::all_tables();
    device.sync(&cloud);
    let tables = ["clinics", "user_clinic_permissions", "patients"];
    let held = || tables.map(|table| device.count(table));
    assert_eq!(held(), [1, 1, 1]);
    cloud.state.lock().unwrap().omits = all.into_iter().collect();
    let report = device.sync_fully(&cloud);
    assert_eq!((report.applied.gone, report.applied.absent), (0, 0));
    assert_eq!((report.applied.not_kept, held()), (0, [1, 1, 1]));
    assert_eq!(device.standing("patients", &ours).absent_since_ms, None);
    // Once it is there again, and empty, it does.
    let mut state = cloud.state.lock().unwrap();
    state.omits.clear();
    state.rows.clear();
    drop(state);
    device.sync_fully(&cloud);
    assert_eq!(held(), [0, 0, 1]);
}

#[test]
fn a_history_limit_destroys_nothing_and_orphans_are_stored() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    clock.advance(1_000_000);
    cloud.state.lock().unwrap().history_from = NOW + 500_000;
    let visit = json!({"patient_id": id(9).as_str(), "metadata": "{}", "is_deleted": 0,
                       "updated_at": NOW, "created_at": NOW});
    cloud.put("visits", &id(2), visit);
    let report = device.sync_fully(&cloud);
    assert_eq!((report.applied.gone, report.applied.absent), (0, 1));
    assert!(device.get("patients", &id(1)).is_some());
    assert!(
        device.get("visits", &id(2)).is_some(),
        "its patient is not here"
    );
}

#[test]
fn a_setting_that_was_made_anew_replaces_the_one_before() {
    let (_, cloud, device) = cloud_and_device();
    let setting = |value: &str| {
        json!({"namespace": "ui", "key": "k", "value": value, "data_type": "string",
               "updated_at": NOW})
    };
    cloud.put("app_config", &id(1), setting("a"));
    device.sync(&cloud);
    let key = (device.table("app_config"), id(1).to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    cloud.put("app_config", &id(2), setting("b"));
    assert_eq!(device.sync(&cloud).applied.adopted, 1);
    assert_eq!(device.count("app_config"), 1);
    assert_eq!(device.field("app_config", &id(2), "value"), "b");
}

#[test]
fn two_devices_that_hold_the_same_have_the_same_digest() {
    let (clock, cloud, first) = cloud_and_device();
    let second = Device::new(&clock, 2);
    let digest = |device: &Device| device.database.digest().wait().unwrap();
    super::verifying::an_item(&first);
    first.sync(&cloud);
    first.sync(&cloud);
    assert_ne!(digest(&first), digest(&second));
    second.sync(&cloud);
    assert_eq!(digest(&first), digest(&second));
}

#[test]
fn the_status_tells_what_waits_by_table_and_when_syncs_went_well() {
    let (_, cloud, device) = cloud_and_device();
    super::verifying::an_item(&device);
    let before = device.status();
    assert_eq!(before.peers.len(), 1, "the cloud, before any sync");
    let tables: Vec<&str> = before.peers[0]
        .pending
        .iter()
        .map(|t| t.table.as_str())
        .collect();
    assert_eq!(
        tables,
        ["patients", "visits", "prescriptions", "prescription_items"]
    );
    assert_eq!(before.peers[0].status.last_success_ms, None);
    device.sync(&cloud);
    let after = device.status();
    assert!(after.peers[0].pending.is_empty());
    assert!(after.peers[0].status.last_success_ms.is_some());
    assert!(after.peers[0].status.last_full_ms.is_some());
    assert_eq!(after.unconfirmed, 4);
    device.sync(&cloud);
    assert_eq!(device.status().unconfirmed, 0);
}
