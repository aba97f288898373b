//! Which records are put aside for a peer that refuses them, and which syncs fail for it.

use super::device::cloud_and_device;
use super::*;
use crate::error::Result;
use crate::model::ids::PeerId;
use crate::model::report::SyncReport;
use crate::model::standing::Standing;
use crate::ports::Clock as _;
use crate::test_support::FakeClock;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;

fn sync(device: &Device, cloud: &Cloud) -> Result<SyncReport> {
    device.sync_with(&PeerId::cloud(), cloud, false)
}

fn aside(device: &Device) -> usize {
    device.database.quarantined(100).wait().unwrap().len()
}

fn poison(cloud: &Cloud, ids: &[RecordId]) {
    let ids = ids.iter().map(RecordId::to_string);
    cloud.state.lock().unwrap().poison.extend(ids);
}

fn cure(cloud: &Cloud) {
    cloud.state.lock().unwrap().poison.clear();
}

fn failures(device: &Device) -> u32 {
    device.status().peers[0].status.failures
}

/// A device with records that the cloud refused while it took as many others.
fn with_bad(count: usize) -> (Arc<FakeClock>, Cloud, Device, Vec<RecordId>) {
    let (clock, cloud, device) = cloud_and_device();
    let new = || device.insert("patients", json!({})).unwrap();
    let made: Vec<_> = (0..count).map(|_| (new(), new())).collect();
    let bad: Vec<_> = made.into_iter().map(|(bad, _)| bad).collect();
    poison(&cloud, &bad);
    let report = sync(&device, &cloud).unwrap();
    let count = count as u64;
    assert_eq!((report.pushed, report.quarantined), (count, count));
    (clock, cloud, device, bad)
}

#[test]
fn a_row_alone_is_put_aside_once_it_was_refused_in_two_syncs_and_tried_again_later() {
    let (clock, cloud, device) = cloud_and_device();
    let id = device.insert("patients", json!({})).unwrap();
    poison(&cloud, &[id]);
    assert_eq!(sync(&device, &cloud).unwrap_err().code(), ErrorCode::Server);
    assert!(
        sync(&device, &cloud).is_err(),
        "at once again is the same outage"
    );
    assert_eq!((aside(&device), failures(&device)), (0, 2));
    clock.advance(MINUTE_MS);
    let report = sync(&device, &cloud).unwrap();
    assert_eq!((report.quarantined, aside(&device)), (1, 1));
    assert_eq!(failures(&device), 0, "all else went well");
    assert_eq!(sync(&device, &cloud).unwrap().requests, 1, "the pull alone");
    // No proof: an hour later it has another chance, and is put aside again at once.
    clock.advance(HOUR_MS);
    let report = sync(&device, &cloud).unwrap();
    assert_eq!((report.pushed, report.quarantined), (0, 1));
    clock.advance(HOUR_MS);
    cure(&cloud);
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 1);
    assert_eq!(aside(&device), 0);
}

#[test]
fn what_was_put_aside_while_the_clock_was_ahead_is_tried_again_once_it_is_right() {
    let (clock, cloud, device) = cloud_and_device();
    const YEAR_MS: i64 = 365 * 24 * HOUR_MS as i64;
    clock.set_wall(NOW + YEAR_MS);
    device.insert("patients", json!({})).unwrap();
    let bad = device.insert("patients", json!({})).unwrap();
    let visit = json!({"patient_id": bad.as_str()});
    device.insert("visits", visit).unwrap();
    poison(&cloud, &[bad]);
    assert_eq!(sync(&device, &cloud).unwrap().quarantined, 1);
    assert!(
        device.database.quarantined(10).wait().unwrap()[0]
            .retry_at_ms
            .is_some()
    );
    clock.set_wall(NOW);
    cure(&cloud);
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 2);
}

#[test]
fn a_record_that_was_put_aside_before_goes_back_at_once_and_fails_no_sync() {
    let (clock, cloud, device, bad) = with_bad(1);
    let (table, bad) = (device.table("patients"), &bad[0]);
    let goes_back = |report: SyncReport| {
        assert_eq!((report.pushed, report.quarantined), (0, 1));
        let listed = device.database.quarantined(10).wait().unwrap();
        assert_eq!(listed[0].reason, "the peer refuses this record");
        // Nothing proves it this time: it is tried again by itself.
        let now_ms = device.clock.now_ms();
        let retry_ms = listed[0].retry_at_ms.unwrap();
        assert!(retry_ms > now_ms && retry_ms <= now_ms + HOUR_MS as i64);
        assert_eq!(failures(&device), 0);
    };
    // Taken back by a person.
    let release = device.database.release_record(table, bad.clone());
    release.wait().unwrap();
    assert_eq!(aside(&device), 0, "not listed while it has its chance");
    goes_back(sync(&device, &cloud).unwrap());
    // Edited, in vain.
    device
        .update("patients", bad, json!({"phone": "1"}))
        .unwrap();
    assert_eq!(aside(&device), 0);
    goes_back(sync(&device, &cloud).unwrap());
    // Taken back with all others.
    let released = device.database.release_quarantined(None).wait().unwrap();
    assert_eq!(released, 1);
    goes_back(sync(&device, &cloud).unwrap());
    // By time alone.
    clock.advance(HOUR_MS);
    goes_back(sync(&device, &cloud).unwrap());

    cure(&cloud);
    clock.advance(HOUR_MS);
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 1);
    assert_eq!(device.pending(), 0);
    // What the peer took it does not refuse any more: all begins anew.
    device
        .update("patients", bad, json!({"phone": "2"}))
        .unwrap();
    poison(&cloud, std::slice::from_ref(bad));
    assert!(sync(&device, &cloud).is_err());
    assert_eq!(aside(&device), 0);
}

#[test]
fn what_a_check_of_our_own_put_aside_is_no_refusal_by_the_peer() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let event = json!({"patient_id": patient.as_str()});
    let event = device.insert("events", event).unwrap();
    assert_eq!(device.sync(&cloud).quarantined, 1, "it has no visit");
    cloud.put(
        "visits",
        &id(1),
        json!({"patient_id": patient.as_str(), "metadata": "{}"}),
    );
    device.sync(&cloud);
    device
        .update("events", &event, json!({"visit_id": id(1).as_str()}))
        .unwrap();
    poison(&cloud, &[event]);
    assert!(
        sync(&device, &cloud).is_err(),
        "the first time that it was sent"
    );
}

#[test]
fn many_records_that_were_put_aside_before_go_back_without_a_failed_sync() {
    let (_, cloud, device, bad) = with_bad(20);
    device.database.release_quarantined(None).wait().unwrap();
    let report = sync(&device, &cloud).unwrap();
    assert_eq!(report.quarantined, bad.len() as u64);
    assert_eq!(aside(&device), bad.len());
    assert!(report.requests < 45, "{}", report.requests);
}

#[test]
fn however_many_go_back_each_sync_ends_soon() {
    let (_, cloud, device, bad) = with_bad(100);
    device.database.release_quarantined(None).wait().unwrap();
    for _ in 0..5 {
        match sync(&device, &cloud) {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), ErrorCode::Server),
        }
    }
    assert_eq!(aside(&device), bad.len());
    assert!(sync(&device, &cloud).is_ok());
}

#[test]
fn an_outage_stays_one_for_all_records_but_those_that_were_put_aside_before() {
    let (clock, cloud, device, bad) = with_bad(1);
    device.database.release_quarantined(None).wait().unwrap();
    for _ in 0..60 {
        device.insert("patients", json!({})).unwrap();
    }
    cloud.state.lock().unwrap().refuses_pushes = true;
    for _ in 0..3 {
        assert!(sync(&device, &cloud).is_err());
        let listed = device.database.quarantined(100).wait().unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].record_id, bad[0].as_str());
        clock.advance(24 * HOUR_MS);
    }
    cloud.state.lock().unwrap().refuses_pushes = false;
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 60);
}

#[test]
fn a_sync_fails_as_long_as_one_refused_record_is_only_suspected() {
    let (clock, cloud, device) = cloud_and_device();
    let first = device.insert("patients", json!({})).unwrap();
    cloud.state.lock().unwrap().refuses_pushes = true;
    assert!(sync(&device, &cloud).is_err());
    clock.advance(MINUTE_MS);
    device.insert("patients", json!({})).unwrap();
    assert!(sync(&device, &cloud).is_err(), "the second one is new");
    let listed = device.database.quarantined(10).wait().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].record_id, first.as_str());
    clock.advance(MINUTE_MS);
    assert!(sync(&device, &cloud).is_ok());
    assert_eq!(aside(&device), 2);
}

/// One tablet registers a patient at the hub, another adds to it and meets the cloud first.
#[test]
fn what_was_refused_for_a_record_that_only_the_hub_had_is_sent_once_the_cloud_shows_it() {
    let (clock, cloud, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    device.sync(&cloud);
    let patient = other.insert("patients", json!({})).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    device.insert("patients", json!({})).unwrap();
    let attribute = json!({"patient_id": patient.as_str(), "attribute_id": "blood",
        "attribute": "Blood", "string_value": "A"});
    let attribute = device
        .insert("patient_additional_attributes", attribute)
        .unwrap();
    let report = sync(&device, &cloud).unwrap();
    assert_eq!((report.pushed, report.quarantined), (1, 1));
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 0);
    assert_eq!(aside(&device), 1);
    sync(&other, &cloud).unwrap();
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 1);
    assert_eq!((aside(&device), device.pending()), (0, 0));
    let value = cloud.value("patient_additional_attributes", &attribute, "string_value");
    assert_eq!(value, Some(text("A")));
}

#[test]
fn a_server_that_refuses_everything_for_days_puts_nothing_aside_of_many_rows() {
    let (clock, cloud, device) = cloud_and_device();
    for _ in 0..60 {
        device.insert("patients", json!({})).unwrap();
    }
    cloud.state.lock().unwrap().refuses_pushes = true;
    for _ in 0..5 {
        assert!(sync(&device, &cloud).is_err());
        clock.advance(24 * HOUR_MS);
    }
    assert_eq!(aside(&device), 0);
    cloud.state.lock().unwrap().refuses_pushes = false;
    assert_eq!(sync(&device, &cloud).unwrap().pushed, 60);
}

#[test]
fn what_nobody_has_signed_costs_a_record_ten_minutes_at_that_hub_and_nothing_more() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let made: Vec<_> = (0..2)
        .map(|_| device.insert("patients", json!({})).unwrap())
        .collect();
    let refused = &made[0];
    let clear = refused.to_string();
    hub.state.lock().unwrap().refused_in_clear.push(clear);
    let began_ms = clock.now_ms();
    let report = device.sync_hub(&hub);
    assert_eq!((report.pushed, report.quarantined), (1, 1));
    let listed = device.database.quarantined(10).wait().unwrap();
    assert_eq!(listed[0].peer, Hub::id());
    assert!(listed[0].reason.contains("nobody has signed"), "{listed:?}");
    let retry_ms = listed[0].retry_at_ms.unwrap() - began_ms;
    assert!(
        (1..=11 * MINUTE_MS as i64).contains(&retry_ms),
        "{retry_ms}"
    );
    // That the hub takes another is no proof: the answer was somebody's.
    assert_eq!(device.sync_hub(&hub).quarantined, 0);
    clock.advance(11 * MINUTE_MS);
    assert_eq!(device.sync_hub(&hub).quarantined, 1, "and no sync fails");
    // The way to the cloud is open all the time.
    assert_eq!(device.sync(&cloud).pushed, 2);
    assert_eq!((device.pending(), aside(&device)), (0, 0));
    let standing = device.standing("patients", refused).standing;
    assert_eq!(standing, Standing::InCloud);
}

#[test]
fn a_hub_gets_what_somebody_else_had_refused_for_it() {
    let (clock, _, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    let visit = json!({"patient_id": id.as_str()});
    let visit = device.insert("visits", visit).unwrap();
    hub.state
        .lock()
        .unwrap()
        .refused_in_clear
        .push(id.to_string());
    // Alone, it is a suspicion at first, as it is with the cloud.
    let sync = || device.sync_with(&Hub::id(), &hub, false);
    assert!(sync().is_err());
    clock.advance(MINUTE_MS);
    let report = sync().unwrap();
    assert_eq!((report.quarantined, report.waiting), (1, 1));
    hub.state.lock().unwrap().refused_in_clear.clear();
    clock.advance(11 * MINUTE_MS);
    assert_eq!(sync().unwrap().pushed, 2);
    assert_eq!(hub.value("patients", &id, "given_name"), Some(text("Amal")));
    assert!(hub.value("visits", &visit, "patient_id").is_some());
}
