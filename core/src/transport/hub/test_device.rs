//! A device with a hub's client, for tests; a hub that behaves; what may be asked of both.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::test_hub::{Act, TestHub};
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, Revision,
};
use crate::model::hub::HubAddress;
use crate::model::ids::RecordId;
use crate::model::peer::Credentials;
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{ChangeSink, SyncPeer};
use crate::secret::SecretText;
use crate::test_support::{FakeClock, FakeDisk, SeededEntropy};
use crate::transport::{Network, TimeLimits};

pub(super) const NOW: i64 = 1_772_700_000_000;
pub(super) const USER: &str = "22222222-2222-4222-8222-000000000001";
pub(super) const PASSWORD: &str = "canary password:1";

/// A device with a hub's client.
pub(super) struct Device {
    pub client: Arc<HubClient>,
    pub clock: Arc<FakeClock>,
    pub spools: tempfile::TempDir,
}

impl Device {
    pub(super) fn new(hub: &HubAddress) -> Self {
        Self::with(hub, TimeLimits::default(), FakeDisk::unknown())
    }

    pub(super) fn with(hub: &HubAddress, limits: TimeLimits, disk: FakeDisk) -> Self {
        let spools = tempfile::tempdir().unwrap();
        let clock = Arc::new(FakeClock::at(NOW));
        let parts = HubParts {
            network: Network::start().unwrap(),
            schema: Schema::hikma().unwrap(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(5)),
            disk: Arc::new(disk),
            spool_directory: spools.path().to_owned(),
            limits,
        };
        let client = HubClient::new(parts, hub.clone(), "client-1".into()).unwrap();
        Self {
            client: Arc::new(client),
            clock,
            spools,
        }
    }

    pub(super) fn peer(&self) -> HubPeer {
        self.peer_with(None)
    }

    pub(super) fn peer_with(&self, token: Option<&str>) -> HubPeer {
        let login = HubLogin {
            own_user_id: USER.into(),
            credentials: Some(credentials()),
            token: token.map(|text| HubToken {
                text: SecretText::new(text.into()),
                since_ms: NOW,
            }),
        };
        self.client.peer(login)
    }

    pub(super) fn assert_no_spool(&self) {
        let left = std::fs::read_dir(self.spools.path()).unwrap().count();
        assert_eq!(left, 0, "spools left behind");
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials {
        email: "lamia@example.org".into(),
        password: SecretText::new(PASSWORD.into()),
    }
}

#[derive(Default)]
pub(super) struct Kept {
    pub upserts: Vec<(TableIndex, RemoteRow)>,
    pub deletions: Vec<(TableIndex, RecordId)>,
}

impl ChangeSink for Kept {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.upserts.push((table, row));
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.deletions.push((table, id));
        Ok(())
    }
}

pub(super) fn pull_from(peer: &HubPeer, cursor: i64) -> Result<(PullReply, Kept)> {
    let mut kept = Kept::default();
    let reply = peer.pull(
        &PullRequest { cursor },
        &mut kept,
        &mut |_| {},
        &CancelToken::new(),
    )?;
    Ok((reply, kept))
}

pub(super) fn pull(peer: &HubPeer) -> Result<(PullReply, Kept)> {
    pull_from(peer, 0)
}

pub(super) fn deletions(tables: &[(&str, &str)]) -> Vec<OutboxRow> {
    let schema = Schema::hikma().unwrap();
    let row = |(table, id): &(&str, &str)| OutboxRow {
        table: schema.find(table).unwrap(),
        id: RecordId::from_peer(id).unwrap(),
        kind: OutboxKind::Deleted,
        revision: Revision(1),
        values: Vec::new(),
        changed: Vec::new(),
        dangling: Vec::new(),
        only_elsewhere: false,
    };
    tables.iter().map(row).collect()
}

pub(super) fn push(peer: &HubPeer) -> Result<(), PushFailure> {
    peer.push(&deletions(&[("visits", "v-1")]), &CancelToken::new())
}

pub(super) fn login_reply(user: &str) -> Act {
    Act::Reply(
        json!({
            "token": "aaa.bbb.ccc", "user_id": user, "clinic_id": "c-1", "role": "provider",
            "provider_name": "لمياء حدّاد", "clinic_name": "عيادة النور",
        })
        .to_string(),
    )
}

pub(super) fn pull_reply() -> String {
    json!({
        "changes": {
            "clinics": {"created": [{"id": "c-1", "name": "Nour", "is_archived": 0,
                "created_at": 1, "updated_at": 1}], "deleted": [], "updated": []},
            "patients": {"created": [], "deleted": ["p-9"], "updated": []},
            "user_clinic_permissions": {"created": [{"id": "u-1", "user_id": USER,
                "is_clinic_admin": 1}], "deleted": [], "updated": []},
            "users": {"created": [{"id": "u", "hashed_password": "$2b$10$never"}],
                "deleted": [], "updated": []},
        },
        "timestamp": NOW + 5_000,
    })
    .to_string()
}

/// Signs everybody in, answers pulls and pushes.
pub(super) fn honest(text: &Json) -> Act {
    if text["command"] == "login" {
        return login_reply(USER);
    }
    if text["query"] == "sync_pull" {
        return Act::Reply(pull_reply());
    }
    Act::Reply("{}".into())
}

/// What a hub was asked, in short.
pub(super) fn asked(hub: &TestHub) -> Vec<String> {
    hub.all_seen()
        .iter()
        .map(|seen| seen.step().to_owned())
        .collect()
}
