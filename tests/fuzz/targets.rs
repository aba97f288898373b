//! What each fuzz target does with its bytes. A file of its own, so that the ordinary tests run it too,
//! and it cannot rot: `tests/tests/fuzz_targets.rs`.

/// The keyring's decoder, also behind a checksum that fits: never a panic, and what is accepted is
/// exactly what would be written.
pub fn keyring(bytes: &[u8]) {
    amana_core::vault::check_keyring_decoder(bytes);
}

/// The decoder of the cloud's pull replies, in both of their wrappings: never a panic, memory within
/// its limits.
pub fn pull_reply(bytes: &[u8]) {
    let _ = amana_core::test_support::check_pull_decoder(bytes, false);
    let _ = amana_core::test_support::check_pull_decoder(bytes, true);
}

/// The decoder of a hub's sealed replies: never a panic, and nothing opens that was not sealed under
/// the key, which no input knows.
pub fn hub_reply(bytes: &[u8]) {
    const KEY: [u8; 32] = [0x5a; 32];
    assert!(!amana_core::test_support::check_hub_decoder(bytes, &KEY));
    // Behind the envelope: bytes that have its form.
    let payload: String = bytes
        .iter()
        .map(|byte| char::from(b'A' + byte % 26))
        .collect();
    let body = format!(r#"{{"payload":"{payload}","success":true}}"#);
    assert!(!amana_core::test_support::check_hub_decoder(
        body.as_bytes(),
        &KEY
    ));
}
