//! A peer's reply as the bytes in which it travels, read by the core's own decoder: so that a line can
//! break off behind any byte of it, in the middle of a record, a name or a letter.

use std::io::{self, Read};
use std::sync::Arc;

use serde_json::Map;

use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{PullReply, PullRequest, RemoteRow, SkipCounts};
use crate::model::dates;
use crate::model::schema::{Column, Direction, Role, Table};
use crate::ports::{ChangeSink, SyncPeer};
use crate::transport::TextPeer;

/// In which form a peer writes values.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Times as ISO text, truth as such, JSON as it is.
    Cloud,
    /// Times and most days as epoch milliseconds, truth as 0 and 1, JSON as text.
    Hub,
}

/// Where a line breaks off: a number from which the byte is drawn, once it is known how many there are.
pub(super) type Cut = u32;

/// What a peer answers, by table.
#[derive(Default)]
struct Heard {
    upserts: BTreeMap<TableIndex, Vec<RemoteRow>>,
    deletions: BTreeMap<TableIndex, Vec<RecordId>>,
}

impl ChangeSink for Heard {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.upserts.entry(table).or_default().push(row);
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.deletions.entry(table).or_default().push(id);
        Ok(())
    }
}

/// A line that ends early: with an error, or as if that had been all.
struct Broken {
    rest: io::Cursor<Vec<u8>>,
    with_error: bool,
}

impl Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.rest.read(buffer)? {
            0 if self.with_error => Err(io::ErrorKind::ConnectionReset.into()),
            bytes => Ok(bytes),
        }
    }
}

/// Pulls over a line of bytes, whole or cut.
pub(super) fn pull(
    schema: &Arc<Schema>,
    (peer, form): (&dyn SyncPeer, Form),
    request: &PullRequest,
    sink: &mut dyn ChangeSink,
    cut: Option<Cut>,
) -> Result<PullReply> {
    let cancel = CancelToken::new();
    let mut heard = Heard::default();
    let said = peer.pull(request, &mut heard, &mut |_| {}, &cancel)?;
    let mut text = write(schema, form, &heard, &said);
    if let Some(cut) = cut {
        text.truncate(cut as usize % text.len());
    }
    let line = Broken {
        rest: io::Cursor::new(text),
        with_error: cut.is_some_and(|cut| cut.is_multiple_of(2)),
    };
    let line = TextPeer::new(Arc::clone(schema), line);
    let read = line.pull(request, sink, &mut |_| {}, &cancel)?;
    assert_eq!(cut, None, "a part of a reply was taken for all of it");
    assert_eq!(
        (read.timestamp, read.upserts, read.deletions, read.skipped),
        (
            said.timestamp,
            said.upserts,
            said.deletions,
            SkipCounts::default()
        )
    );
    // What is asked for, and which tables a hub leaves out, the peers' own clients know.
    Ok(PullReply {
        full: said.full,
        tables: said.tables,
        ..read
    })
}

fn write(schema: &Schema, form: Form, heard: &Heard, said: &PullReply) -> Vec<u8> {
    let tables = schema.tables().filter(|(index, table)| {
        table.direction != Direction::Local && said.tables.contains(index)
    });
    let changes: Map<String, Json> = tables
        .map(|(index, table)| {
            let rows = heard.upserts.get(&index).into_iter().flatten();
            let rows: Vec<Json> = rows.map(|row| record(table, form, row)).collect();
            let gone = heard.deletions.get(&index).into_iter().flatten();
            let gone: Vec<&str> = gone.map(RecordId::as_str).collect();
            let lists = json!({"created": [], "updated": rows, "deleted": gone});
            (table.name.clone(), lists)
        })
        .collect();
    let reply = json!({"changes": changes, "timestamp": said.timestamp});
    reply.to_string().into_bytes()
}

pub(super) fn record(table: &Table, form: Form, row: &RemoteRow) -> Json {
    let cells = row.cells.iter().map(|(position, value)| {
        let column = &table.columns[*position];
        (column.name.clone(), cell(column, form, value))
    });
    let id = ("id".to_owned(), json!(row.id.as_str()));
    cells.chain([id]).collect::<Map<_, _>>().into()
}

fn cell(column: &Column, form: Form, value: &Value) -> Json {
    match (form, column.role, value) {
        (Form::Cloud, Role::Instant, Value::Integer(ms)) => json!(dates::format_instant(*ms)),
        (Form::Cloud, Role::Bool, Value::Integer(flag)) => json!(*flag != 0),
        (Form::Cloud, Role::Json, Value::Text(text)) => serde_json::from_str(text).unwrap(),
        (Form::Hub, Role::Day, Value::Text(day)) if column.name != "date_of_birth" => {
            json!(dates::day_to_ms(day))
        }
        _ => value.to_json(),
    }
}

#[test]
fn each_value_comes_through_a_reply_in_either_form_as_it_is() {
    let (_, cloud, device) = super::device::cloud_and_device();
    let full = json!({"given_name": "آمال 👶", "date_of_birth": "1959-11-30", "is_deleted": 0,
        "additional_data": r#"{"a":[1,"é"]}"#, "created_at": NOW, "updated_at": 900_000_000_001i64});
    cloud.put("patients", &id(1), full);
    cloud.put(
        "patient_problems",
        &id(2),
        json!({"onset_date": "1980-02-03", "severity_score": 3, "problem_label": ""}),
    );
    cloud.put("patients", &id(3), patient("Gone", NOW));
    cloud.delete("patients", &id(3));
    let request = PullRequest { cursor: 1 };
    for form in [Form::Cloud, Form::Hub] {
        let (mut whole, mut heard) = (Heard::default(), Heard::default());
        let cancel = CancelToken::new();
        cloud
            .pull(&request, &mut whole, &mut |_| {}, &cancel)
            .unwrap();
        pull(&device.schema, (&cloud, form), &request, &mut heard, None).unwrap();
        let mut rows = heard.upserts.into_values().flatten();
        for mut expected in whole.upserts.into_values().flatten() {
            let mut row = rows.next().unwrap();
            row.cells.sort_by_key(|(position, _)| *position);
            expected.cells.sort_by_key(|(position, _)| *position);
            assert_eq!(row, expected, "{form:?}");
        }
        assert_eq!(heard.deletions, whole.deletions);
        assert_eq!(heard.deletions.len(), 1);
    }
}

#[test]
fn no_part_of_a_reply_passes_for_all_of_it() {
    let (_, cloud, device) = super::device::cloud_and_device();
    cloud.put("patients", &id(1), patient("آمال", NOW));
    let request = PullRequest { cursor: 0 };
    let ask = |cut| {
        let mut heard = Heard::default();
        let result = pull(
            &device.schema,
            (&cloud, Form::Cloud),
            &request,
            &mut heard,
            cut,
        );
        (result.is_ok(), heard.upserts.len())
    };
    assert_eq!(ask(None), (true, 1));
    // The record itself is there in some, and still that is no pull.
    let cuts: Vec<_> = (0..4_000).map(|cut| ask(Some(cut))).collect();
    assert!(cuts.iter().all(|(is_whole, _)| !is_whole));
    assert!(cuts.contains(&(false, 0)) && cuts.contains(&(false, 1)));
}
