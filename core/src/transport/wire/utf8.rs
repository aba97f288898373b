//! Checks UTF-8 across the edges of chunks. The JSON parser does not look inside what it skips.

/// Remembers a character that a chunk cut.
#[derive(Default)]
pub(super) struct Utf8Check {
    cut: [u8; 4],
    length: usize,
}

impl Utf8Check {
    /// Whether the bytes go on well. A character may be cut at the end.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while self.length > 0 {
            let Some((first, rest)) = bytes.split_first() else {
                return true;
            };
            // Three bytes at most are ever kept, so the fourth has room.
            self.cut[self.length] = *first;
            self.length += 1;
            bytes = rest;
            match std::str::from_utf8(&self.cut[..self.length]) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return false,
                Err(_) => {}
            }
        }
        match std::str::from_utf8(bytes) {
            Ok(_) => true,
            Err(error) if error.error_len().is_some() => false,
            Err(error) => {
                let rest = &bytes[error.valid_up_to()..];
                self.cut[..rest.len()].copy_from_slice(rest);
                self.length = rest.len();
                true
            }
        }
    }

    /// Whether no character is cut.
    pub(super) const fn is_whole(&self) -> bool {
        self.length == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], chunk: usize) -> bool {
        let mut check = Utf8Check::default();
        bytes.chunks(chunk).all(|chunk| check.feed(chunk)) && check.is_whole()
    }

    #[test]
    fn agrees_with_the_standard_library_at_every_chunk_size() {
        for bytes in [
            "plain".as_bytes(),
            "سلمى 👶 ü €".as_bytes(),
            b"",
            b"a\xff",
            b"\xe2\x82",
            b"\xe2\x82a",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\xc0\xaf",
            b"\x80",
            b"\xf0\x9f\x91",
        ] {
            for chunk in 1..8 {
                assert_eq!(
                    check(bytes, chunk),
                    std::str::from_utf8(bytes).is_ok(),
                    "{bytes:?} by {chunk}"
                );
            }
        }
    }
}
