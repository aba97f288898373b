//! The transport room: everything that touches the network.
//!
//! It owns TLS, HTTP, the cloud's and the hub's calls and the form that records have on the wire. It knows no
//! database and no sync rules: it hands rows to a sink, and sends the rows that it is given. No
//! text of a server or of a dependency leaves it.

mod cloud;
mod failure;
mod feed;
mod http;
mod hub;
mod limits;
mod network;
mod rpc;
mod sign_in;
#[cfg(any(test, feature = "test-support"))]
mod text_peer;
mod tls;
mod wire;

#[cfg(test)]
mod cancel_tests;
#[cfg(test)]
mod cloud_tests;
#[cfg(test)]
mod generator_tests;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod test_sockets;
#[cfg(test)]
mod tls_matrix_tests;
#[cfg(test)]
mod token_tests;

#[cfg(any(test, feature = "test-support"))]
pub(crate) use hub::check_decoder as check_hub_decoder;
#[cfg(any(test, feature = "test-support"))]
pub(crate) use wire::check_decoder as check_pull_decoder;

pub use cloud::{CloudClient, CloudPeer};
pub use hub::{HubClient, HubLogin, HubParts, HubPeer, HubSignIn, HubToken};
pub use limits::TimeLimits;
pub use network::Network;
#[cfg(any(test, feature = "test-support"))]
pub use text_peer::{Pushed, TextPeer};
