//! SIGKILL between the server's write and the tablet's acknowledgement: the server has the rows, the tablet
//! does not know it. Nothing is lost, nothing is there twice, and the next push ends what this one began.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use amana_core::model::ledger::{ConflictEntry, Digest};
use amana_core::model::standing::Standing;
use amana_core::{Amana, SyncOptions};
use amana_peer::{Gate, Peer};
use amana_tests::killed::{Child, Place};
use amana_tests::{Tablet, clinic, patient};
use pollster::block_on;
use serde_json::{Value as Json, json};

/// Longer than anything here takes; nothing is asserted of it.
const MOST: Duration = Duration::from_secs(60);
const ATTRIBUTES: &str = "patient_additional_attributes";

/// What a push must not change before it is acknowledged.
#[derive(PartialEq, Debug)]
struct State {
    digest: Digest,
    pending: u64,
    ledger: Vec<ConflictEntry>,
}

fn state(amana: &Amana) -> State {
    State {
        digest: block_on(amana.digest()).unwrap(),
        pending: block_on(amana.status()).unwrap().outbox.pending,
        ledger: block_on(amana.conflicts(0)).unwrap(),
    }
}

fn sync(amana: &Amana) -> amana_core::model::report::SyncReport {
    block_on(amana.sync(SyncOptions::default())).unwrap()
}

/// A clinic, the tablet that is killed, and its records by table: two that it made, one that it edited,
/// one that it deleted.
struct Scene {
    peer: Peer,
    _root: tempfile::TempDir,
    place: Place,
    made: [(&'static str, String); 2],
    edited: String,
    deleted: String,
    before: State,
}

fn scene() -> Scene {
    let peer = clinic();
    let colleague = Tablet::signed_in(&peer);
    let edited = colleague.insert("patients", &patient("Edited"));
    let deleted = colleague.insert("patients", &patient("Deleted"));
    colleague.sync().unwrap();
    let root = tempfile::tempdir().unwrap();
    let place = Place::at(root.path().join("killed"));
    let amana = place.signed_in(&peer);
    sync(&amana);
    let insert = |table, fields: Json| {
        let id = block_on(amana.insert(table, &fields.to_string())).unwrap();
        (table, id)
    };
    let attribute = json!({"patient_id": edited, "attribute": "Tribe", "string_value": "once",
        "attribute_id": "a77b0000-0000-4000-8000-000000000001"});
    let made = [
        insert("patients", patient("Made")),
        insert(ATTRIBUTES, attribute),
    ];
    block_on(amana.update("patients", &edited, r#"{"phone":"222"}"#)).unwrap();
    block_on(amana.delete("patients", &deleted)).unwrap();
    let before = state(&amana);
    assert_eq!((before.pending, before.ledger.len()), (4, 0));
    amana.close().unwrap();
    Scene {
        peer,
        _root: root,
        place,
        made,
        edited,
        deleted,
        before,
    }
}

impl Scene {
    /// The tablet syncs until the server has taken its first piece, all but the deletion; the answer is
    /// held back.
    fn taken(&self) -> (Child, Gate) {
        let gate = self.peer.faults().hold_push_reply();
        let child = Child::sync(env!("CARGO_BIN_EXE_amana-held"), "answer", &self.place);
        assert!(gate.wait_reached(MOST), "the server answers");
        (child, gate)
    }

    /// What the server has of the first piece, whoever knows of it.
    fn has_the_first_piece(&self) {
        for (table, id) in &self.made {
            assert!(self.peer.row(table, id).is_some(), "{table}");
        }
        let edited = self.peer.row("patients", &self.edited).unwrap();
        assert_eq!(edited["phone"], "222");
        let deleted = self.peer.row("patients", &self.deleted).unwrap();
        assert_eq!(deleted["is_deleted"], json!(false), "a piece of its own");
        let pushes = self.peer.requests().into_iter();
        let pushes = pushes.filter(|seen| seen.body.is_some()).count();
        assert_eq!(pushes, 2, "the colleague's and the one that was held");
    }

    /// The tablet starts again: all is as if nothing had been sent, and the next sync ends it.
    fn goes_on(&self) {
        self.peer.faults().clear();
        let amana = self.place.open();
        assert_eq!(state(&amana), self.before, "nothing was acknowledged");
        for (table, id) in &self.made {
            let standing = block_on(amana.standing(table, id)).unwrap();
            assert_eq!(standing.standing, Standing::HereOnly, "as far as it knows");
        }

        // Its pull shows that the others are there.
        let report = sync(&amana);
        assert_eq!((report.pushed, report.pushed_deletions), (0, 1));
        assert_eq!(report.quarantined, 0);
        assert_eq!(block_on(amana.status()).unwrap().outbox.pending, 0);
        let report = sync(&amana);
        assert_eq!((report.pushed, report.pushed_deletions), (0, 0), "once");
        assert_eq!(state(&amana).ledger, [], "nobody quarrelled");
        assert_eq!(report.applied.not_kept, 0);

        let named = |name: &str| {
            let rows = self.peer.rows("patients").into_iter();
            rows.filter(|row| row["given_name"] == name).count()
        };
        assert_eq!(["Made", "Edited", "Deleted"].map(named), [1; 3]);
        assert_eq!(self.peer.count(ATTRIBUTES), 1);
        let deleted = self.peer.row("patients", &self.deleted).unwrap();
        assert_eq!(deleted["is_deleted"], json!(true));
        let newcomer = Tablet::signed_in(&self.peer);
        newcomer.sync().unwrap();
        assert_eq!(newcomer.count("patients"), 2);
        assert_eq!(newcomer.get("patients", &self.edited)["phone"], "222");
        assert_eq!(
            block_on(newcomer.amana.digest()).unwrap(),
            state(&amana).digest
        );
    }
}

#[test]
fn a_tablet_killed_before_the_answer_to_its_push_finds_what_arrived_and_loses_nothing() {
    let scene = scene();
    let (child, _gate) = scene.taken();
    scene.has_the_first_piece();
    child.kill();
    scene.has_the_first_piece();
    scene.goes_on();
}

#[test]
fn a_tablet_killed_between_the_answer_and_its_acknowledgement_finds_what_arrived_and_loses_nothing()
{
    let scene = scene();
    let (mut child, gate) = scene.taken();
    child.stop_there();
    assert_eq!(child.said(), "ready");
    gate.release();
    assert_eq!(child.said(), "answered");
    child.kill();
    scene.has_the_first_piece();
    scene.goes_on();
}
