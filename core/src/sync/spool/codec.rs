//! Changes as bytes. Every length is checked when it is read, though only what was authenticated
//! gets here: a defect must not become a panic or an allocation without bounds.

use std::io::Read;

use super::blocks::{BlockReader, damaged};
use crate::error::{Error, Result};
use crate::model::change_set::RemoteRow;
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;
use crate::model::value::Value;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;

pub(super) fn write_upsert(out: &mut Vec<u8>, table: TableIndex, row: &RemoteRow) -> Result<()> {
    write_delete(out, table, &row.id)?;
    write_length(out, row.cells.len())?;
    for (position, value) in &row.cells {
        write_length(out, *position)?;
        write_value(out, value)?;
    }
    Ok(())
}

pub(super) fn write_delete(out: &mut Vec<u8>, table: TableIndex, id: &RecordId) -> Result<()> {
    out.extend_from_slice(&table.0.to_le_bytes());
    write_text(out, id.as_str())
}

fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<()> {
    match value {
        Value::Null => out.push(NULL),
        Value::Integer(number) => {
            out.push(INTEGER);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Real(number) => {
            out.push(REAL);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => {
            out.push(TEXT);
            write_text(out, text)?;
        }
    }
    Ok(())
}

fn write_text(out: &mut Vec<u8>, text: &str) -> Result<()> {
    write_length(out, text.len())?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn write_length(out: &mut Vec<u8>, length: usize) -> Result<()> {
    let length =
        u32::try_from(length).map_err(|_| Error::internal("a value is too long for the spool"))?;
    out.extend_from_slice(&length.to_le_bytes());
    Ok(())
}

/// The next upsert, or none at the end.
pub(super) fn read_upsert<R: Read>(
    input: &mut BlockReader<R>,
) -> Result<Option<(TableIndex, RemoteRow)>> {
    let Some((table, id)) = read_delete(input)? else {
        return Ok(None);
    };
    let count = read_length(input)?;
    let mut cells = Vec::with_capacity(count.min(256));
    for _ in 0..count {
        let position = read_length(input)?;
        cells.push((position, read_value(input)?));
    }
    Ok(Some((table, RemoteRow { id, cells })))
}

/// The next deletion, or none at the end.
pub(super) fn read_delete<R: Read>(
    input: &mut BlockReader<R>,
) -> Result<Option<(TableIndex, RecordId)>> {
    if input.is_at_end()? {
        return Ok(None);
    }
    let table = TableIndex(u16::from_le_bytes(read_array(input)?));
    let id = RecordId::from_peer(&read_text(input)?).ok_or_else(damaged)?;
    Ok(Some((table, id)))
}

fn read_value<R: Read>(input: &mut BlockReader<R>) -> Result<Value> {
    let [kind] = read_array(input)?;
    match kind {
        NULL => Ok(Value::Null),
        INTEGER => Ok(Value::Integer(i64::from_le_bytes(read_array(input)?))),
        REAL => Ok(Value::Real(f64::from_le_bytes(read_array(input)?))),
        TEXT => read_text(input).map(Value::Text),
        _ => Err(damaged()),
    }
}

fn read_text<R: Read>(input: &mut BlockReader<R>) -> Result<String> {
    let length = read_length(input)?;
    String::from_utf8(input.read_vec(length)?).map_err(|_| damaged())
}

fn read_length<R: Read>(input: &mut BlockReader<R>) -> Result<usize> {
    usize::try_from(u32::from_le_bytes(read_array(input)?)).map_err(|_| damaged())
}

fn read_array<const N: usize, R: Read>(input: &mut BlockReader<R>) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}
