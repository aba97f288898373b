//! Where a test makes the disk fail: told of each step that the vault's files take, before it is
//! taken. In every other build it is nothing.

use std::io;
use std::path::Path;

/// What is about to be done with a path.
#[cfg_attr(
    not(any(test, feature = "test-support")),
    allow(dead_code, reason = "only tests look at it")
)]
#[derive(Clone, Copy, Debug)]
pub enum DiskStep<'a> {
    /// It is looked at or read.
    Look,
    /// These bytes are written into it; it is empty.
    Write(&'a [u8]),
    /// Its content is made durable.
    Sync,
    /// It gets this name, in place of what had it.
    Rename(&'a Path),
    /// It is removed, with all that is in it.
    Remove,
    /// The names in this directory are made durable.
    SyncNames,
}

#[cfg(not(any(test, feature = "test-support")))]
pub(super) const fn before(_: DiskStep<'_>, _: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(any(test, feature = "test-support"))]
pub(super) fn before(step: DiskStep<'_>, path: &Path) -> io::Result<()> {
    crate::test_support::before_disk_step(step, path)
}
