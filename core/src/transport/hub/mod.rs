//! The hub, a local server that speaks plain HTTP: pairing, the sealed channel, sync.
//!
//! All that is secret goes through the sealed channel, whose key is derived from the public key of
//! the hub's QR code, never from what a reply says. A sealed `ping` comes back before a password is
//! sent. What is not authenticated, errors above all, is a hint: it leads to one new attempt at
//! most, never to a deletion. The hub's plain routes are not known here.

mod channel;
mod client;
mod envelope;
mod gcm;
mod hint;
mod keys;
mod login;
mod peer;
mod session;
mod store;

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod limits_tests;
#[cfg(test)]
mod reply_tests;
#[cfg(test)]
mod test_device;
#[cfg(test)]
mod test_hub;
#[cfg(test)]
mod vector_tests;

pub use client::{HubClient, HubParts};
pub use login::{HubSignIn, HubToken};
pub use peer::{HubLogin, HubPeer};

#[cfg(any(test, feature = "test-support"))]
pub(crate) use channel::check_decoder;
