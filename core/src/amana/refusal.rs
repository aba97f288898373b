//! What a refusal says beyond its code, kept for the app to ask.

use super::{Amana, Inner};
use crate::error::{ErrorCode, Result};
use crate::vault::{self, DamageReport, OpenResult, Refusal, RefusalReport, Remedy};

impl Amana {
    /// The last opening or PIN that was refused since one was not: its error, and what needs more
    /// than a code. Asks no key store.
    pub fn last_refusal(&self) -> Option<Refusal> {
        self.inner.refusal.lock().ok()?.clone()
    }
}

impl Inner {
    /// Keeps what was refused, and lets only the error through.
    pub(super) fn remember<T>(&self, result: OpenResult<T>) -> Result<T> {
        let (kept, result) = match result {
            Ok(value) => (None, Ok(value)),
            Err(mut refusal) => {
                if refusal.report.is_none() {
                    refusal.report = self.damage(refusal.error.code());
                }
                (Some(refusal.clone()), Err(refusal.error))
            }
        };
        if let Ok(mut last) = self.refusal.lock() {
            *last = kept;
        }
        result
    }

    /// For damage and a wrong key, what is at stake and what can be done: nothing was deleted.
    fn damage(&self, code: ErrorCode) -> Option<RefusalReport> {
        let remedies = match code {
            ErrorCode::KeyringDamaged => vec![Remedy::Quarantine],
            ErrorCode::DatabaseDamaged | ErrorCode::KeyMismatch => {
                let seen = vault::glance(&self.io()).ok();
                let recovery = code == ErrorCode::KeyMismatch
                    && seen.is_some_and(|glance| glance.has_recovery);
                let recovery = recovery.then_some(Remedy::Recovery);
                let salvage = code == ErrorCode::DatabaseDamaged && self.database_file.exists();
                let salvage = salvage.then_some(Remedy::Salvage);
                let first = recovery.into_iter().chain(salvage);
                first.chain([Remedy::Quarantine]).collect()
            }
            _ => return None,
        };
        Some(RefusalReport::Damage(DamageReport {
            unsynced: vault::unsynced_hint(&self.config.directory),
            remedies,
        }))
    }
}
