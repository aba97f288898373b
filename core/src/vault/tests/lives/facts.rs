//! What must be true of a vault, whatever happens: who may open it, and the last committed value.

use std::collections::BTreeMap;

use super::event::NAMES;
use super::place::Place;
use crate::vault::keyring::{Active, SlotLock};

/// A vault as its persons know it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Facts {
    /// Whether there is one that may hold data.
    pub exists: bool,
    /// Whose PIN is which.
    pub members: BTreeMap<usize, usize>,
    /// How many fingers have a slot.
    pub fingers: usize,
    /// The last committed value.
    pub value: u64,
}

impl Facts {
    /// Who may open, as the proven keyring says.
    pub fn of(place: &Place, active: &Active) -> Self {
        let mut facts = Self {
            exists: true,
            ..Self::default()
        };
        for slot in &active.slots {
            match &slot.lock {
                SlotLock::Pin { half, person, .. } => {
                    let name = NAMES.iter().position(|name| *name == person.as_str());
                    facts.members.insert(name.unwrap(), place.pins[&half.salt]);
                }
                SlotLock::Biometric(_) => facts.fingers += 1,
                SlotLock::Device(_) | SlotLock::Recovery => {}
            }
        }
        facts
    }

    /// With another committed value.
    pub fn with_value(mut self, value: u64) -> Self {
        self.value = value;
        self
    }
}
