//! Folders as they are on disk: which files, which bytes, a copy of all.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::{Doing as _, Result};

/// The SHA-256 of each file, by its path below the folder.
pub type Fingerprint = BTreeMap<PathBuf, [u8; 32]>;

/// All files below a folder, itself if it is a file; nothing if it is not there.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if folder.is_file() {
        found.push(folder.to_owned());
    } else if folder.is_dir() {
        for entry in fs::read_dir(folder).doing(folder.display())? {
            found.append(&mut list(&entry.doing(folder.display())?.path())?);
        }
    }
    found.sort();
    Ok(found)
}

/// What a folder holds, to compare with what it holds later.
pub fn fingerprint(folder: &Path) -> Result<Fingerprint> {
    list(folder)?
        .into_iter()
        .map(|path| {
            let bytes = fs::read(&path).doing(path.display())?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            Ok((name, Sha256::digest(bytes).into()))
        })
        .collect()
}

/// The names in the first that are not in the second.
pub fn added(now: &Fingerprint, before: &Fingerprint) -> Vec<String> {
    now.keys()
        .filter(|path| !before.contains_key(*path))
        .map(|path| path.display().to_string())
        .collect()
}

/// Copies a folder and all below it.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).doing(to.display())?;
    for entry in fs::read_dir(from).doing(from.display())? {
        let entry = entry.doing(from.display())?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).doing(target.display())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_the_same_until_one_byte_changes() {
        let home = tempfile::tempdir().unwrap();
        let (from, to) = (home.path().join("from"), home.path().join("to"));
        fs::create_dir_all(from.join("deep")).unwrap();
        fs::write(from.join("a"), "1").unwrap();
        fs::write(from.join("deep/b"), "22").unwrap();
        copy(&from, &to).unwrap();
        let before = fingerprint(&from).unwrap();
        assert_eq!(before.len(), 2);
        assert_eq!(before, fingerprint(&to).unwrap());
        fs::write(to.join("deep/b"), "23").unwrap();
        assert_ne!(before, fingerprint(&to).unwrap());
        fs::write(to.join("c"), "").unwrap();
        assert_eq!(added(&fingerprint(&to).unwrap(), &before), ["c"]);
    }
}
