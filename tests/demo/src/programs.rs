//! Where the programs are that the driver starts.

use std::path::{Path, PathBuf};

use crate::error::{Doing as _, Error, Result};

/// The programs.
#[derive(Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// In the given folder, or beside this program.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let folder = match given {
            Some(folder) => folder.to_owned(),
            None => std::env::current_exe()
                .doing("this program's own place is unknown")?
                .parent()
                .map(Path::to_owned)
                .unwrap_or_default(),
        };
        Ok(Self { folder })
    }

    /// The tablet.
    pub fn tablet(&self) -> Result<PathBuf> {
        self.program("amana-tablet")
    }

    /// The reference server.
    pub fn peer(&self) -> Result<PathBuf> {
        self.program("amana-peer")
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        let path = self
            .folder
            .join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        if path.is_file() {
            return Ok(path);
        }
        Err(Error::new(format!(
            "{name} is not in {}: build it there (cargo build -p {name}), or give its folder with \
             --programs or AMANA_PROGRAMS",
            self.folder.display()
        )))
    }
}
