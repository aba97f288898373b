//! A vault in the hands of somebody with other keys: refused, and left as it was.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Stage;
use crate::error::{Doing as _, Error, Result};
use crate::files;
use crate::tablet::{End, Then};

impl Stage<'_> {
    /// A copy of tablet 1's vault, with tablet 2's keys as they are (its secret is missing there),
    /// and with tablet 2's secret in the place of its own (one is there, but the wrong one).
    pub(super) fn foreign_keys_open_nothing(&mut self) -> Result<()> {
        let copy = self.folder.join("copy-of-vault-1");
        files::copy(&self.tablet(1).vault, &copy).doing("a copy of vault 1")?;
        let swapped = self.swapped_keys()?;
        let foreign = self.tablet(2).keys.clone();
        let mut wrong = Vec::new();
        let mut codes = Vec::new();
        for (keys, expected) in [(&foreign, "key_lost"), (&swapped, "key_mismatch")] {
            let before = (files::fingerprint(&copy)?, files::fingerprint(keys)?);
            let code = self.open(&copy, keys)?;
            if code != expected {
                wrong.push(format!("a vault with foreign keys: {code}, not {expected}"));
            }
            if before != (files::fingerprint(&copy)?, files::fingerprint(keys)?) {
                wrong.push(format!("the attempt that ended with {code} changed files"));
            }
            codes.push(code);
        }
        // It is the keys, not the copying: with its own the copy opens.
        let own = self.tablet(1).keys.clone();
        let code = self.open(&copy, &own)?;
        if code != "opened" {
            wrong.push(format!("the copy does not open with its own keys: {code}"));
        }
        let rests_on = format!(
            "a copy of tablet 1's vault with tablet 2's keys: {}; with tablet 2's secret in the \
             place of its own: {}; no byte of vault or keys changed; with its own keys it opens",
            codes[0], codes[1]
        );
        self.report
            .facts
            .insert("foreign_keys".to_owned(), json!({"codes": codes}));
        self.report.prove("wrong_key_refused", wrong, rests_on);
        Ok(())
    }

    /// How opening a vault with some keys ends.
    fn open(&self, vault: &Path, keys: &Path) -> Result<String> {
        let tablet = self.tablet(1).with(vault, keys);
        let end = tablet.attempt(&["status"], &mut |_| Then::GoOn)?;
        Ok(match end {
            End::Refused(error) => error["code"].as_str().unwrap_or("?").to_owned(),
            End::Answer(_) => "opened".to_owned(),
            End::Killed => "killed".to_owned(),
        })
    }

    /// Tablet 1's key folder with every secret replaced by tablet 2's.
    fn swapped_keys(&self) -> Result<PathBuf> {
        let folder = self.folder.join("keys-1-with-the-secret-of-2");
        files::copy(&self.tablet(1).keys, &folder)?;
        let [secret] = &secrets(&self.tablet(2).keys)?[..] else {
            return Err(Error::new("tablet 2 has not exactly one device secret"));
        };
        for path in secrets(&folder)? {
            fs::copy(secret, &path).doing(path.display())?;
        }
        Ok(folder)
    }
}

/// The files of a key folder that hold a secret; the lock beside them is empty.
fn secrets(keys: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in files::list(keys)? {
        if fs::metadata(&path).doing(path.display())?.len() > 0 {
            found.push(path);
        }
    }
    Ok(found)
}
