//! The hub's tokens: JWT with HS256, one day of life.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

/// How long a token lives, in seconds.
pub(super) const LIFE_S: i64 = 24 * 3600;

/// The header of every token, encoded.
const HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// The user's id.
    pub(super) sub: String,
    pub(super) clinic_id: String,
    pub(super) role: String,
    /// Seconds since 1970.
    pub(super) iat: i64,
    pub(super) exp: i64,
}

/// Why a token is refused, in the hub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    Malformed,
    Signature,
    Expired,
}

impl Refused {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Malformed => "JWT verification failed: Malformed JWT token",
            Self::Signature => "JWT verification failed: Invalid JWT signature",
            Self::Expired => "JWT verification failed: JWT token has expired",
        }
    }
}

fn signature(key: &[u8], signed: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(signed.as_bytes());
    Some(mac)
}

/// A signed token.
pub(super) fn issue(key: &[u8], claims: &Claims) -> String {
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let signed = format!("{HEADER}.{}", URL_SAFE_NO_PAD.encode(claims));
    // HMAC takes keys of every length.
    let tag = signature(key, &signed)
        .map(|mac| URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
        .unwrap_or_default();
    format!("{signed}.{tag}")
}

/// What a token says, if it is one of this key and still alive.
pub(super) fn verify(key: &[u8], token: &str, now_s: i64) -> Result<Claims, Refused> {
    let (signed, tag) = token.rsplit_once('.').ok_or(Refused::Malformed)?;
    let (_, claims) = signed.split_once('.').ok_or(Refused::Malformed)?;
    let tag = URL_SAFE_NO_PAD
        .decode(tag)
        .map_err(|_| Refused::Malformed)?;
    signature(key, signed)
        .and_then(|mac| mac.verify_slice(&tag).ok())
        .ok_or(Refused::Signature)?;
    let claims: Claims = URL_SAFE_NO_PAD
        .decode(claims)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or(Refused::Malformed)?;
    if claims.exp <= now_s {
        return Err(Refused::Expired);
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_token_of_the_real_hub_is_understood_and_made_alike() {
        let vectors: Value = serde_json::from_str(include_str!("vectors.json")).unwrap();
        let vector = &vectors["jwt"];
        let hex = vector["key_hex"].as_str().unwrap();
        let key: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let token = vector["token"].as_str().unwrap();
        let claims = verify(&key, token, 1_700_000_000).unwrap();
        assert_eq!(claims.exp - claims.iat, LIFE_S);
        assert_eq!(verify(&key, token, claims.exp), Err(Refused::Expired));
        assert_eq!(verify(&key, token, claims.exp - 1).unwrap(), claims);
        assert_eq!(verify(b"other", token, 0), Err(Refused::Signature));
        assert_eq!(verify(&key, "x", 0), Err(Refused::Malformed));
        let (_, body) = token.split_once('.').unwrap();
        let (_, made) = issue(&key, &claims)
            .split_once('.')
            .map(|(head, rest)| (head.to_owned(), rest.to_owned()))
            .unwrap();
        // The tag covers the header too, so it is the same only if that is.
        assert_eq!(made, body);
    }
}
