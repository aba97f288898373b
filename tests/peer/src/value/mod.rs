//! Values on their way from a pushed record into the database: types, limits, defaults.

pub(crate) mod calendar;
mod convert;
pub(crate) mod dates;
mod decimal;
mod jsonb;

pub(crate) use convert::{Context, convert, is_valid_uuid};
pub(crate) use jsonb::{Lenience, jsonb_text, read_json};

/// The database refuses the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadValue;
