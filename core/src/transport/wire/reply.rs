//! The form of a pull reply, read as a stream: rows go to the sink one by one, and nothing of the
//! reply is kept.

use std::fmt;
use std::io::{BufReader, Read};
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::guard::Guard;
use super::record;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullReply, RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Direction, Schema, Table, TableIndex};
use crate::ports::ChangeSink;
use crate::transport::limits::SizeLimits;

/// The parser reads byte by byte; the network's pieces are copied here first.
const BUFFER_BYTES: usize = 64 * 1024;

const NOT_JSON: Error = protocol("the reply is not whole JSON");
const NOT_THE_FORM: Error = protocol("the reply has not the form of the protocol");

const fn protocol(detail: &'static str) -> Error {
    Error::new(ErrorCode::Protocol, detail)
}

/// Decodes one reply into a sink.
pub(in crate::transport) struct Decoder<'a> {
    schema: &'a Schema,
    own_user_id: String,
    sink: &'a mut dyn ChangeSink,
    limits: SizeLimits,
    rows: u64,
    upserts: u64,
    deletions: u64,
    skipped: SkipCounts,
    timestamp: Option<i64>,
    saw_changes: bool,
    // An error of ours cannot pass through the parser, which would only keep its text.
    failure: Option<Error>,
}

impl<'a> Decoder<'a> {
    pub(in crate::transport) fn new(
        schema: &'a Schema,
        own_user_id: &str,
        sink: &'a mut dyn ChangeSink,
        limits: SizeLimits,
    ) -> Self {
        // In the form that references in records get.
        let own_user_id = RecordId::from_peer(own_user_id)
            .map_or_else(|| own_user_id.to_owned(), RecordId::into_string);
        Self {
            schema,
            own_user_id,
            sink,
            limits,
            rows: 0,
            upserts: 0,
            deletions: 0,
            skipped: SkipCounts::default(),
            timestamp: None,
            saw_changes: false,
            failure: None,
        }
    }

    /// Reads the reply to its end. What was asked for, and the skew, are the caller's to fill in.
    pub(in crate::transport) fn read(mut self, body: impl Read) -> Result<PullReply> {
        let mut guard = Guard::new(body, self.limits);
        let parsed = {
            let reader = BufReader::with_capacity(BUFFER_BYTES, &mut guard);
            let mut json = serde_json::Deserializer::from_reader(reader);
            json.deserialize_map(Reply(&mut self))
                .and_then(|()| json.end())
        };
        parsed.map_err(|error| self.failure.take().unwrap_or_else(|| explain(error)))?;
        let timestamp = self.timestamp.ok_or(NOT_THE_FORM)?;
        if !self.saw_changes {
            return Err(NOT_THE_FORM);
        }
        Ok(PullReply {
            timestamp,
            skew_ms: 0,
            upserts: self.upserts,
            deletions: self.deletions,
            bytes: guard.seen(),
            full: false,
            skipped: self.skipped,
        })
    }

    fn item(&mut self, index: TableIndex, list: List, raw: &str) -> Result<()> {
        self.rows += 1;
        if self.rows > self.limits.rows {
            return Err(protocol("the reply holds more records than allowed"));
        }
        match list {
            List::Upserts => self.upsert(index, raw),
            List::Deletions => self.delete(index, raw),
        }
    }

    fn upsert(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let table = self.schema.table(index);
        let Some(row) = record::read(self.schema, table, raw, &mut self.skipped) else {
            self.skipped.bad_records += 1;
            return Ok(());
        };
        if !self.is_own(table, &row) {
            self.skipped.foreign_rows += 1;
            return Ok(());
        }
        self.upserts += 1;
        self.sink.upsert(index, row)
    }

    fn delete(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let Some(id) = record::read_id(raw) else {
            self.skipped.bad_records += 1;
            return Ok(());
        };
        self.deletions += 1;
        self.sink.delete(index, id)
    }

    /// A row that does not say whose it is, is nobody's.
    fn is_own(&self, table: &Table, row: &RemoteRow) -> bool {
        table.own_rows_only.is_none_or(|column| {
            row.cells.iter().any(|(position, value)| {
                *position == column && value.as_text() == Some(&self.own_user_id)
            })
        })
    }
}

fn explain(error: serde_json::Error) -> Error {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io => std::io::Error::from(error)
            .downcast::<Error>()
            .unwrap_or_else(|_| Error::new(ErrorCode::Network, "the reply broke off")),
        Category::Data => NOT_THE_FORM,
        Category::Syntax | Category::Eof => NOT_JSON,
    }
}

/// The reply itself.
struct Reply<'d, 'a>(&'d mut Decoder<'a>);

impl<'de> Visitor<'de> for Reply<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(|name: &str| match name {
            "success" => Part::Success,
            "changes" => Part::Changes,
            "timestamp" => Part::Timestamp,
            _ => Part::Other,
        }))? {
            match key {
                Part::Success => {
                    if !map.next_value::<bool>()? {
                        return Err(de::Error::custom("no success"));
                    }
                }
                Part::Changes => {
                    self.0.saw_changes = true;
                    map.next_value_seed(Changes(self.0))?;
                }
                Part::Timestamp => self.0.timestamp = Some(map.next_value_seed(Timestamp)?),
                Part::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Part {
    Success,
    Changes,
    Timestamp,
    Other,
}

/// All tables.
struct Changes<'d, 'a>(&'d mut Decoder<'a>);

impl<'de> DeserializeSeed<'de> for Changes<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Changes<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let schema = self.0.schema;
        while let Some(key) = map.next_key_seed(Key(|name: &str| {
            if schema.is_forbidden_table(name) {
                return TableKey::Forbidden;
            }
            match schema.find(name) {
                Some(index) if schema.table(index).direction != Direction::Local => {
                    TableKey::Known(index)
                }
                _ => TableKey::Unknown,
            }
        }))? {
            match key {
                TableKey::Known(index) => map.next_value_seed(TableSeed(self.0, index))?,
                TableKey::Forbidden => {
                    self.0.skipped.forbidden_tables += 1;
                    map.next_value::<IgnoredAny>()?;
                }
                TableKey::Unknown => {
                    self.0.skipped.unknown_tables += 1;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum TableKey {
    Known(TableIndex),
    Forbidden,
    Unknown,
}

/// One table with its lists.
struct TableSeed<'d, 'a>(&'d mut Decoder<'a>, TableIndex);

impl<'de> DeserializeSeed<'de> for TableSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for TableSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("lists of changes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(list) = map.next_key_seed(Key(|name: &str| match name {
            "created" | "updated" => Some(List::Upserts),
            "deleted" => Some(List::Deletions),
            _ => None,
        }))? {
            match list {
                Some(list) => map.next_value_seed(ListSeed(self.0, self.1, list))?,
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum List {
    Upserts,
    Deletions,
}

/// One list, item by item.
struct ListSeed<'d, 'a>(&'d mut Decoder<'a>, TableIndex, List);

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self(decoder, index, list) = self;
        while let Some(raw) = seq.next_element::<Box<RawValue>>()? {
            if let Err(error) = decoder.item(index, list, raw.get()) {
                decoder.failure = Some(error);
                return Err(de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

/// Judges a key without keeping it.
struct Key<F>(F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Key<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(KeyVisitor(self.0, PhantomData))
    }
}

struct KeyVisitor<F, T>(F, PhantomData<T>);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for KeyVisitor<F, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}

/// A positive whole number, also in the form `1.0`. Kept as given: it is the peer's time.
struct Timestamp;

impl<'de> DeserializeSeed<'de> for Timestamp {
    type Value = i64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<i64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Timestamp {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| E::custom("no time"))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number > 0.0 && number <= EXACT && number.fract() == 0.0 {
            Ok(number as i64)
        } else {
            Err(E::custom("no time"))
        }
    }
}
