//! What is kept of a paired hub, as the text that the store holds inside the encrypted file: what was
//! pinned, this device's name there, and the token of the last sign-in.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorCode, Result};
use crate::model::hub::{HubAddress, HubPublicKey, HubUrl};
use crate::secret::SecretText;
use crate::transport::HubToken;

/// A hub's key, id and address, and how this device is known there.
pub(super) struct HubTrust {
    pub address: HubAddress,
    /// Random, and told to nobody but the hub: who knows it can end the session.
    pub client_id: String,
    /// Of the person with this id.
    pub token: Option<(String, HubToken)>,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    url: String,
    hub_id: String,
    pk: String,
    client_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<KeptToken>,
}

#[derive(Serialize, Deserialize)]
struct KeptToken {
    user_id: String,
    text: String,
    since_ms: i64,
}

impl Drop for KeptToken {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

impl HubTrust {
    pub(super) fn to_text(&self) -> Result<Zeroizing<String>> {
        let kept = Kept {
            url: self.address.url.as_str().to_owned(),
            hub_id: self.address.hub_id.clone(),
            pk: self.address.public_key.to_text(),
            client_id: self.client_id.clone(),
            token: self.token.as_ref().map(|(user_id, token)| KeptToken {
                user_id: user_id.clone(),
                text: token.text.expose().to_owned(),
                since_ms: token.since_ms,
            }),
        };
        serde_json::to_string(&kept)
            .map(Zeroizing::new)
            .map_err(|_| Error::internal("what is kept of the hub cannot be written"))
    }

    pub(super) fn from_text(text: &str) -> Result<Self> {
        let damaged = |_| {
            Error::new(
                ErrorCode::DatabaseDamaged,
                "what is kept of the hub cannot be read",
            )
        };
        let mut kept: Kept = serde_json::from_str(text).map_err(|_| damaged(Error::invalid("")))?;
        let token = kept.token.take().map(|mut kept| {
            let token = HubToken {
                text: SecretText::new(std::mem::take(&mut kept.text)),
                since_ms: kept.since_ms,
            };
            (std::mem::take(&mut kept.user_id), token)
        });
        Ok(Self {
            address: HubAddress {
                url: HubUrl::parse(&kept.url).map_err(damaged)?,
                hub_id: kept.hub_id,
                public_key: HubPublicKey::parse(&kept.pk).map_err(damaged)?,
            },
            client_id: kept.client_id,
            token,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let address = HubAddress {
            url: HubUrl::parse("http://10.0.0.5:4001").unwrap(),
            hub_id: "hub-1".into(),
            public_key: HubPublicKey::parse("hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo").unwrap(),
        };
        let mut trust = HubTrust {
            address: address.clone(),
            client_id: "c-1".into(),
            token: None,
        };
        for token in [None, Some("aaa.bbb")] {
            trust.token = token.map(|text| {
                let token = HubToken {
                    text: SecretText::new(text.into()),
                    since_ms: 7,
                };
                ("u-1".to_owned(), token)
            });
            let back = HubTrust::from_text(&trust.to_text().unwrap()).unwrap();
            assert_eq!(
                (back.address, back.client_id.as_str()),
                (address.clone(), "c-1")
            );
            let back = back
                .token
                .map(|(user, token)| (user, token.text.expose().to_owned(), token.since_ms));
            assert_eq!(
                back,
                token.map(|text| ("u-1".to_owned(), text.to_owned(), 7))
            );
        }
        for bad in [
            "",
            "{}",
            r#"{"url":"https://x","hub_id":"h","pk":"","client_id":"c"}"#,
        ] {
            let error = HubTrust::from_text(bad).err().unwrap();
            assert_eq!(error.code(), ErrorCode::DatabaseDamaged, "{bad}");
        }
    }
}
