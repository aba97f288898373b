//! Several peers: what each has, and that none of them loses anything for another.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::{PeerId, PeerKind};
use crate::model::standing::Standing;
use crate::ports::SyncStore;
use crate::test_support::FakeClock;

pub(super) fn with_hub() -> (Cloud, Hub, Device) {
    let (clock, cloud, device) = cloud_and_device();
    (cloud, Hub::new(&clock), device)
}

#[test]
fn l12_what_a_hub_took_still_goes_to_the_cloud() {
    let (cloud, hub, device) = with_hub();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    assert_eq!(
        device.standing("patients", &id).standing,
        Standing::HereOnly
    );
    device.sync_hub(&hub);
    let standing = device.standing("patients", &id);
    assert_eq!(standing.standing, Standing::OnHub);
    assert_eq!(standing.taken_by, [Hub::id()]);
    assert_eq!(device.pending(), 1, "the cloud has yet to take it");
    // A second sync with the hub has nothing to send.
    assert_eq!(device.sync_hub(&hub).pushed, 0);

    hub.wipe();
    assert_eq!(device.sync(&cloud).pushed, 1);
    assert_eq!(device.pending(), 0);
    assert_eq!(
        cloud.value("patients", &id, "given_name"),
        Some(text("Amal"))
    );
    assert_eq!(device.standing("patients", &id).standing, Standing::InCloud);
}

#[test]
fn while_the_cloud_is_away_the_hub_has_the_edits_and_later_the_cloud_gets_the_same() {
    let (cloud, hub, device) = with_hub();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    cloud.state.lock().unwrap().down = true;
    device
        .update("patients", &id, json!({"phone": "1"}))
        .unwrap();
    assert!(device.sync_with(&PeerId::cloud(), &cloud, false).is_err());
    let status = device.status();
    let failed = &status.peers[0].status;
    assert_eq!(
        (failed.last_error.as_deref(), failed.failures),
        (Some("network"), 1)
    );
    assert!(failed.next_try_ms.is_some());
    device.sync_hub(&hub);
    assert_eq!(hub.value("patients", &id, "phone"), Some(text("1")));
    cloud.state.lock().unwrap().down = false;
    device.sync(&cloud);
    assert_eq!(cloud.value("patients", &id, "phone"), Some(text("1")));
    assert_eq!(device.status().peers[0].status.last_error, None);
}

#[test]
fn a_hub_that_was_paired_anew_is_sent_what_it_had_taken() {
    let (_, hub, device) = with_hub();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync_hub(&hub);
    hub.wipe();
    device
        .database
        .pair(Hub::id(), "Hub".into(), "{}".into())
        .wait()
        .unwrap();
    device.sync_hub(&hub);
    assert_eq!(hub.value("patients", &id, "given_name"), Some(text("Amal")));
}

#[test]
fn where_the_hub_has_the_last_word_its_taking_ends_an_edit() {
    let (cloud, hub, device) = with_hub();
    device.policy.lock().unwrap().last_word = PeerKind::Hub;
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    assert_eq!(device.pending(), 1, "the cloud's word is not the last here");
    assert_eq!(device.sync(&cloud).pushed, 0, "but it is not sent twice");
    device.sync_hub(&hub);
    assert_eq!(device.pending(), 0);
    assert_eq!(device.standing("patients", &id).standing, Standing::OnHub);
}

#[test]
fn l13_an_edit_made_after_the_hub_took_the_record_goes_to_both() {
    let (cloud, hub, device) = with_hub();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync_hub(&hub);
    device
        .update("patients", &id, json!({"given_name": "Amalia"}))
        .unwrap();
    assert_eq!(
        device.standing("patients", &id).standing,
        Standing::HereOnly
    );
    device.sync_hub(&hub);
    device.sync(&cloud);
    assert_eq!(
        hub.value("patients", &id, "given_name"),
        Some(text("Amalia"))
    );
    assert_eq!(
        cloud.value("patients", &id, "given_name"),
        Some(text("Amalia"))
    );
}

#[test]
fn what_one_peer_says_of_an_older_version_undoes_nothing() {
    let (cloud, hub, device) = with_hub();
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    device.sync(&cloud);
    device.sync_hub(&hub);
    hub.relay(&cloud);
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    // Edited here and taken by the cloud: the hub still has the version before.
    device
        .update("patients", &id, json!({"given_name": "Amalia"}))
        .unwrap();
    device.sync(&cloud);
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert_eq!(device.field("patients", &id, "given_name"), "Amalia");
    // Deleted here and in the cloud: the same.
    device.delete("patients", &id).unwrap();
    device.sync(&cloud);
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert!(device.get("patients", &id).is_none());
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
}

#[test]
fn a_colleagues_edit_by_way_of_the_hub_is_no_conflict_with_the_cloud() {
    let (cloud, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    for device in [&device, &other] {
        device.sync(&cloud);
    }
    device
        .update("patients", &id, json!({"given_name": "Amalia"}))
        .unwrap();
    device.sync_hub(&hub);
    device.clock.advance(10);
    other.sync_hub(&hub);
    other
        .update("patients", &id, json!({"phone": "1"}))
        .unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id, "phone"), "1");
    // The cloud still has neither; its older version brings nothing back.
    device.sync_fully(&cloud);
    assert_eq!(device.field("patients", &id, "phone"), "1");
    assert_eq!(cloud.value("patients", &id, "phone"), Some(text("1")));
    assert_eq!(
        cloud.value("patients", &id, "given_name"),
        Some(text("Amalia"))
    );
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
}

/// A device pairs with a hub that has met the cloud before it: the hub tells the version that the
/// cloud made of what was sent. Coming from the cloud too, the same version is what confirms it; taken
/// for an old one, it would leave a record that "never came back" and a false entry in the ledger.
#[test]
fn the_version_that_a_hub_told_first_confirms_what_was_sent_when_the_cloud_says_it_too() {
    let (cloud, hub, device) = with_hub();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    // Where nothing was sent, the server puts something.
    cloud.put("patients", &id, json!({"hometown": "Tyre"}));
    hub.relay(&cloud);
    let report = device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert_eq!((report.applied.updated, report.applied.not_kept), (1, 0));
    assert!(
        !device.standing("patients", &id).confirmed,
        "a hub's word is not the last"
    );
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
    assert_eq!(device.status().unconfirmed, 0);
    let standing = device.standing("patients", &id);
    assert!(standing.confirmed && standing.absent_since_ms.is_none());
}

/// Two write the same column; the hub brings the later one to the cloud, over the other.
#[test]
fn an_edit_that_somebody_wrote_over_by_way_of_a_hub_is_in_the_ledger_of_who_made_it() {
    let (cloud, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    device.sync(&cloud);
    other.sync(&cloud);
    device
        .update("patients", &id, json!({"phone": "1"}))
        .unwrap();
    device.clock.advance(60_000);
    other
        .update("patients", &id, json!({"phone": "2"}))
        .unwrap();
    device.sync(&cloud);
    other.sync_hub(&hub);
    hub.relay(&cloud);
    assert_eq!(cloud.value("patients", &id, "phone"), Some(text("2")));
    // It hears of it from the hub first.
    device.sync_hub(&hub);
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id, "phone"), "2");
    let entry = device.ledger().pop().unwrap();
    assert_eq!(entry.local.as_deref(), Some("\"1\""));
    assert_eq!(device.ledger().len(), 1, "{:?}", device.ledger());

    // The same where the cloud had confirmed it before the hub was heard.
    device
        .update("patients", &id, json!({"surname": "A"}))
        .unwrap();
    device.clock.advance(60_000);
    other
        .update("patients", &id, json!({"surname": "B"}))
        .unwrap();
    device.sync(&cloud);
    device.sync(&cloud);
    assert!(device.standing("patients", &id).confirmed);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id, "surname"), "B");
    let entry = device.ledger().pop().unwrap();
    assert_eq!(entry.local.as_deref(), Some("\"A\""));
    assert_eq!(device.ledger().len(), 2, "{:?}", device.ledger());
}

/// Everybody at the hub has seen what the hub has.
#[test]
fn a_colleagues_later_edit_at_a_hub_that_had_ours_is_no_refusal() {
    let (cloud, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    device.sync(&cloud);
    other.sync(&cloud);
    for confirmed in [false, true] {
        let ours = format!("ours {confirmed}");
        device
            .update("patients", &id, json!({"phone": ours}))
            .unwrap();
        device.sync_hub(&hub);
        device.sync(&cloud);
        if confirmed {
            device.sync(&cloud);
        }
        device.clock.advance(60_000);
        other.sync_hub(&hub);
        assert_eq!(other.field("patients", &id, "phone"), ours.as_str());
        let theirs = format!("theirs {confirmed}");
        other
            .update("patients", &id, json!({"phone": theirs}))
            .unwrap();
        other.sync_hub(&hub);
        device.sync_hub(&hub);
        hub.relay(&cloud);
        device.sync(&cloud);
        assert_eq!(device.field("patients", &id, "phone"), theirs.as_str());
        assert!(device.ledger().is_empty(), "{:?}", device.ledger());
        device.clock.advance(60_000);
    }
}

/// The hub has it by the row of a later edit.
#[test]
fn a_colleagues_edit_at_a_hub_that_had_ours_by_a_later_row_is_no_refusal() {
    let (cloud, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    hub.relay(&cloud);
    for device in [&device, &other] {
        device.sync(&cloud);
        device.sync_hub(&hub);
    }
    let edit = |device: &Device, fields: Json| {
        device.clock.advance(60_000);
        device.update("patients", &id, fields).unwrap();
    };
    edit(&device, json!({"given_name": "Ours"}));
    for _ in 0..2 {
        device.sync(&cloud);
    }
    edit(&device, json!({"phone": "1"}));
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    assert_eq!(other.field("patients", &id, "given_name"), "Ours");
    edit(&other, json!({"given_name": "Theirs"}));
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id, "given_name"), "Theirs");
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
    // The value from before is told all the same.
    hub.overwrite("patients", &id, json!({"given_name": "Amal"}));
    device.sync_hub(&hub);
    let ledger = device.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    assert_eq!(ledger[0].column.as_deref(), Some("given_name"));
}

#[test]
fn a_hub_that_is_paired_later_brings_nothing_back_that_is_older() {
    let (cloud, hub, device) = with_hub();
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    device.sync(&cloud);
    hub.relay(&cloud);
    device
        .update("patients", &id, json!({"given_name": "Amalia"}))
        .unwrap();
    device.sync(&cloud);
    device.sync(&cloud);
    let report = device.sync_hub(&hub);
    assert_eq!((report.applied.updated, report.applied.not_kept), (0, 0));
    assert_eq!(device.field("patients", &id, "given_name"), "Amalia");
    device.sync_fully(&cloud);
    assert_eq!(device.field("patients", &id, "given_name"), "Amalia");
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
}

#[test]
fn l08_l09_deletions_go_to_a_hub_children_first_and_come_from_it() {
    let (_, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let patient = device.insert("patients", json!({})).unwrap();
    let visit = device
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    assert!(other.get("visits", &visit).is_some());
    device.delete("patients", &patient).unwrap();
    assert_eq!(device.sync_hub(&hub).pushed_deletions, 2);
    assert_eq!(hub.value("visits", &visit, "patient_id"), None);
    other.sync_hub(&hub);
    assert!(other.get("patients", &patient).is_none());
    assert!(other.get("visits", &visit).is_none());
    // Hearing its own deletion from the hub, the device still owes it to the cloud.
    device.sync_hub(&hub);
    assert_eq!(device.pending(), 1);
}

#[test]
fn a_deletion_that_the_cloud_has_stays_however_often_a_hub_says_the_record() {
    let (cloud, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync_hub(&hub);
    device.sync(&cloud);
    device.sync(&cloud);
    other.sync_hub(&hub);
    device.delete("patients", &patient).unwrap();
    device.sync(&cloud);
    let visit = other
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    other.sync_hub(&hub);
    for _ in 0..3 {
        device.sync_with(&Hub::id(), &hub, true).unwrap();
        assert!(device.get("patients", &patient).is_none());
        assert!(device.get("visits", &visit).is_none());
    }
}

#[test]
fn l07_an_update_of_an_unknown_record_from_a_hub_is_stored() {
    let (_, hub, device) = with_hub();
    let other = Device::new(&device.clock, 2);
    let id = device
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    device.clock.advance(3_600_000);
    device.sync_hub(&hub);
    other
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id, "given_name"), "B");
}

#[test]
fn l11_what_a_hub_got_from_the_cloud_comes_with_the_next_pull_of_everything() {
    let (cloud, hub, device) = with_hub();
    device.sync_hub(&hub);
    device.clock.advance(3_600_000);
    device.sync_hub(&hub);
    cloud.put("patients", &id(1), patient("Amal", NOW - 1_000_000));
    hub.relay(&cloud);
    device.sync_hub(&hub);
    assert!(
        device.get("patients", &id(1)).is_none(),
        "the hub does not announce it"
    );
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert!(device.get("patients", &id(1)).is_some());
}

#[test]
fn a_record_that_a_hub_would_ruin_on_its_way_goes_to_the_cloud_first() {
    let (cloud, hub, device) = with_hub();
    let patient = device
        .insert("patients", json!({"date_of_birth": "1980-02-03"}))
        .unwrap();
    let problem = json!({"patient_id": patient.as_str(), "problem_code_system": "icd10",
        "problem_code": "E11", "problem_label": "x", "clinical_status": "active",
        "verification_status": "confirmed", "onset_date": "1999-05-01"});
    let problem = device.insert("patient_problems", problem).unwrap();
    assert_eq!(device.sync_hub(&hub).pushed, 1);
    assert_eq!(
        hub.value("patients", &patient, "date_of_birth"),
        Some(text("1980-02-03"))
    );
    assert_eq!(hub.value("patient_problems", &problem, "onset_date"), None);
    device.sync(&cloud);
    assert_eq!(
        cloud.value("patient_problems", &problem, "onset_date"),
        Some(text("1999-05-01"))
    );
}

#[test]
fn s18_a_hub_gives_no_rights_once_the_cloud_has_spoken() {
    let (cloud, hub, device) = with_hub();
    let setting = |value: &str| {
        json!({"namespace": "auth", "key": "disable-mobile-permissions-checking",
               "value": value, "data_type": "boolean", "updated_at": NOW})
    };
    cloud.put("app_config", &id(1), setting("false"));
    device.sync(&cloud);
    let index = device.table("app_config");
    let key = (index, id(1).to_string());
    let mut values = cloud.visible()[&key].clone();
    let at = device.schema.table(index).position("value").unwrap();
    values[at] = text("true");
    let kept = hub::Kept {
        values,
        created: NOW + 500,
        modified: NOW + 500,
        deleted_at: None,
    };
    hub.state.lock().unwrap().rows.insert(key, kept);
    let report = device.sync_hub(&hub);
    assert_eq!(report.applied.refused_rights, 1);
    assert_eq!(device.field("app_config", &id(1), "value"), "false");
}

/// Three clocks, hours from each other: what was sent where goes by none of them.
#[test]
fn h10_each_peer_has_a_cursor_and_a_quarantine_of_its_own() {
    const HOUR_MS: i64 = 3_600_000;
    for hours in [-5, 0, 5] {
        let clock = |hours: i64| Arc::new(FakeClock::at(NOW + hours * HOUR_MS));
        let (cloud, hub) = (Cloud::new(&clock(0)), Hub::new(&clock(2)));
        let device = Device::new(&clock(0), 1);
        let known = device.insert("patients", json!({})).unwrap();
        device.sync(&cloud);
        device.sync_hub(&hub);
        let cursor = |peer: PeerId| device.database.cursor(&peer).unwrap() / HOUR_MS;
        let of_both = [cursor(PeerId::cloud()), cursor(Hub::id())];
        assert_eq!(of_both, [NOW / HOUR_MS, NOW / HOUR_MS + 2]);

        device.clock.set_wall(NOW + hours * HOUR_MS);
        let id = device
            .insert("patients", json!({"given_name": "Amal"}))
            .unwrap();
        device
            .insert("patients", json!({"given_name": "Noor"}))
            .unwrap();
        device
            .update("patients", &known, json!({"phone": "1"}))
            .unwrap();
        cloud.state.lock().unwrap().poison.push(id.to_string());
        let report = device.sync(&cloud);
        assert_eq!((report.pushed, report.quarantined), (2, 1), "{hours}");
        let one = Some(text("1"));
        assert_eq!(cloud.value("patients", &known, "phone"), one, "{hours}");
        let report = device.sync_hub(&hub);
        assert_eq!(report.pushed, 1, "the hub takes it, {hours}");
        let standing = device.standing("patients", &id);
        assert_eq!(standing.standing, Standing::OnHub);
        assert_eq!(standing.refused_by[0].0, PeerId::cloud());
        let status = device.status();
        let pending: Vec<u64> = status
            .peers
            .iter()
            .map(|peer| peer.pending.iter().map(|t| t.pending).sum())
            .collect();
        assert_eq!(pending, [1, 0], "by peer: the cloud, the hub");
        // Of what waits, the hub is sent each edit, once.
        for phone in ["2", "3"] {
            let edit = json!({"phone": phone});
            device.update("patients", &id, edit).unwrap();
            let pushed = [0, 1].map(|_| device.sync_hub(&hub).pushed);
            assert_eq!(pushed, [1, 0], "{hours}");
            let at_hub = hub.value("patients", &id, "phone");
            assert_eq!(at_hub, Some(text(phone)), "{hours}");
        }
        device.database.forget_peer(Hub::id()).wait().unwrap();
        assert_eq!(device.status().peers.len(), 1);
        assert_eq!(device.pending(), 1);
    }
}

/// It was edited before any peer had it; whose deletion it is makes no difference.
#[test]
fn a_new_record_that_a_hub_took_and_a_colleague_deleted_there_is_gone() {
    let (_, hub, device) = with_hub();
    let patient = device.insert("patients", json!({})).unwrap();
    let name = json!({"given_name": "Amal"});
    device.update("patients", &patient, name).unwrap();
    device.sync_hub(&hub);
    let other = Device::new(&hub.clock, 2);
    other.sync_hub(&hub);
    other.delete("patients", &patient).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!((device.count("patients"), device.pending()), (0, 0));
    assert_eq!(device.ledger().len(), 1);
    assert_eq!(hub.visible(), Rows::new());
}
