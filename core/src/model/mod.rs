//! Plain data that the rooms share. No I/O, no SQL, no clocks.

pub mod change_set;
pub mod dates;
pub mod decimal;
pub mod diagnosis;
pub mod filter;
pub mod hub;
pub mod hub_rights;
pub mod ids;
pub mod include;
pub mod json_text;
pub mod kv;
pub mod ledger;
pub mod merge;
pub mod notice;
mod object;
pub mod peer;
pub mod pins;
pub mod report;
pub mod room;
pub mod row;
pub mod salvage;
pub mod schema;
mod schema_json;
pub mod standing;
pub mod terms;
pub mod value;
