//! An encrypted temporary file that holds a pull until it is applied.
//!
//! Takes changes in the order they come and gives them back with all upserts first, then all
//! deletions: one file for each. Memory stays at a few blocks, whatever the pull holds. The key
//! exists in memory alone, so that a file left behind by a crash is noise. Never reads a file that
//! it did not write.

mod blocks;
mod codec;
mod reading;
mod writing;

pub use crate::spool_file::remove_leftovers;
pub use reading::SpoolReader;
pub use writing::Spool;

#[cfg(test)]
mod tests;
