//! The form of a pull reply: `changes` with tables with lists, and a `timestamp`, in any order.

use std::io::Read;

use serde::Deserializer;

use super::decoder::Decoder;
use super::failures::NOT_THE_FORM;
use super::input::{Input, Item};
use super::timestamp::Timestamp;
use crate::error::Result;
use crate::model::schema::{Direction, Schema, TableIndex};

/// What the items of a list are.
#[derive(Clone, Copy)]
pub(super) enum List {
    Upserts,
    Deletions,
}

enum Part {
    Success,
    Changes,
    Timestamp,
    Other,
}

enum TableKey {
    Known(TableIndex),
    Forbidden,
    Unknown,
}

/// The objects that may stand around a reply, from the inside out.
const WRAPPERS: [&str; 3] = ["json", "data", "result"];

/// Walks through a reply that stands inside so many objects, to its end.
pub(super) fn read<R: Read>(
    input: &mut Input<R>,
    decoder: &mut Decoder<'_>,
    wrapping: usize,
) -> Result<()> {
    unwrap(input, decoder, wrapping)?;
    input.end()
}

fn unwrap<R: Read>(input: &mut Input<R>, decoder: &mut Decoder<'_>, wrapping: usize) -> Result<()> {
    let Some(inner) = wrapping.checked_sub(1) else {
        return reply(input, decoder);
    };
    let mut walk = input.enter(b'{')?;
    while let Some(found) = input.key(&mut walk, |name| WRAPPERS.get(inner) == Some(&name))? {
        if found {
            unwrap(input, decoder, inner)?;
        } else {
            input.skip()?;
        }
    }
    Ok(())
}

/// The reply itself.
fn reply<R: Read>(input: &mut Input<R>, decoder: &mut Decoder<'_>) -> Result<()> {
    let mut walk = input.enter(b'{')?;
    while let Some(part) = input.key(&mut walk, |name| match name {
        "success" => Part::Success,
        "changes" => Part::Changes,
        "timestamp" => Part::Timestamp,
        _ => Part::Other,
    })? {
        match part {
            Part::Success if input.value()? == "true" => {}
            Part::Success => return Err(NOT_THE_FORM),
            Part::Changes => {
                decoder.saw_changes = true;
                changes(input, decoder)?;
            }
            Part::Timestamp => {
                let time = serde_json::Deserializer::from_str(input.value()?)
                    .deserialize_any(Timestamp)
                    .map_err(|_| NOT_THE_FORM)?;
                decoder.timestamp = Some(time);
            }
            Part::Other => input.skip()?,
        }
    }
    Ok(())
}

/// All tables.
fn changes<R: Read>(input: &mut Input<R>, decoder: &mut Decoder<'_>) -> Result<()> {
    let mut walk = input.enter(b'{')?;
    let schema = decoder.schema;
    while let Some(key) = input.key(&mut walk, |name| judge_table(schema, name))? {
        decoder.table()?;
        match key {
            TableKey::Known(index) => {
                let has_lists = table(input, decoder, index)?;
                if has_lists && !decoder.listed.contains(&index) {
                    decoder.listed.push(index);
                }
            }
            TableKey::Forbidden => {
                decoder.skipped.forbidden_tables += 1;
                input.skip()?;
            }
            TableKey::Unknown => {
                decoder.skipped.unknown_tables += 1;
                input.skip()?;
            }
        }
    }
    Ok(())
}

fn judge_table(schema: &Schema, name: &str) -> TableKey {
    if schema.is_forbidden_table(name) {
        return TableKey::Forbidden;
    }
    match schema.find(name) {
        Some(index) if schema.table(index).direction != Direction::Local => TableKey::Known(index),
        _ => TableKey::Unknown,
    }
}

/// One table with its lists. Whether it has any.
fn table<R: Read>(
    input: &mut Input<R>,
    decoder: &mut Decoder<'_>,
    index: TableIndex,
) -> Result<bool> {
    let mut has_lists = false;
    let mut walk = input.enter(b'{')?;
    while let Some(list) = input.key(&mut walk, |name| match name {
        "created" | "updated" => Some(List::Upserts),
        "deleted" => Some(List::Deletions),
        _ => None,
    })? {
        let Some(list) = list else {
            input.skip()?;
            continue;
        };
        has_lists = true;
        let mut items = input.enter(b'[')?;
        while let Some(item) = input.item(&mut items)? {
            match item {
                Item::Whole(raw) => decoder.item(index, list, raw)?,
                Item::Passed => decoder.passed(index)?,
            }
        }
    }
    Ok(has_lists)
}
