//! The two ways in which the keyring seals: AES-256-GCM under a slot key, HPKE to a public half.
//! Knows bytes and primitives only; what the bytes mean is `hierarchy`'s.

use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use hpke::aead::{AeadTag, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::ports::Entropy;
use crate::secret::SlotKey;

const NONCE_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;
/// Nonce, 32 bytes, tag.
pub(super) const PRIVATE_LENGTH: usize = NONCE_LENGTH + 32 + TAG_LENGTH;
/// Encapsulated key, 32 bytes, tag.
pub(super) const ROOT_LENGTH: usize = 32 + 32 + TAG_LENGTH;

/// 32 bytes that are wiped when dropped.
pub(super) type Secret = Zeroizing<[u8; 32]>;

/// Seals the private half of a slot pair under its slot key.
pub(super) fn seal_private(
    private: &[u8; 32],
    key: &SlotKey,
    context: &[u8],
    entropy: &dyn Entropy,
) -> Result<[u8; PRIVATE_LENGTH]> {
    let mut sealed = [0; PRIVATE_LENGTH];
    let (nonce, body) = sealed.split_at_mut(NONCE_LENGTH);
    let (body, tag_place) = body.split_at_mut(32);
    entropy.fill(nonce)?;
    // Sealed in a place of its own: an error must not leave the half in what is returned.
    let mut half = Zeroizing::new(*private);
    let nonce = Nonce::try_from(&*nonce).map_err(|_| cannot_seal())?;
    let tag = cipher(key)
        .encrypt_inout_detached(&nonce, context, InOutBuf::from(half.as_mut_slice()))
        .map_err(|_| cannot_seal())?;
    body.copy_from_slice(half.as_slice());
    tag_place.copy_from_slice(&tag);
    Ok(sealed)
}

/// Opens the private half, or `None` if it is not this key's.
pub(super) fn unseal_private(
    sealed: &[u8; PRIVATE_LENGTH],
    key: &SlotKey,
    context: &[u8],
) -> Option<Secret> {
    let (nonce, body) = sealed.split_at(NONCE_LENGTH);
    let (body, tag) = body.split_at(32);
    let mut half = Zeroizing::new([0; 32]);
    half.copy_from_slice(body);
    let (nonce, tag) = (Nonce::try_from(nonce).ok()?, Tag::try_from(tag).ok()?);
    cipher(key)
        .decrypt_inout_detached(&nonce, context, InOutBuf::from(half.as_mut_slice()), &tag)
        .ok()?;
    Some(half)
}

fn cipher(key: &SlotKey) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.expose()))
}

/// A new pair: private half, public half.
pub(super) fn make_pair(entropy: &dyn Entropy) -> Result<(Secret, [u8; 32])> {
    let mut random = OneDraw::new(entropy)?;
    let (private, public) = X25519HkdfSha256::gen_keypair_with_rng(&mut random);
    random.check()?;
    let mut half = Zeroizing::new([0; 32]);
    private.write_exact(half.as_mut_slice());
    let mut out = [0; 32];
    public.write_exact(&mut out);
    Ok((half, out))
}

/// Seals the root key to a public half.
pub(super) fn seal_root(
    root: &[u8; 32],
    public: &[u8; 32],
    info: &[u8],
    context: &[u8],
    entropy: &dyn Entropy,
) -> Result<[u8; ROOT_LENGTH]> {
    let public =
        <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(public).map_err(|_| cannot_seal())?;
    let mut random = OneDraw::new(entropy)?;
    let mut body = Zeroizing::new(*root);
    let (encapsulated, tag) =
        hpke::single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &public,
            info,
            InOutBuf::from(body.as_mut_slice()),
            context,
            &mut random,
        )
        .map_err(|_| cannot_seal())?;
    random.check()?;
    let mut sealed = [0; ROOT_LENGTH];
    encapsulated.write_exact(&mut sealed[..32]);
    sealed[32..64].copy_from_slice(body.as_slice());
    tag.write_exact(&mut sealed[64..]);
    Ok(sealed)
}

/// Opens the sealed root key, or `None` if it is not this private half's.
pub(super) fn unseal_root(
    sealed: &[u8; ROOT_LENGTH],
    private: &[u8; 32],
    info: &[u8],
    context: &[u8],
) -> Option<Secret> {
    let private = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(private).ok()?;
    let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&sealed[..32]).ok()?;
    let tag = AeadTag::<AesGcm256>::from_bytes(&sealed[64..]).ok()?;
    let mut root = Zeroizing::new([0; 32]);
    root.copy_from_slice(&sealed[32..64]);
    hpke::single_shot_open_inout_detached::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        info,
        InOutBuf::from(root.as_mut_slice()),
        context,
        &tag,
    )
    .ok()?;
    Some(root)
}

/// The 32 random bytes that a key pair needs, drawn before the library asks: it cannot be told
/// that there is no randomness. Whoever asks for more gets none, and the result is thrown away.
struct OneDraw {
    bytes: Secret,
    left: usize,
    overdrawn: bool,
}

impl OneDraw {
    fn new(entropy: &dyn Entropy) -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self {
            left: bytes.len(),
            bytes,
            overdrawn: false,
        })
    }

    fn check(&self) -> Result<()> {
        if self.overdrawn {
            return Err(Error::internal(
                "a key asked for more randomness than it was given",
            ));
        }
        Ok(())
    }
}

impl TryRng for OneDraw {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)
            .map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        if out.len() > self.left {
            self.overdrawn = true;
            out.fill(0);
            return Ok(());
        }
        let start = self.bytes.len() - self.left;
        out.copy_from_slice(&self.bytes[start..start + out.len()]);
        self.left -= out.len();
        Ok(())
    }
}

impl TryCryptoRng for OneDraw {}

const fn cannot_seal() -> Error {
    Error::internal("a key could not be sealed")
}

#[cfg(test)]
mod tests {
    use hpke::aead::AesGcm128;

    use super::*;
    use crate::error::ErrorCode;
    use crate::test_support::SeededEntropy;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let bytes: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect();
        bytes.try_into().unwrap()
    }

    /// Gives these bytes once, then nothing.
    struct Given(std::sync::Mutex<Option<[u8; 32]>>);

    impl Entropy for Given {
        fn fill(&self, buffer: &mut [u8]) -> Result<()> {
            let given = self.0.lock().unwrap().take();
            let given = given.ok_or(Error::internal("no more randomness"))?;
            buffer.copy_from_slice(&given);
            Ok(())
        }
    }

    const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
    const PLAIN: &str = "4265617574792069732074727574682c20747275746820626561757479";

    // RFC 9180, A.1.1: the sender's side, with the randomness of the vector. The suite's AEAD is
    // AES-128-GCM there; the key pair, encapsulation and key schedule are the ones used here.
    #[test]
    fn hpke_sender_matches_rfc_9180() {
        let ephemeral = hex("7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234");
        let public: [u8; 32] =
            hex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d");
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&public).unwrap();
        let mut random = OneDraw::new(&Given(Some(ephemeral).into())).unwrap();
        let (encapsulated, sealed) =
            hpke::single_shot_seal_with_rng::<AesGcm128, HkdfSha256, X25519HkdfSha256>(
                &OpModeS::Base,
                &public,
                &hex::<20>(INFO),
                &hex::<29>(PLAIN),
                b"Count-0",
                &mut random,
            )
            .unwrap();
        random.check().unwrap();
        assert_eq!(
            *encapsulated.to_bytes(),
            hex::<32>("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
        );
        assert_eq!(
            sealed,
            hex::<45>(
                "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea\
                 87e13c512a"
            )
        );
    }

    // The test vectors of RFC 9180 for exactly this suite, base mode: the receiver's side.
    #[test]
    fn hpke_receiver_matches_rfc_9180() {
        let private: [u8; 32] =
            hex("497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d");
        let encapsulated: [u8; 32] =
            hex("6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256");
        let sealed: [u8; 45] = hex(
            "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad85\
             9d5b7a",
        );
        let plain = hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &<X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&private).unwrap(),
            &<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&encapsulated).unwrap(),
            &hex::<20>(INFO),
            &sealed,
            b"Count-0",
        )
        .unwrap();
        assert_eq!(plain, hex::<29>(PLAIN));
    }

    #[test]
    fn root_key_opens_with_its_own_private_half_info_and_context_only() {
        let entropy = SeededEntropy::new(1);
        let (private, public) = make_pair(&entropy).unwrap();
        let (other, _) = make_pair(&entropy).unwrap();
        let sealed = seal_root(&[7; 32], &public, b"info", b"context", &entropy).unwrap();
        let open = |half: &Secret, info: &[u8], context: &[u8]| {
            unseal_root(&sealed, half, info, context).map(|root| *root)
        };
        assert_eq!(open(&private, b"info", b"context"), Some([7; 32]));
        assert_eq!(open(&other, b"info", b"context"), None);
        assert_eq!(open(&private, b"inf0", b"context"), None);
        assert_eq!(open(&private, b"info", b"c0ntext"), None);
    }

    #[test]
    fn private_half_opens_under_its_own_key_and_context_only() {
        let entropy = SeededEntropy::new(2);
        let key = SlotKey::from_bytes(&[1; 32]);
        let sealed = seal_private(&[9; 32], &key, b"context", &entropy).unwrap();
        let open =
            |key: &SlotKey, context: &[u8]| unseal_private(&sealed, key, context).map(|half| *half);
        assert_eq!(open(&key, b"context"), Some([9; 32]));
        assert_eq!(open(&key, b"other"), None);
        assert_eq!(open(&SlotKey::from_bytes(&[2; 32]), b"context"), None);
    }

    #[test]
    fn without_randomness_nothing_is_made_or_sealed() {
        let none = Given(None.into());
        let key = SlotKey::from_bytes(&[1; 32]);
        let (_, public) = make_pair(&SeededEntropy::new(3)).unwrap();
        for code in [
            make_pair(&none).unwrap_err().code(),
            seal_root(&[7; 32], &public, b"", b"", &none)
                .unwrap_err()
                .code(),
            seal_private(&[7; 32], &key, b"", &none).unwrap_err().code(),
        ] {
            assert_eq!(code, ErrorCode::Internal);
        }
    }

    #[test]
    fn asking_for_more_than_was_drawn_is_noticed() {
        let mut random = OneDraw::new(&SeededEntropy::new(4)).unwrap();
        let mut out = [0; 20];
        random.try_fill_bytes(&mut out).unwrap();
        assert!(random.check().is_ok());
        random.try_fill_bytes(&mut out).unwrap();
        assert!(random.check().is_err());
    }

    #[test]
    fn a_public_half_of_small_order_is_never_sealed_to() {
        let entropy = SeededEntropy::new(5);
        assert!(seal_root(&[7; 32], &[0; 32], b"", b"", &entropy).is_err());
    }
}
