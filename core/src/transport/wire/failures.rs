//! What a reply can be refused for.

use crate::error::{Error, ErrorCode};

pub(super) const NOT_JSON: Error = protocol("the reply is not whole JSON");
pub(super) const NOT_THE_FORM: Error = protocol("the reply has not the form of the protocol");
pub(super) const NOT_UTF8: Error = protocol("the reply is not UTF-8");
pub(super) const TOO_MANY: Error = protocol("the reply holds more records than allowed");
pub(super) const TOO_MANY_TABLES: Error = protocol("the reply holds more tables than allowed");

const fn protocol(detail: &'static str) -> Error {
    Error::new(ErrorCode::Protocol, detail)
}

pub(super) const fn too_large(detail: &'static str) -> Error {
    Error::new(ErrorCode::ValueTooLarge, detail)
}

pub(super) const fn too_long() -> Error {
    protocol("a number in the reply is longer than allowed")
}
