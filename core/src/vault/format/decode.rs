//! Bytes to keyring. Whatever the bytes are, the outcome is typed: a keyring that `encode` would
//! write exactly so, or why not.

use amana_keystore::{Alias, SecurityLevel};

use super::super::keyring::{Active, Bare, DeviceHalf, Keyring, Pending, Policy, Slot, SlotLock};
use super::super::pin::{PersonId, PinKdf};
use super::{
    ACTIVE, ARGON2ID, CHECKSUM_LENGTH, CREATING, KIND_BIOMETRIC, KIND_DEVICE, KIND_PIN,
    KIND_RECOVERY, LEVEL_SECURE_ELEMENT, LEVEL_SOFTWARE, LEVEL_TRUSTED_ENVIRONMENT,
    LEVEL_UNPROTECTED, MAGIC, MAX_ALIASES, MAX_LENGTH, MAX_SLOTS, PENDING, POLICY_DEVICE,
    POLICY_PERSON, PROVISIONAL, ROTATION_DUE, SHREDDING, SUITE, VERSION, checksum,
};

/// Why bytes are not a keyring of this version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum Unread {
    /// Not what any version writes.
    Damaged,
    /// Intact, and of a later version.
    TooNew,
    /// Intact, and of format 0.
    Provisional,
}

type Result<T> = std::result::Result<T, Unread>;

/// Reads a keyring.
pub(in super::super) fn decode(bytes: &[u8]) -> Result<Keyring> {
    if bytes.len() > MAX_LENGTH {
        return Err(Unread::Damaged);
    }
    let (content, sum) = bytes
        .split_last_chunk::<CHECKSUM_LENGTH>()
        .ok_or(Unread::Damaged)?;
    if *sum != checksum(content) {
        return Err(Unread::Damaged);
    }
    let mut input = Input(content);
    if input.array()? != MAGIC {
        return Err(Unread::Damaged);
    }
    match input.array()? {
        VERSION => {}
        PROVISIONAL => return Err(Unread::Provisional),
        _ => return Err(Unread::TooNew),
    }
    let keyring = input.keyring()?;
    if !input.0.is_empty() || !is_sound(&keyring) {
        return Err(Unread::Damaged);
    }
    Ok(keyring)
}

/// What no version of this format writes, although it could be read: names that are not one
/// slot's alone (removing it would take another's secret), and slots that a policy excludes.
fn is_sound(keyring: &Keyring) -> bool {
    fn distinct<T: PartialEq>(items: &[T]) -> bool {
        items
            .iter()
            .enumerate()
            .all(|(index, item)| !items[..index].contains(item))
    }
    if !distinct(&keyring.aliases()) {
        return false;
    }
    let Keyring::Active(active) = keyring else {
        return true;
    };
    let ids: Vec<_> = active.slots.iter().map(|slot| slot.id).collect();
    let of = |fits: fn(&SlotLock) -> bool| active.slots.iter().filter(|s| fits(&s.lock)).count();
    let persons: Vec<_> = active
        .slots
        .iter()
        .filter_map(|slot| match &slot.lock {
            SlotLock::Pin { person, .. } => Some(person),
            _ => None,
        })
        .collect();
    let devices = of(|lock| matches!(lock, SlotLock::Device(_)));
    let recoveries = of(|lock| matches!(lock, SlotLock::Recovery));
    let for_persons = active.slots.len() - devices - recoveries;
    distinct(&ids)
        && distinct(&persons)
        && recoveries <= 1
        && match active.policy {
            Policy::Device => devices <= 1 && for_persons == 0,
            Policy::Person => devices == 0,
        }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unread::Damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Unread::Damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn count(&mut self, limit: usize) -> Result<usize> {
        let count = usize::from(self.byte()?);
        if count > limit {
            return Err(Unread::Damaged);
        }
        Ok(count)
    }

    fn text(&mut self) -> Result<&'a str> {
        let length = usize::from(self.byte()?);
        std::str::from_utf8(self.take(length)?).map_err(|_| Unread::Damaged)
    }

    fn alias(&mut self) -> Result<Alias> {
        Alias::parse(self.text()?).ok_or(Unread::Damaged)
    }

    fn aliases(&mut self, limit: usize) -> Result<Vec<Alias>> {
        let count = self.count(limit)?;
        (0..count).map(|_| self.alias()).collect()
    }

    fn keyring(&mut self) -> Result<Keyring> {
        let state = self.byte()?;
        let policy = match self.byte()? {
            POLICY_DEVICE => Policy::Device,
            POLICY_PERSON => Policy::Person,
            _ => return Err(Unread::Damaged),
        };
        let vault_id = self.array()?;
        let generation = u64::from_be_bytes(self.array()?);
        if let CREATING | SHREDDING = state {
            let bare = Bare {
                vault_id,
                generation,
                policy,
                aliases: self.aliases(MAX_ALIASES)?,
            };
            return Ok(match state {
                CREATING => Keyring::Creating(bare),
                _ => Keyring::Shredding(bare),
            });
        }
        let is_pending = match state {
            ACTIVE => false,
            PENDING => true,
            _ => return Err(Unread::Damaged),
        };
        let rotation_due = match self.byte()? {
            0 => false,
            ROTATION_DUE => true,
            _ => return Err(Unread::Damaged),
        };
        let loose = self.aliases(MAX_SLOTS)?;
        let count = self.count(MAX_SLOTS)?;
        if count == 0 {
            return Err(Unread::Damaged);
        }
        let slots = (0..count)
            .map(|_| self.slot())
            .collect::<Result<Vec<_>>>()?;
        let key_check = self.array()?;
        let next = match is_pending {
            true => {
                let sealed = (0..count).map(|_| self.array()).collect::<Result<_>>()?;
                Some((sealed, self.array()?))
            }
            false => None,
        };
        let mac = self.array()?;
        let pending = match next {
            Some((sealed_roots, key_check)) => Some(Pending {
                key_check,
                mac: self.array()?,
                sealed_roots,
            }),
            None => None,
        };
        Ok(Keyring::Active(Active {
            vault_id,
            generation,
            policy,
            rotation_due,
            loose,
            slots,
            key_check,
            mac,
            pending,
        }))
    }

    fn slot(&mut self) -> Result<Slot> {
        let id = self.array()?;
        let kind = self.byte()?;
        if self.array()? != SUITE {
            return Err(Unread::Damaged);
        }
        let public = self.array()?;
        let lock = match kind {
            KIND_DEVICE => SlotLock::Device(self.half()?),
            KIND_PIN => SlotLock::Pin {
                half: self.half()?,
                person: PersonId::new(self.text()?).map_err(|_| Unread::Damaged)?,
                kdf: self.kdf()?,
            },
            KIND_BIOMETRIC => SlotLock::Biometric(self.half()?),
            KIND_RECOVERY => SlotLock::Recovery,
            _ => return Err(Unread::Damaged),
        };
        Ok(Slot {
            id,
            public,
            lock,
            sealed_root: self.array()?,
        })
    }

    fn half(&mut self) -> Result<DeviceHalf> {
        Ok(DeviceHalf {
            level: match self.byte()? {
                LEVEL_SECURE_ELEMENT => SecurityLevel::SecureElement,
                LEVEL_TRUSTED_ENVIRONMENT => SecurityLevel::TrustedEnvironment,
                LEVEL_SOFTWARE => SecurityLevel::Software,
                LEVEL_UNPROTECTED => SecurityLevel::Unprotected,
                _ => return Err(Unread::Damaged),
            },
            alias: self.alias()?,
            salt: self.array()?,
            sealed_private: self.array()?,
        })
    }

    fn kdf(&mut self) -> Result<PinKdf> {
        if self.byte()? != ARGON2ID {
            return Err(Unread::Damaged);
        }
        let kdf = PinKdf {
            memory_kib: self.number()?,
            passes: self.number()?,
            lanes: self.number()?,
        };
        // A file must not be able to ask for more memory or time than any device has.
        if kdf.is_bearable() {
            Ok(kdf)
        } else {
            Err(Unread::Damaged)
        }
    }
}
