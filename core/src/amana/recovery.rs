//! Break-glass at the front door: the request, and the key that its answer opens with.

use super::Amana;
use crate::error::{Error, ErrorCode, Result};
use crate::vault::{self, RecoveryOpening};

/// What goes to the organisation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecoveryRequest {
    /// The request; holds no secret that anybody else can open.
    pub bytes: Vec<u8>,
    /// 16 hexadecimal digits that both sides read to each other before the request is answered.
    pub fingerprint: String,
}

impl Amana {
    /// Makes a request to the organisation whose key was pinned when the vault was made. Needs no
    /// key. The key for the answer is kept in this handle's memory alone: the answer must come
    /// before the process ends, and a second request makes the first one's answer worthless.
    ///
    /// # Errors
    /// `not_found` where the vault has no recovery key.
    pub fn make_recovery_request(&self) -> Result<RecoveryRequest> {
        self.not_closed()?;
        self.inner.reachable()?;
        let directory = &self.inner.config.directory;
        let (bytes, key) = vault::make_request(directory, &*self.inner.system.entropy)?;
        let fingerprint = vault::fingerprint(&bytes)?;
        let mut kept = self.inner.recovery.lock().map_err(|_| broken())?;
        *kept = Some(key);
        Ok(RecoveryRequest { bytes, fingerprint })
    }

    pub(super) fn open_answer(&self, answer: &[u8]) -> Result<RecoveryOpening> {
        let kept = self.inner.recovery.lock().map_err(|_| broken())?;
        let key = kept.as_ref().ok_or(Error::new(
            ErrorCode::NotFound,
            "no recovery was asked for since this handle was made",
        ))?;
        vault::open_answer(answer, key)
    }

    pub(super) fn forget_request(&self) {
        if let Ok(mut kept) = self.inner.recovery.lock() {
            *kept = None;
        }
    }
}

const fn broken() -> Error {
    Error::internal("a recovery request was left half made")
}
