//! The session key: a pair made for one handshake, the hub's pinned public key, HKDF-SHA-256.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::model::hub::HubPublicKey;
use crate::ports::Entropy;
use crate::secret::HubSessionKey;

const SALT: &[u8] = b"hikma-health-pairing-v1";

/// The device's half of one handshake. Used once.
pub(super) struct KeyPair {
    // Wiped when dropped.
    private: StaticSecret,
    public: PublicKey,
}

impl KeyPair {
    /// A fresh pair from the injected randomness.
    pub(super) fn make(entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self::from_bytes(&bytes))
    }

    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let private = StaticSecret::from(*bytes);
        let public = PublicKey::from(&private);
        Self { private, public }
    }

    /// The public half as the handshake sends it.
    pub(super) fn public_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.public.as_bytes())
    }

    /// What both sides derive. A hub's key with which the secret would be the same for everybody is
    /// refused.
    pub(super) fn session_key(self, hub: &HubPublicKey) -> Result<HubSessionKey> {
        let shared = self
            .private
            .diffie_hellman(&PublicKey::from(*hub.as_bytes()));
        if !shared.was_contributory() {
            return Err(Error::new(
                ErrorCode::PeerIdentityMismatch,
                "the hub's key protects nothing",
            ));
        }
        // The hub's half first, on both sides.
        let mut info = [0; 64];
        info[..32].copy_from_slice(hub.as_bytes());
        info[32..].copy_from_slice(self.public.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(Some(SALT), shared.as_bytes())
            .expand(&info, key.as_mut_slice())
            .map_err(|_| Error::internal("the session key cannot be derived"))?;
        Ok(HubSessionKey::from_bytes(&key))
    }
}
