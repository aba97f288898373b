//! The hub and its cloud: what travels, what is ruined on the way, and what sticks.

use amana_peer::hub::{CloudLink, Hub, HubConfig};
use amana_peer::{ManualClock, Peer, PeerConfig, ids};
use serde_json::{Value, json};

use crate::common::NOOR;
use crate::device::{Answer, Device};
use crate::words::{START_MS, expand};

const PATIENT: &str = "a0000000-0000-4000-8000-000000000001";

struct Story {
    cloud: Peer,
    hub: Hub,
    clock: ManualClock,
    device: Device,
}

impl Story {
    /// A cloud, a hub that has met it, and a device that is signed in at the hub.
    fn start() -> Self {
        let clock = ManualClock::new(START_MS);
        let cloud = Peer::start(PeerConfig {
            clock: clock.clock(),
            ..PeerConfig::default()
        })
        .unwrap();
        let hub = Hub::start(HubConfig {
            clock: clock.clock(),
            seed: None,
            cloud: Some(CloudLink {
                url: cloud.url().to_owned(),
                ca_pem: cloud.ca_pem().to_owned(),
                api_key: ids::HUB_KEY.to_owned(),
            }),
            ..HubConfig::default()
        })
        .unwrap();
        let mut device = Device::new(hub.url(), "tablet");
        device.handshake([3; 32]);
        assert!(matches!(device.login(NOOR.0, NOOR.1), Answer::Error(_)));
        clock.advance(60_000);
        let meeting = hub.meet_cloud();
        assert!(meeting.done && meeting.merged > 10, "{meeting:?}");
        device.login(NOOR.0, NOOR.1).opened();
        clock.advance(60_000);
        Self {
            cloud,
            hub,
            clock,
            device,
        }
    }

    fn words(&self, value: &Value) -> Value {
        expand(value, self.clock.now(), &serde_json::Map::new())
    }

    fn push(&self, changes: &Value) {
        assert_eq!(
            self.device.push(&self.words(changes)),
            Answer::Opened(json!({}))
        );
    }
}

fn created(rows: &Value) -> Value {
    json!({"created": rows, "updated": [], "deleted": []})
}

#[test]
fn a_record_goes_from_device_to_hub_to_cloud_and_back() {
    let story = Story::start();
    story.push(&json!({
        "patients": created(&json!([{"$use": "patient"}])),
        "visits": created(&json!([{"$use": "visit"}])),
        "patient_vitals": created(&json!([{"$use": "vital"}])),
    }));
    let meeting = story.hub.meet_cloud();
    assert!(meeting.done, "{meeting:?}");
    assert_eq!(meeting.sent, 3);
    let stored = story.cloud.row("patients", PATIENT).unwrap();
    assert_eq!(stored["given_name"], "Mira");
    assert_eq!(stored["date_of_birth"], "1984-05-06T00:00:00.000Z");
    assert_eq!(story.cloud.count("patient_vitals"), 1);
    // The next meeting brings the hub's own rows back, births as numbers in text.
    story.clock.advance(60_000);
    assert!(story.hub.meet_cloud().done);
    let at_hub = story.hub.row("patients", PATIENT).unwrap();
    assert_eq!(at_hub["date_of_birth"], "452649600000");
    let requests = story.cloud.requests();
    assert!(
        requests
            .iter()
            .all(|seen| seen.authorization.as_deref() == Some("Bearer")
                && seen.target.contains("peerType=sync_hub"))
    );
}

#[test]
fn rows_from_the_cloud_are_stamped_with_their_own_time() {
    let story = Story::start();
    let pulled = story.device.pull(-1).opened();
    let cursor = pulled["timestamp"].as_i64().unwrap();
    // Written in the cloud before the device's pull, met by the hub after it.
    let late = cursor - 10_000;
    story
        .cloud
        .execute(&format!(
            "INSERT INTO patients (id, given_name, additional_data, metadata, is_deleted, \
             created_at, updated_at, last_modified, server_created_at) \
             VALUES ('{PATIENT}', 'Late', '{{}}', '{{}}', 0, {late}, {late}, {late}, {late})"
        ))
        .unwrap();
    story.clock.advance(60_000);
    assert!(story.hub.meet_cloud().done);
    assert!(story.hub.row("patients", PATIENT).is_some());
    let next = story.device.pull(cursor).opened();
    assert!(
        next["changes"].get("patients").is_none(),
        "it is never told"
    );
    let full = story.device.pull(-1).opened();
    assert_eq!(
        full["changes"]["patients"]["created"][0]["given_name"],
        "Late"
    );
    // A deletion does arrive: it is stamped when it comes.
    story.clock.advance(60_000);
    let now = story.clock.now();
    story
        .cloud
        .execute(&format!(
            "UPDATE patients SET is_deleted = 1, deleted_at = {now}, last_modified = {now}"
        ))
        .unwrap();
    story.clock.advance(60_000);
    assert!(story.hub.meet_cloud().done);
    let next = story.device.pull(cursor).opened();
    assert_eq!(next["changes"]["patients"]["deleted"][0], PATIENT);
}

#[test]
fn old_instants_are_ruined_on_the_way_to_the_cloud() {
    let story = Story::start();
    story.push(&json!({
        "patients": created(&json!([{"$use": "patient", "date_of_birth": "452649600000"}])),
        "patient_problems": created(&json!([{"$use": "problem", "visit_id": null, "onset_date": 825_638_400_000_i64}])),
    }));
    assert!(story.hub.meet_cloud().done);
    let today = "2026-10-01T00:00:00.000Z";
    let patient = story.cloud.row("patients", PATIENT).unwrap();
    assert_eq!(patient["date_of_birth"], today);
    assert_eq!(story.cloud.rows("patient_problems")[0]["onset_date"], today);
}

#[test]
fn one_row_that_the_cloud_refuses_keeps_all_later_ones_from_it() {
    let story = Story::start();
    // A patient that the cloud never met is deleted, its visit is not.
    story.push(&json!({
        "patients": created(&json!([{"$use": "patient"}])),
        "visits": created(&json!([{"$use": "visit"}])),
    }));
    story.push(&json!({
        "patients": {"created": [], "updated": [], "deleted": [PATIENT]},
    }));
    let meeting = story.hub.meet_cloud();
    assert!(!meeting.done);
    assert!(meeting.error.unwrap().contains("HTTP 500"));
    story.clock.advance(60_000);
    story.push(
        &json!({"visits": created(&json!([{"$use": "visit", "id": "@v2", "patient_id": null}]))}),
    );
    for _ in 0..3 {
        story.clock.advance(60_000);
        assert!(!story.hub.meet_cloud().done);
    }
    assert_eq!(story.cloud.count("visits"), 0);
    // What the cloud has still comes down meanwhile.
    let now = story.clock.now();
    story
        .cloud
        .execute(&format!(
            "UPDATE clinics SET name = 'Renamed', updated_at = {now}, last_modified = {now}"
        ))
        .unwrap();
    assert!(!story.hub.meet_cloud().done);
    assert_eq!(story.hub.rows("clinics")[0]["name"], "Renamed");
    // Deleting the child as well is what sets it free.
    story.push(&json!({
        "visits": {"created": [], "updated": [], "deleted": ["b0000000-0000-4000-8000-000000000001"]},
    }));
    assert!(story.hub.meet_cloud().done);
}

#[test]
fn a_cloud_that_is_down_or_does_not_know_the_hub_ends_the_meeting() {
    let story = Story::start();
    story.push(&json!({"patients": created(&json!([{"$use": "patient"}]))}));
    story.cloud.faults().database_down(true);
    let meeting = story.hub.meet_cloud();
    assert_eq!((meeting.done, meeting.sent), (false, 0));
    assert!(meeting.error.unwrap().contains("HTTP 401"));
    story.cloud.faults().clear();
    assert!(story.hub.meet_cloud().done);
    assert!(story.cloud.row("patients", PATIENT).is_some());
}

/// What the hub sent comes back at the next meeting. Whether it then undoes what a device wrote in
/// between is not known of the real hub.
#[test]
fn the_echo_of_an_older_row_is_passed_over_unless_a_switch_says_otherwise() {
    for overwrites in [false, true] {
        let story = Story::start();
        story.hub.faults().cloud_overwrites(overwrites);
        story.push(&json!({"patients": created(&json!([{"$use": "patient"}]))}));
        assert!(story.hub.meet_cloud().done);
        story.clock.advance(60_000);
        story.push(&json!({"patients": created(&json!([{"$use": "patient", "camp": "Cedar"}]))}));
        assert!(story.hub.meet_cloud().done);
        let camp = story.cloud.row("patients", PATIENT).unwrap()["camp"].clone();
        assert_eq!(camp == "Cedar", !overwrites, "{camp}");
    }
}

/// A row that the cloud stamped after the hub's last meeting counts as changed at the hub as soon as
/// it has come down, and goes up again in the same meeting. Where the cloud compares times that is
/// harmless; with problems it does not, so it takes the number of an old day for the present moment.
#[test]
fn what_has_just_come_down_goes_up_again_and_ruins_old_days_of_problems() {
    let story = Story::start();
    story.push(&json!({"patients": created(&json!([{"$use": "patient"}]))}));
    assert!(story.hub.meet_cloud().done);
    story.clock.advance(60_000);
    let now = story.clock.now();
    story
        .cloud
        .execute(&format!(
            "INSERT INTO patient_problems (id, patient_id, problem_code_system, problem_code, \
             problem_label, clinical_status, verification_status, onset_date, metadata, is_deleted, \
             created_at, updated_at, last_modified, server_created_at) \
             VALUES ('b1000000-0000-4000-8000-000000000001', '{PATIENT}', 'icd11', '5A11', 'x', \
             'active', 'confirmed', '1996-03-04', '{{}}', 0, {now}, {now}, {now}, {now})"
        ))
        .unwrap();
    let before = story.cloud.rows("patient_problems");
    assert_eq!(before[0]["onset_date"], "1996-03-04T00:00:00.000Z");
    story.clock.advance(60_000);
    let meeting = story.hub.meet_cloud();
    assert!(meeting.done && meeting.sent == 1, "{meeting:?}");
    let after = story.cloud.rows("patient_problems");
    assert_eq!(after[0]["onset_date"], "2026-10-01T00:00:00.000Z");
}

/// A device that did not hear that the hub took an item sends it again. The hub replaces the whole
/// row, with the device's times; the cloud, which moves no time of an item that it has, never tells
/// the hub of its own again. In all else the two agree.
#[test]
fn an_item_that_comes_twice_keeps_the_devices_times_at_the_hub() {
    let story = Story::start();
    let lists = json!({
        "patients": created(&json!([{"$use": "patient"}])),
        "visits": created(&json!([{"$use": "visit"}])),
        "prescriptions": created(&json!([{"$use": "prescription"}])),
        "prescription_items": created(&json!([{"$use": "item"}])),
    });
    let times = ["last_modified", "server_created_at"];
    let both = || {
        let rows = [
            story.cloud.rows("prescription_items"),
            story.hub.rows("prescription_items"),
        ];
        rows.map(|rows| rows.into_iter().next().unwrap())
    };
    let meet = || {
        story.clock.advance(60_000);
        let meeting = story.hub.meet_cloud();
        assert!(meeting.done, "{meeting:?}");
    };
    let words = story.words(&lists);
    let push = || assert_eq!(story.device.push(&words), Answer::Opened(json!({})));
    let sent = words["prescription_items"]["created"][0].clone();
    push();
    (0..3).for_each(|_| meet());
    let [cloud, hub] = both();
    for time in times {
        assert_ne!(hub[time], sent[time], "the cloud's {time} came down");
    }
    push();
    (0..3).for_each(|_| meet());
    let [cloud_after, hub] = both();
    assert_eq!(cloud_after, cloud, "the cloud has it already");
    for time in times {
        assert_eq!(hub[time], sent[time], "the device's {time}");
    }
    assert_eq!(hub["quantity_prescribed"], sent["quantity_prescribed"]);
}
