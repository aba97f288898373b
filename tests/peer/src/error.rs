//! Why a peer did not start, or could not do what a test asked of it.

use std::fmt;

/// Why a peer did not start, or could not do what a test asked of it.
#[derive(Debug)]
pub enum StartError {
    /// Files or sockets.
    Io(std::io::Error),
    /// The database.
    Database(rusqlite::Error),
    /// The certificates.
    Certificate(rcgen::Error),
    /// The TLS settings.
    Tls(rustls::Error),
    /// The certificate authority of a hub's cloud is not a certificate in PEM form.
    Authority,
    /// The hub's HTTP client.
    Client(reqwest::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "files or sockets: {error}"),
            Self::Database(error) => write!(f, "database: {error}"),
            Self::Certificate(error) => write!(f, "certificates: {error}"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::Authority => f.write_str("the cloud's authority is not a certificate"),
            Self::Client(error) => write!(f, "HTTP client: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<std::io::Error> for StartError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for StartError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<rcgen::Error> for StartError {
    fn from(error: rcgen::Error) -> Self {
        Self::Certificate(error)
    }
}

impl From<rustls::Error> for StartError {
    fn from(error: rustls::Error) -> Self {
        Self::Tls(error)
    }
}
