//! Syncing with a token of a day in place of the password, which is then kept nowhere.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::model::peer::SyncProof;
use amana_core::{Config, ErrorCode};
use amana_peer::{Answer, Kind, ManualClock, Peer, PeerConfig, Seen, ids};
use amana_tests::{PASSWORD, Tablet, clinic, clinic_with, patient};
use pollster::block_on;
use serde_json::json;

const EMAIL: &str = "amal@clinic.example";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn by_token(config: &mut Config) {
    config.cloud_proof = SyncProof::Token;
}

fn signed_in(peer: &Peer) -> Tablet {
    let tablet = Tablet::configured(by_token);
    tablet.sign_in(peer, EMAIL, PASSWORD).unwrap();
    tablet
}

fn name(tablet: &Tablet) -> String {
    let status = block_on(tablet.amana.status()).unwrap();
    status.person.map(|person| person.name).unwrap_or_default()
}

fn paths(seen: &[Seen]) -> Vec<&str> {
    let path = |seen: &'_ Seen| seen.target.find('?').unwrap_or(seen.target.len());
    seen.iter().map(|seen| &seen.target[..path(seen)]).collect()
}

/// What a token costs that is over: a sync, but nothing that was written.
fn assert_over(peer: &Peer, tablet: &Tablet, waiting: u64) {
    peer.clear_requests();
    let error = tablet.sync().unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    assert!(error.detail().contains("sign in again"), "{error}");
    // Neither tried again, nor renewed with anything that was kept.
    assert_eq!(paths(&peer.requests()), ["/rpc/query/sync.pull"]);
    assert_eq!(tablet.pending(), waiting);
}

#[test]
fn two_tablets_sync_by_token_alone() {
    let peer = clinic();
    // What the reply says behind the rows grows with them, and is passed over.
    peer.seed_patients(300).unwrap();
    let (one, two) = (signed_in(&peer), signed_in(&peer));
    // The reply with the token tells no name: it is asked for once.
    let once = ["/rpc/command/login", "/api/auth/sign-in"];
    assert_eq!(paths(&peer.requests()), [once, once].concat());
    assert_eq!(name(&one), "amal");
    peer.clear_requests();

    let id = one.insert("patients", &patient("سلمى 👶"));
    let visit = one.insert(
        "visits",
        &json!({"patient_id": id, "clinic_id": ids::CLINIC_A, "check_in_timestamp": 954_835_200_000_i64}),
    );
    let report = one.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (2, 0));
    assert_eq!(one.pending(), 0);
    two.sync().unwrap();
    assert_eq!(two.get("patients", &id)["given_name"], "سلمى 👶");
    two.update("patients", &id, &json!({"phone": "111"}));
    one.update("patients", &id, &json!({"phone": "222"}));
    two.sync().unwrap();
    assert_eq!(one.sync().unwrap().applied.conflicts, 1);
    block_on(one.amana.delete("visits", &visit)).unwrap();
    assert_eq!(one.sync().unwrap().pushed_deletions, 1);
    two.sync().unwrap();
    assert!(two.get("visits", &visit).is_null());
    assert_eq!(
        block_on(one.amana.digest()).unwrap(),
        block_on(two.amana.digest()).unwrap()
    );

    let requests = peer.requests();
    assert!(requests.len() >= 6);
    for seen in &requests {
        assert!(seen.target.starts_with("/rpc/"), "{}", seen.target);
        assert!(!seen.target.contains("peer"), "{}", seen.target);
        assert_eq!(seen.authorization.as_deref(), Some("Bearer"));
        assert_eq!(seen.status, Some(200), "{}", seen.target);
    }
}

#[test]
fn an_expired_token_asks_for_a_sign_in_and_loses_nothing() {
    let clock = ManualClock::new(1_795_470_612_883);
    let peer = clinic_with(PeerConfig {
        clock: clock.clock(),
        ..PeerConfig::default()
    });
    let tablet = signed_in(&peer);
    tablet.sync().unwrap();
    let cursor = tablet.cursor();
    let id = tablet.insert("patients", &patient("Amal"));
    // Use does not extend it.
    clock.advance(DAY_MS - 1);
    tablet.sync().unwrap();
    assert!(peer.row("patients", &id).is_some());
    clock.advance(1);
    tablet.update("patients", &id, &json!({"phone": "111"}));
    assert_over(&peer, &tablet, 1);
    assert!(tablet.cursor() > cursor);
    assert_eq!(tablet.get("patients", &id)["phone"], "111");

    peer.clear_requests();
    tablet.sign_in(&peer, EMAIL, PASSWORD).unwrap();
    // The name is known from the day before.
    assert_eq!(paths(&peer.requests()), ["/rpc/command/login"]);
    assert_eq!(name(&tablet), "amal");
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert_eq!(peer.row("patients", &id).unwrap()["phone"], "111");
}

#[test]
fn a_token_that_was_taken_back_is_worth_nothing_and_no_password_renews_it() {
    let peer = clinic();
    let tablet = signed_in(&peer);
    let id = tablet.insert("patients", &patient("Amal"));
    peer.execute("DELETE FROM tokens").unwrap();
    assert_over(&peer, &tablet, 1);
    // So does a database that is down, which says the same.
    tablet.sign_in(&peer, EMAIL, PASSWORD).unwrap();
    peer.faults().database_down(true);
    assert_over(&peer, &tablet, 1);
    peer.faults().database_down(false);
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert!(peer.row("patients", &id).is_some());
    // A changed password ends no token; whoever has the password alone cannot sync any more.
    let by_password = Tablet::signed_in(&peer);
    peer.execute("UPDATE users SET hashed_password = 'changed'")
        .unwrap();
    tablet.sync().unwrap();
    let refused = by_password.sync().unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unauthorized);
}

#[test]
fn a_server_that_comes_back_still_knows_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let config = |port| PeerConfig {
        port,
        database: Some(folder.path().join("peer.db")),
        tls_folder: Some(folder.path().join("tls")),
        ..PeerConfig::default()
    };
    let peer = clinic_with(config(0));
    let port = peer.url().rsplit(':').next().unwrap().parse().unwrap();
    let tablet = signed_in(&peer);
    tablet.sync().unwrap();
    peer.stop();
    let id = tablet.insert("patients", &patient("Amal"));
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Network);
    let peer = clinic_with(config(port));
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert!(peer.row("patients", &id).is_some());
    let signed_in_again = |path: &&str| path.contains("login") || path.contains("sign-in");
    assert!(!paths(&peer.requests()).iter().any(signed_in_again));
}

#[test]
fn one_bad_row_is_put_aside_and_the_others_arrive() {
    let peer = clinic();
    let tablet = signed_in(&peer);
    tablet.sync().unwrap();
    let id = tablet.insert("patients", &patient("Amal"));
    let visit = tablet.insert(
        "visits",
        &json!({"patient_id": id, "clinic_id": ids::CLINIC_A}),
    );
    let form = "dead0000-0000-4000-8000-000000000000";
    let bad = tablet.insert(
        "events",
        &json!({"patient_id": id, "visit_id": visit, "form_id": form, "event_type": "x", "form_data": "[]"}),
    );
    let report = tablet.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (2, 1));
    let aside = block_on(tablet.amana.quarantined_records()).unwrap();
    assert_eq!(aside[0].record_id, bad);
    assert!(peer.row("visits", &visit).is_some());
}

#[test]
fn a_password_with_a_colon_syncs_by_token() {
    let peer = Peer::start(PeerConfig::default()).unwrap();
    let tablet = Tablet::configured(by_token);
    tablet
        .sign_in(&peer, "colon@clinic-a.example", "left:right")
        .unwrap();
    assert_eq!(name(&tablet), "Tariq Colon");
    let id = tablet.insert("patients", &patient("Amal"));
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert!(peer.row("patients", &id).is_some());
}

#[test]
fn a_sign_in_stands_where_the_name_cannot_be_had_and_none_where_the_password_is_wrong() {
    let peer = clinic();
    let tablet = Tablet::configured(by_token);
    let error = tablet.sign_in(&peer, EMAIL, "wrong").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::NotSignedIn);

    // The limit of the one route is used up by the clinic; the token comes by the other.
    let mut limit = Answer::status(Kind::SignIn, 200);
    limit.body = json!({"result": {"data": {"json":
        {"token": "t-1", "user_id": ids::USER_A1, "clinic_id": ids::CLINIC_A, "role": "provider"}}}})
    .to_string();
    peer.faults().answer_with(limit);
    let mut refused = Answer::status(Kind::SignIn, 429);
    refused.retry_after = Some("900".to_owned());
    refused.times = 10;
    peer.faults().answer_with(refused);
    tablet.sign_in(&peer, EMAIL, PASSWORD).unwrap();
    let person = block_on(tablet.amana.status()).unwrap().person.unwrap();
    assert_eq!(
        (person.id.as_str(), person.name.as_str()),
        (ids::USER_A1, "")
    );
    // The next sign-in asks again.
    peer.faults().clear();
    tablet.sign_in(&peer, EMAIL, PASSWORD).unwrap();
    assert_eq!(name(&tablet), "amal");
}
