//! The law of order: in which order the tables and lists of a pull come, their records, and the columns
//! of these, and what of it a server calls created or updated, changes nothing of what is stored, waits,
//! or was in conflict. All of it comes as the text in which it travels.

use std::io::Cursor;

use proptest::prelude::*;

use super::device::cloud_and_device;
use super::wire::{Form, record};
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxRow, PullReply, PullRequest, PushFailure, RemoteChange, RemoteRow,
};
use crate::model::ids::PeerId;
use crate::ports::{ChangeSink, SyncPeer};
use crate::transport::TextPeer;

fn upsert(device: &Device, table: &str, number: u32, fields: &Json) -> RemoteChange {
    let (index, table) = device.schema.require(table).unwrap();
    let cells = fields.as_object().unwrap().iter().map(|(name, json)| {
        let value = Value::from_json(json).unwrap();
        (table.position(name).unwrap(), value)
    });
    let row = RemoteRow {
        id: id(number),
        cells: cells.collect(),
    };
    RemoteChange::Upsert(index, row)
}

/// A family tree of changes: parents and children, a conflict, a new id for a known key, a deletion
/// of what has edits here, children of what is not here.
fn changes(device: &Device) -> Vec<RemoteChange> {
    let of = |patient: u32| json!({"patient_id": id(patient).as_str(), "updated_at": NOW + 5});
    let event =
        json!({"patient_id": id(1).as_str(), "visit_id": id(11).as_str(), "updated_at": NOW + 5});
    let attribute = json!({"patient_id": id(1).as_str(), "attribute_id": id(77).as_str(),
                           "attribute": "a", "string_value": "theirs", "updated_at": NOW + 5});
    vec![
        upsert(device, "patients", 1, &patient("Theirs", NOW + 5)),
        upsert(device, "patients", 2, &patient("New", NOW + 5)),
        upsert(device, "visits", 11, &of(1)),
        upsert(device, "visits", 12, &of(2)),
        upsert(device, "visits", 13, &of(9)),
        upsert(device, "events", 21, &event),
        upsert(device, "patient_additional_attributes", 31, &attribute),
    ]
}

fn deletions(device: &Device) -> Vec<RemoteChange> {
    let gone = |table: &str, number| RemoteChange::Delete(device.table(table), id(number));
    vec![gone("patients", 3), gone("visits", 14), gone("patients", 8)]
}

/// How a reply is written.
#[derive(Clone, Debug)]
struct Shuffle {
    /// Which of the records are called created.
    created: Vec<bool>,
    /// Whatever stands beside each other goes by these.
    ranks: Vec<u32>,
}

impl Shuffle {
    /// As a server would.
    fn none() -> Self {
        Self {
            created: vec![false],
            ranks: vec![0],
        }
    }

    /// Texts that stand beside each other; `which` tells these from other such.
    fn order<T>(&self, which: usize, mut texts: Vec<T>) -> Vec<T> {
        let rank = |at: usize| self.ranks[(which * 31 + at) % self.ranks.len()];
        let mut by_rank: Vec<_> = texts.drain(..).enumerate().collect();
        by_rank.sort_by_key(|(at, _)| rank(*at));
        by_rank.into_iter().map(|(_, text)| text).collect()
    }

    fn object(&self, which: usize, fields: Vec<(String, String)>) -> String {
        let fields = self.order(which, fields);
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{}:{value}", json!(name)));
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    }

    /// The reply with these changes.
    fn reply(&self, schema: &Schema, changes: &[RemoteChange], timestamp: i64) -> String {
        let mut tables: BTreeMap<TableIndex, [Vec<String>; 3]> = BTreeMap::new();
        for (at, change) in changes.iter().enumerate() {
            let (table, list, text) = match change {
                RemoteChange::Upsert(table, row) => {
                    let row = record(schema.table(*table), Form::Cloud, row);
                    let cells = row.as_object().unwrap().iter();
                    let cells = cells.map(|(name, value)| (name.clone(), value.to_string()));
                    let is_created = self.created[at % self.created.len()];
                    let text = self.object(at, cells.collect());
                    (table, usize::from(is_created), text)
                }
                RemoteChange::Delete(table, id) => (table, 2, json!(id.as_str()).to_string()),
            };
            tables.entry(*table).or_default()[list].push(text);
        }
        let tables = tables.into_iter().map(|(table, lists)| {
            let which = 100 + usize::from(table.0) * 4;
            let named = ["updated", "created", "deleted"].into_iter().zip(lists);
            let lists = named.enumerate().map(|(at, (name, texts))| {
                let texts = self.order(which + at, texts);
                (name.to_owned(), format!("[{}]", texts.join(",")))
            });
            let lists = self.object(which + 3, lists.collect());
            (schema.table(table).name.clone(), lists)
        });
        let changes = self.object(300, tables.collect());
        let parts = vec![
            ("changes".to_owned(), changes),
            ("timestamp".to_owned(), timestamp.to_string()),
        ];
        self.object(301, parts)
    }
}

/// Answers a pull with a text, and takes nothing, so that what waits can be counted.
struct Says {
    pull: TextPeer<Cursor<String>>,
    rows: u64,
}

impl SyncPeer for Says {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        let reply = self.pull.pull(request, sink, on_bytes, cancel)?;
        assert_eq!(reply.upserts + reply.deletions, self.rows);
        assert_eq!(reply.skipped, Default::default());
        Ok(reply)
    }

    fn push(&self, _: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        Err(PushFailure::Stopped(failure(ErrorCode::Network)))
    }
}

type Told = (
    Rows,
    u64,
    Vec<(String, Option<String>, Option<String>, Option<String>)>,
);

/// What a device holds after it has had its own edits and then this pull.
fn after(device: &Device, pulled: &[RemoteChange], shuffle: &Shuffle) -> Told {
    device.begin_anew();
    let pull = |changes: &[RemoteChange], timestamp, shuffle: &Shuffle| {
        let text = shuffle.reply(&device.schema, changes, timestamp);
        let says = Says {
            pull: TextPeer::new(Arc::clone(&device.schema), Cursor::new(text)),
            rows: changes.len() as u64,
        };
        device.sync_with(&PeerId::cloud(), &says, false)
    };
    let before = vec![
        upsert(device, "patients", 1, &patient("Amal", NOW)),
        upsert(device, "patients", 3, &patient("Gone", NOW)),
        upsert(
            device,
            "visits",
            14,
            &json!({"patient_id": id(3).as_str(), "updated_at": NOW}),
        ),
    ];
    pull(&before, NOW + 1, &Shuffle::none()).unwrap();
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    device
        .update("visits", &id(14), json!({"provider_name": "Dr Lost"}))
        .unwrap();
    device
        .insert(
            "patient_additional_attributes",
            json!({"id": id(32).as_str(), "patient_id": id(1).as_str(),
                   "attribute_id": id(77).as_str(), "attribute": "a", "string_value": "ours"}),
        )
        .unwrap();
    let pushed = pull(pulled, NOW + 10, shuffle).unwrap_err();
    assert_eq!(pushed.code(), ErrorCode::Network, "only the push fails");
    let mut ledger: Vec<_> = device
        .ledger()
        .into_iter()
        .map(|entry| (entry.record_id, entry.column, entry.local, entry.remote))
        .collect();
    ledger.sort();
    (device.rows(), device.pending(), ledger)
}

thread_local! {
    static DEVICE: Device = cloud_and_device().2;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_a_pull_changes_nothing(
        created in prop::collection::vec(any::<bool>(), 10),
        ranks in prop::collection::vec(any::<u32>(), 997),
    ) {
        DEVICE.with(|device| {
            let mut pulled = changes(device);
            pulled.extend(deletions(device));
            let plain = after(device, &pulled, &Shuffle::none());
            assert!(plain.2.len() >= 2, "a conflict and a lost edit: {:?}", plain.2);
            let shuffle = Shuffle { created, ranks };
            prop_assert_eq!(after(device, &pulled, &shuffle), plain);
            Ok(())
        })?;
    }
}
