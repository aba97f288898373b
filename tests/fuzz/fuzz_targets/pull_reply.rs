//! The decoder of the cloud's pull replies, in both of their wrappings: never a panic, memory within
//! its limits.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = amana_core::test_support::check_pull_decoder(bytes, false);
    let _ = amana_core::test_support::check_pull_decoder(bytes, true);
});
