//! An edit that a hub has, and that waits for the cloud while the cloud's own version changes: where it
//! stands, and that it comes to the cloud by either way.

use std::sync::Arc;

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerId;
use crate::model::standing::Standing;
use crate::model::terms::ConflictPolicy;
use crate::ports::Clock;

const HOUR_MS: u64 = 3_600_000;

/// The device has given a patient a name that the hub has, and the cloud has not; then somebody else
/// changes a column of the patient in the cloud, which the device hears of while nothing can be pushed
/// there.
fn heard_of(column: &str, policy: ConflictPolicy) -> (Cloud, Hub, Device) {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let table = ("patients".to_owned(), policy);
    device.policy.lock().unwrap().tables.extend([table]);
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    hub.relay(&cloud);
    device.sync_hub(&hub);
    // Beyond what the hub says again.
    clock.advance(HOUR_MS);
    device.sync_hub(&hub);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    assert_eq!(device.sync_hub(&hub).pushed, 1);
    clock.advance(HOUR_MS);
    device.sync_hub(&hub);
    let standing = device.standing("patients", &id(1));
    assert_eq!(standing.standing, Standing::OnHub);
    let theirs = json!({column: "Theirs", "updated_at": cloud.clock.now_ms()});
    cloud.put("patients", &id(1), theirs);
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    cloud.state.lock().unwrap().refuses_pushes = false;
    assert_eq!(device.pending(), 1);
    (cloud, hub, device)
}

#[test]
fn what_the_cloud_changes_of_a_record_that_waits_goes_to_the_hub_and_with_it_the_edit_to_the_cloud()
{
    let (cloud, hub, device) = heard_of("phone", ConflictPolicy::Local);
    let standing = device.standing("patients", &id(1));
    assert_eq!(standing.standing, Standing::HereOnly);
    assert!(standing.taken_by.is_empty());
    assert_eq!(device.sync_hub(&hub).pushed, 1);
    let standing = device.standing("patients", &id(1));
    assert_eq!(standing.standing, Standing::OnHub);
    assert_eq!(device.sync_hub(&hub).pushed, 0);
    // The device never comes back; the hub brings the edit to the cloud, over nothing.
    hub.relay(&cloud);
    for server in [
        |_: &Hub, cloud: &Cloud, column: &str| cloud.value("patients", &id(1), column),
        |hub: &Hub, _: &Cloud, column: &str| hub.value("patients", &id(1), column),
    ] {
        let names = ["given_name", "phone"].map(|column| server(&hub, &cloud, column));
        assert_eq!(names, [Some(text("Ours")), Some(text("Theirs"))]);
    }
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
}

#[test]
fn what_a_rule_made_of_the_clouds_version_is_not_on_the_hub_before_it_was_sent_there() {
    let (_, hub, device) = heard_of(
        "given_name",
        ConflictPolicy::Rule(Arc::new(super::merging::Both)),
    );
    assert_eq!(
        device.field("patients", &id(1), "given_name"),
        "Ours+Theirs"
    );
    let standing = device.standing("patients", &id(1)).standing;
    assert_eq!(standing, Standing::HereOnly);
    device.sync_hub(&hub);
    assert_eq!(
        hub.value("patients", &id(1), "given_name"),
        Some(text("Ours+Theirs"))
    );
    let standing = device.standing("patients", &id(1)).standing;
    assert_eq!(standing, Standing::OnHub);
}

/// Everybody at the hub has seen the edit, though not what the cloud has made of the record since.
#[test]
fn a_colleagues_edit_at_a_hub_that_had_ours_is_no_refusal_whatever_else_the_cloud_changed() {
    let (cloud, hub, device) = heard_of("phone", ConflictPolicy::Local);
    let other = Device::new(&device.clock, 2);
    assert_eq!(device.sync(&cloud).pushed, 1);
    other.sync_hub(&hub);
    assert_eq!(other.field("patients", &id(1), "given_name"), "Ours");
    device.clock.advance(60_000);
    other
        .update("patients", &id(1), json!({"given_name": "Later"}))
        .unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Later");
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
}
