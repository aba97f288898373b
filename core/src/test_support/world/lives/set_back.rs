//! Values that were changed and set back, which is no change for who edits from the same value.

use super::*;
use crate::model::standing::Standing;

impl World {
    /// Whether somebody else's edit waits that was made from the very value which is written now: for a
    /// merge by column and base nothing has changed there.
    pub(super) fn is_no_change(&self, device: usize, table: TableIndex, mark: &Mark) -> bool {
        let by = self.edited_from.get(mark).into_iter().flatten();
        let mut others = by.filter(|(other, _)| *other != device);
        let name = &self.cloud.schema.table(table).name;
        others.any(|(other, id)| {
            let id = RecordId::from_peer(id).unwrap();
            let device = &self.devices[*other];
            let taken = match self.last_word {
                PeerKind::Cloud => Standing::InCloud,
                PeerKind::Hub => Standing::OnHub,
            };
            device.get(name, &id).is_some() && device.standing(name, &id).standing != taken
        })
    }
}
