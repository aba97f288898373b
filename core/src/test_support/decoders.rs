//! The decoders of what peers send, for `tests/fuzz`.

use crate::error::Result;

/// Runs the decoder of pull replies, bare or in the wrapping of the token's routes.
///
/// # Errors
/// What a sync would end with. It must never panic.
pub fn check_pull_decoder(body: &[u8], wrapped: bool) -> Result<u64> {
    crate::transport::check_pull_decoder(body, if wrapped { 3 } else { 0 })
}

/// Runs the decoder of a hub's sealed replies. Returns whether anything was opened: only what was
/// sealed under the key may be.
pub fn check_hub_decoder(body: &[u8], key: &[u8; 32]) -> bool {
    crate::transport::check_hub_decoder(body, key)
}
