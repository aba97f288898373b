//! The form of a pull reply: `changes` with tables with lists, and a `timestamp`, in any order.

use std::fmt;

use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::decoder::Decoder;
use super::key::{Key, Timestamp};
use crate::model::schema::{Direction, TableIndex};

/// The objects around a reply, of which the first may be none, and then the reply.
pub(super) struct Wrapped<'d, 'a>(pub &'d mut Decoder<'a>, pub usize);

/// From the inside out.
const WRAPPERS: [&str; 3] = ["json", "data", "result"];

impl<'de> DeserializeSeed<'de> for Wrapped<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Wrapped<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a reply")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some(inner) = self.1.checked_sub(1) else {
            return Reply(self.0).visit_map(map);
        };
        while let Some(found) =
            map.next_key_seed(Key(|name: &str| WRAPPERS.get(inner) == Some(&name)))?
        {
            if found {
                map.next_value_seed(Wrapped(self.0, inner))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The reply itself.
pub(super) struct Reply<'d, 'a>(pub &'d mut Decoder<'a>);

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
            if let Err(error) = self.0.table() {
                self.0.failure = Some(error);
                return Err(de::Error::custom("stopped"));
            }
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

/// What the items of a list are.
#[derive(Clone, Copy)]
pub(super) enum List {
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
