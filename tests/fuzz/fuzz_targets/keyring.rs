//! The keyring's decoder, also behind a checksum that fits: never a panic, and what is accepted is
//! exactly what would be written.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| amana_core::vault::check_keyring_decoder(bytes));
