//! Records on the wire: the pull reply decoded as a stream, the push body written.
//!
//! What a device must never hold is dropped here, before anybody sees it. Memory is bounded
//! whatever the reply holds: a record at a time, each within limits.

mod cell;
mod decoder;
mod encode;
mod encode_hub;
mod failures;
mod input;
mod record;
mod reply;
mod span;
mod timestamp;

#[cfg(test)]
mod decode_tests;
#[cfg(test)]
mod guard_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod properties;

pub(super) use decoder::Decoder;
#[cfg(any(test, feature = "test-support"))]
pub(crate) use decoder::check_decoder;
pub(super) use encode::encode;
pub(super) use encode_hub::encode_for_hub;
