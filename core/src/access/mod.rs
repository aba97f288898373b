//! Who may use the vault, and for how long. Rules only: no database, no keys, no network.

pub mod idle;
pub mod integrity;
