//! What the keychain item of an alias holds: the secret itself, or where in the Secure Enclave it is.
//! No call, so that it is tested on every host.
//!
//! One item per alias, and the item decides: adding one that is there fails, atomically, so that of two
//! creators one wins. A key in the enclave that no item names belongs to nobody.

use zeroize::Zeroizing;

/// What an item says.
pub(crate) enum Record {
    /// The secret.
    Keychain(Zeroizing<[u8; 32]>),
    /// The key in the Secure Enclave: SHA-1 of its public key, by which the keychain finds it.
    Enclave([u8; 20]),
}

// The first byte: the version of the derivation. The second: which of the two. Version 1 made the
// enclave's point from a scalar; it was never released, and is not read.
const VERSION: u8 = 2;
const KEYCHAIN: u8 = 1;
const ENCLAVE: u8 = 2;

impl Record {
    /// The item's bytes.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        // room for all of it at once: a vector that grows leaves its old content behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(34));
        bytes.push(VERSION);
        match self {
            Self::Keychain(secret) => {
                bytes.push(KEYCHAIN);
                bytes.extend_from_slice(secret.as_slice());
            }
            Self::Enclave(key) => {
                bytes.push(ENCLAVE);
                bytes.extend_from_slice(key);
            }
        }
        bytes
    }

    /// Reads an item; `None` where it is not one of ours, or of a later version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [VERSION, KEYCHAIN, secret @ ..] => {
                let mut copy = Zeroizing::new([0; 32]);
                if secret.len() != copy.len() {
                    return None;
                }
                copy.copy_from_slice(secret);
                Some(Self::Keychain(copy))
            }
            [VERSION, ENCLAVE, key @ ..] => key.try_into().ok().map(Self::Enclave),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_come_back() {
        let secret = Record::Keychain(Zeroizing::new([7; 32])).encode();
        assert!(matches!(Record::decode(&secret), Some(Record::Keychain(s)) if *s == [7; 32]));
        let key = Record::Enclave([9; 20]).encode();
        assert!(matches!(Record::decode(&key), Some(Record::Enclave(k)) if k == [9; 20]));
    }

    #[test]
    fn nothing_else_is_taken_for_one() {
        for good in [
            Record::Keychain(Zeroizing::new([7; 32])).encode(),
            Record::Enclave([9; 20]).encode(),
        ] {
            for length in 0..good.len() {
                assert!(Record::decode(&good[..length]).is_none());
            }
            let mut longer = good.to_vec();
            longer.push(0);
            assert!(Record::decode(&longer).is_none());
            for (at, value) in [(0, 0), (0, 1), (0, 3), (1, 0), (1, 3)] {
                let mut other = good.to_vec();
                other[at] = value;
                assert!(Record::decode(&other).is_none());
            }
        }
    }
}
