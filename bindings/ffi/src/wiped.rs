//! The library's memory. What is freed is wiped first: the buffers in which uniffi carries a PIN or a
//! password to us are its own, and it frees them as they are.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static MEMORY: ZeroAlloc<System> = ZeroAlloc(System);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::FileExt as _;

    /// Where the bytes of a buffer were, as they are now.
    fn look(at: u64, length: usize) -> Vec<u8> {
        let mut found = vec![0; length];
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        memory.read_exact_at(&mut found, at).unwrap();
        found
    }

    #[test]
    fn what_is_freed_is_wiped() {
        // Large enough that nothing else is put there at once, too small to be unmapped.
        let pin = b"a PIN that is looked for".repeat(1000);
        let (at, length) = (pin.as_ptr() as u64, pin.len());
        // It is really there before: the search itself can fail.
        assert_eq!(look(at, length), pin);
        drop(pin);
        let left = look(at, length);
        let pieces = left.windows(12).filter(|piece| *piece == b"PIN that is ");
        assert_eq!(pieces.count(), 0);
    }
}
