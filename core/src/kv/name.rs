//! A namespace's name or a key, wiped when dropped, to be looked up by `&str`.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};

use zeroize::Zeroizing;

#[derive(PartialEq, Eq)]
pub(super) struct Name(Zeroizing<String>);

impl Name {
    pub(super) fn new(name: impl Into<String>) -> Self {
        Self(Zeroizing::new(name.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
