//! What the demo shares with tests: the search for words that must be nowhere.

pub mod canary;
pub mod error;
pub mod files;
