//! The command line of the runner's protocol: a case, then `--name value` pairs.

use std::path::{Path, PathBuf};

use crate::Result;

/// What the process was called with.
pub(crate) struct Arguments(Vec<String>);

impl Arguments {
    pub(crate) fn of_process() -> Self {
        Self(std::env::args().skip(1).collect())
    }

    /// The case, such as `find_10000`.
    pub(crate) fn case(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The value of an option.
    pub(crate) fn option(&self, name: &str) -> Option<&str> {
        let at = self
            .0
            .iter()
            .position(|a| a.strip_prefix("--") == Some(name))?;
        self.0.get(at + 1).map(String::as_str)
    }

    /// The path of an option that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<PathBuf> {
        let value = self
            .option(name)
            .ok_or_else(|| format!("--{name} is missing"))?;
        Ok(PathBuf::from(value))
    }

    /// How many times each case runs.
    pub(crate) fn runs(&self) -> Result<usize> {
        Ok(self.option("runs").unwrap_or("5").parse::<usize>()?.max(1))
    }

    /// The database file.
    pub(crate) fn database(&self) -> Result<PathBuf> {
        self.required("db")
    }

    /// A file of the data.
    pub(crate) fn data(&self, name: &str) -> Result<PathBuf> {
        Ok(self.required("data")?.join(name))
    }

    pub(crate) fn read(&self, name: &str) -> Result<String> {
        let path = self.data(name)?;
        std::fs::read_to_string(&path).map_err(|e| named(&path, &e))
    }

    pub(crate) fn json(&self, name: &str) -> Result<serde_json::Value> {
        Ok(serde_json::from_str(&self.read(name)?)?)
    }
}

/// Says which file could not be used.
pub(crate) fn named(path: &Path, error: &std::io::Error) -> crate::Failure {
    format!("{}: {error}", path.display()).into()
}
