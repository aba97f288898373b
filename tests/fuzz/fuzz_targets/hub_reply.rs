//! The decoder of a hub's sealed replies: never a panic, and nothing opens that was not sealed under
//! the key, which no input knows.
#![no_main]

const KEY: [u8; 32] = [0x5a; 32];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(!amana_core::test_support::check_hub_decoder(bytes, &KEY));
    // Behind the envelope: bytes that have its form.
    let payload: String = bytes.iter().map(|byte| char::from(b'A' + byte % 26)).collect();
    let body = format!(r#"{{"payload":"{payload}","success":true}}"#);
    assert!(!amana_core::test_support::check_hub_decoder(body.as_bytes(), &KEY));
});
