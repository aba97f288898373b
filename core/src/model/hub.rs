//! A hub: where it is, how it is known again, and what a scanned code says about it.
//!
//! A hub speaks plain HTTP. What it may be trusted with rests on the key and the id that its QR
//! code showed: they are pinned for good, while its address may change.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use url::Host;

use super::peer::HttpsUrl;
use crate::error::{Error, Result};

/// The largest text that a scanner may hand over, in bytes.
const MAX_CODE_BYTES: usize = 4096;

/// The address of a hub: `http`, the literal address of a private network, perhaps a port.
///
/// Names are refused: whoever answers for a name may point it anywhere. So are link-local
/// addresses of IPv6 with a zone, which a URL cannot hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubUrl(String);

impl HubUrl {
    /// Checks an address. Only private ranges, link-local and loopback are taken.
    pub fn parse(text: &str) -> Result<Self> {
        if text.len() > MAX_CODE_BYTES {
            return Err(Error::invalid("the hub's address is too long"));
        }
        let url =
            url::Url::parse(text).map_err(|_| Error::invalid("the hub's address is not a URL"))?;
        if url.scheme() != "http" {
            return Err(Error::invalid("the hub's address must begin with http://"));
        }
        let bare = url.username().is_empty()
            && url.password().is_none()
            && !text.contains('@')
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(Error::invalid(
                "the hub's address must be an IP address and a port alone",
            ));
        }
        if !url.host().is_some_and(|host| is_local(&host)) {
            return Err(Error::invalid(
                "the hub's address must be an IP address of a private network",
            ));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Private, link-local or loopback.
fn is_local(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => false,
        Host::Ipv4(ip) => ip.is_private() || ip.is_link_local() || ip.is_loopback(),
        Host::Ipv6(ip) => match ip.to_ipv4_mapped() {
            // Where it leads is what counts, not how it is written.
            Some(ip) => is_local(&Host::Ipv4(ip)),
            None => ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_loopback(),
        },
    }
}

/// The hub's fixed X25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HubPublicKey([u8; 32]);

impl HubPublicKey {
    /// Reads 43 characters of base64url. A key of zeros, with which everybody shares the same
    /// secret, is refused here; the others of low order when the secret is derived.
    pub fn parse(text: &str) -> Result<Self> {
        const NO_KEY: Error = Error::invalid("the hub's public key is not one");
        let mut bytes = [0; 32];
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .map_err(|_| NO_KEY)?;
        if length != bytes.len() || bytes == [0; 32] {
            return Err(NO_KEY);
        }
        Ok(Self(bytes))
    }

    /// The raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text form, base64url without padding.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

/// A hub as its QR code showed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubAddress {
    /// Where it is now; may be changed by a person.
    pub url: HubUrl,
    /// Its id, given by the cloud. Pinned.
    pub hub_id: String,
    /// Its key. Pinned.
    pub public_key: HubPublicKey,
}

/// What a scanned code is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScannedCode {
    /// A hub to pair with.
    Hub(HubAddress),
    /// The address of a cloud, to sign in to. Nothing was paired.
    Cloud(HttpsUrl),
}

#[derive(Deserialize)]
struct Code {
    r#type: Option<String>,
    url: Option<String>,
    id: Option<String>,
    pk: Option<String>,
}

impl ScannedCode {
    /// Reads the text of a QR code.
    ///
    /// # Errors
    /// `invalid_input`, each with its own text: a hub that is not registered with the cloud and so
    /// shows a bare `http://` address; a hub's code without `id` or `pk`, which could not be told
    /// from an impostor's; an address that is not of a private network; anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.len() > MAX_CODE_BYTES {
            return Err(Error::invalid("the code is too long"));
        }
        let begins = |scheme: &str| {
            text.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        if begins("https://") {
            return HttpsUrl::parse(text).map(Self::Cloud);
        }
        if begins("http://") {
            return Err(Error::invalid(
                "this hub is not registered with the cloud yet: its code has no key",
            ));
        }
        let code: Code = serde_json::from_str(text)
            .map_err(|_| Error::invalid("this is not the code of a hub or a cloud"))?;
        if code.r#type.as_deref() != Some("sync_hub") {
            return Err(Error::invalid("this code is not a hub's"));
        }
        let (Some(hub_id), Some(key)) = (code.id, code.pk) else {
            return Err(Error::invalid(
                "the hub's code lacks its id or key: it could not be told from an impostor",
            ));
        };
        let fits = !hub_id.is_empty()
            && hub_id.len() <= super::ids::MAX_ID_BYTES
            && !hub_id.chars().any(char::is_control);
        if !fits {
            return Err(Error::invalid("the hub's id is not one"));
        }
        let url = code
            .url
            .ok_or(Error::invalid("the hub's code has no address"))?;
        Ok(Self::Hub(HubAddress {
            url: HubUrl::parse(&url)?,
            hub_id,
            public_key: HubPublicKey::parse(&key)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo";

    fn code(url: &str, more: &str) -> String {
        format!(r#"{{"type":"sync_hub","url":"{url}"{more}}}"#)
    }

    fn refusal(text: &str) -> &'static str {
        ScannedCode::parse(text).unwrap_err().detail()
    }

    #[test]
    fn a_hubs_code_has_address_id_and_key() {
        let more = format!(r#","id":"hub-1","pk":"{KEY}","later":1"#);
        let ScannedCode::Hub(hub) =
            ScannedCode::parse(&code("http://192.168.1.20:4001", &more)).unwrap()
        else {
            panic!("no hub");
        };
        assert_eq!(hub.url.as_str(), "http://192.168.1.20:4001");
        assert_eq!(hub.hub_id, "hub-1");
        assert_eq!(hub.public_key.to_text(), KEY);
        assert_eq!(hub.public_key.as_bytes()[..3], [0x85, 0x20, 0xf0]);
    }

    #[test]
    fn without_id_or_key_it_is_refused_and_told_why() {
        let url = "http://192.168.1.20:4001";
        for more in [
            String::new(),
            r#","id":"hub-1""#.to_owned(),
            format!(r#","pk":"{KEY}""#),
            format!(r#","id":null,"pk":"{KEY}""#),
        ] {
            assert!(refusal(&code(url, &more)).contains("impostor"), "{more}");
        }
        for bad in ["", "hub\u{7}"] {
            let more = format!(r#","id":{},"pk":"{KEY}""#, serde_json::json!(bad));
            assert!(refusal(&code(url, &more)).contains("id"), "{bad:?}");
        }
        assert!(refusal("http://192.168.1.20:4001").contains("not registered"));
        assert!(refusal(r#"{"type":"other"}"#).contains("not a hub's"));
        assert!(refusal("nothing").contains("not the code"));
        assert!(refusal("").contains("not the code"));
        assert!(refusal(&"x".repeat(5000)).contains("too long"));
    }

    #[test]
    fn a_clouds_code_is_recognised_and_pairs_nothing() {
        let ScannedCode::Cloud(url) = ScannedCode::parse(" HTTPS://cloud.example.org ").unwrap()
        else {
            panic!("no cloud");
        };
        assert_eq!(url.as_str(), "https://cloud.example.org");
        assert!(ScannedCode::parse("https://user@cloud.example.org").is_err());
    }

    #[test]
    fn a_key_is_32_bytes_and_not_zero() {
        let zero = URL_SAFE_NO_PAD.encode([0; 32]);
        let short = URL_SAFE_NO_PAD.encode([1; 31]);
        let long = URL_SAFE_NO_PAD.encode([1; 33]);
        let padded = format!("{KEY}=");
        for bad in [&zero, &short, &long, &padded, "", "!", &KEY[..42]] {
            assert!(HubPublicKey::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_private_link_local_and_loopback_addresses_are_hubs() {
        for good in [
            "http://10.0.0.1:4001",
            "http://172.16.0.1:4001",
            "http://172.31.255.254:4001",
            "http://192.168.1.20",
            "http://169.254.7.7:4001/",
            "http://127.0.0.1:4001",
            "http://[::1]:4001",
            "http://[fe80::1]:4001",
            "http://[fd12:3456::1]:4001",
            "http://[::ffff:192.168.1.20]:4001",
        ] {
            assert!(HubUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://8.8.8.8:4001",
            "http://172.32.0.1:4001",
            "http://100.64.0.1:4001",
            "http://0.0.0.0:4001",
            "http://192.168.1.20.evil.example:4001",
            "http://localhost:4001",
            "http://hub.local:4001",
            "http://[2001:db8::1]:4001",
            "http://[::ffff:8.8.8.8]:4001",
            "http://[fec0::1]:4001",
            "http://[::]:4001",
            "http://134744072:4001",
            "https://192.168.1.20:4001",
            "http://user@192.168.1.20:4001",
            "http://@192.168.1.20:4001",
            "http://192.168.1.20:4001/api",
            "http://192.168.1.20:4001/?a=1",
            "http://192.168.1.20:4001/#a",
            "192.168.1.20:4001",
            "",
        ] {
            assert!(HubUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
