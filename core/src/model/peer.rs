//! A cloud peer's address and the person signed in to it.

use std::fmt;

use crate::error::{Error, Result};
use crate::secret::SecretText;

/// The address of a cloud server: https, a host, perhaps a port, and nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpsUrl(String);

impl HttpsUrl {
    /// Checks an address. `http`, user information, a path, a query or a fragment are refused.
    pub fn parse(text: &str) -> Result<Self> {
        const MAX_BYTES: usize = 2048;
        if text.len() > MAX_BYTES {
            return Err(Error::invalid("the address is too long"));
        }
        let url = url::Url::parse(text).map_err(|_| Error::invalid("the address is not a URL"))?;
        if url.scheme() != "https" {
            return Err(Error::invalid("the address must begin with https://"));
        }
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(Error::invalid(
                "the address must not hold a user name or password",
            ));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(Error::invalid(
                "the address must be a host alone, without path or query",
            ));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(Error::invalid("the address has no host"));
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where the cloud is, and whom to trust.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CloudAddress {
    /// The server.
    pub url: HttpsUrl,
    /// The one certificate authority to trust, as PEM, in place of the public web's roots.
    pub private_ca_pem: Option<String>,
}

/// E-mail and password.
#[derive(Debug)]
pub struct Credentials {
    /// Compared by the server with regard to case.
    pub email: String,
    /// Kept only inside the vault.
    pub password: SecretText,
}

impl Credentials {
    /// Checks what a server could never accept.
    pub fn new(email: String, password: SecretText) -> Result<Self> {
        const MAX_BYTES: usize = 1024;
        if email.trim().is_empty() || password.expose().is_empty() {
            return Err(Error::invalid("e-mail and password are needed"));
        }
        if email.len() > MAX_BYTES || password.expose().len() > MAX_BYTES {
            return Err(Error::invalid("e-mail or password is too long"));
        }
        if email.chars().any(char::is_control) || password.expose().contains('\0') {
            return Err(Error::invalid(
                "e-mail or password holds a control character",
            ));
        }
        Ok(Self { email, password })
    }

    /// Whether the cloud's sync can take them with each call. It cuts the decoded
    /// `e-mail:password` at every colon, so such a password signs in but never syncs: refused here,
    /// with that reason. A token, or a hub, has no such limit.
    pub fn check_for_sync(&self) -> Result<()> {
        if self.email.contains(':') || self.password.expose().contains(':') {
            return Err(Error::invalid(
                "the server cannot sync with a colon in the e-mail or password: change the password",
            ));
        }
        Ok(())
    }
}

/// How a device proves to the cloud who is syncing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum SyncProof {
    /// The password, kept inside the vault: works for as long as it is not changed.
    #[default]
    Password,
    /// A token of 24 hours; the password is not kept, and somebody has to sign in every day.
    Token,
}

/// What proves to the cloud who is asking, for 24 hours. Not renewed by use.
pub struct CloudToken {
    /// The token itself.
    pub text: SecretText,
    /// When it was given, by the device's clock.
    pub since_ms: i64,
}

/// What is kept to prove to a server who is syncing.
#[derive(Debug)]
pub enum Proof {
    /// E-mail and password.
    Password(Credentials),
    /// The cloud's token, on routes of its own.
    Token(CloudToken),
    /// Nothing: the person signed in at a hub, whose token is kept with it.
    Nothing,
}

impl fmt::Debug for CloudToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudToken")
            .field("since_ms", &self.since_ms)
            .finish_non_exhaustive()
    }
}

/// The signed-in person, as the server described them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their role; unknown text is a role without privileges.
    pub role: String,
    /// Their home clinic.
    pub clinic_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bare_https_host_is_an_address() {
        for good in [
            "https://clinic.example",
            "https://clinic.example/",
            "https://127.0.0.1:8443",
        ] {
            assert!(HttpsUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://clinic.example",
            "https://user@clinic.example",
            "https://user:pw@clinic.example",
            "https://@clinic.example",
            "https://clinic.example/api",
            "https://clinic.example/?a=1",
            "https://clinic.example/#a",
            "https://",
            "clinic.example",
            "ftp://clinic.example",
            "",
        ] {
            assert!(HttpsUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_colon_in_the_password_is_explained() {
        let new = |e: &str, p: &str| Credentials::new(e.into(), SecretText::new(p.into()));
        let sync = |e: &str, p: &str| new(e, p).unwrap().check_for_sync();
        assert!(sync("a@b.c", "pass word").is_ok());
        for (email, password) in [("a@b.c", "pass:word"), ("a:@b.c", "password")] {
            let error = sync(email, password).unwrap_err();
            assert!(error.detail().contains("colon"));
        }
        assert!(new("", "x").is_err());
        assert!(new("a@b.c", "").is_err());
    }
}
