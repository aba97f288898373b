//! What a phone's system tells an app of a vault's files, and of its own end.

use crate::error::AmanaError;
use crate::guard::offload;
use crate::vault::Vault;

#[uniffi::export]
impl Vault {
    /// The files of a vault of the strict class will soon be out of reach, because the device is being
    /// locked (iOS: `protectedDataWillBecomeUnavailable`). Locks the vault; whatever needs its files is
    /// `key_temporarily_unavailable`, untried, until `protectedDataBack`. Also for a vault that is
    /// attached while they are.
    pub async fn protected_data_gone(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.protected_data_gone()).await
    }

    /// They can be read again. Opens nothing by itself.
    pub fn protected_data_back(&self) {
        self.amana.protected_data_back();
    }

    /// Whether the vault works on its files by itself, without a call that somebody waits for. Answers
    /// at once, and is no use of the vault.
    pub fn is_working(&self) -> bool {
        self.amana.is_working()
    }

    /// The app will soon be stopped: ends what can go on later, and returns once nothing of `isWorking`
    /// is under way. Until `wake` only what belongs to calls begins. Those are the app's to wait for,
    /// before.
    pub async fn rest(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.rest()).await
    }

    /// The app goes on.
    pub fn wake(&self) {
        self.amana.wake();
    }
}
