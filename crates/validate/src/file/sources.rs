//! Where attacks come from that a validation names, beside its own folder.

use super::AtomicSource;
use crate::pattern::Library;
use std::sync::OnceLock;

/// Where named attacks come from.
#[derive(Debug, Default)]
pub struct Sources {
    /// A checkout of Atomic Red Team.
    pub atomics: Option<AtomicSource>,
    library: OnceLock<Library>,
}

impl Sources {
    /// With `library` in place of the patterns that ship alone.
    pub fn with(library: Library) -> Self {
        Sources { atomics: None, library: library.into() }
    }

    /// The patterns that can be named. Those that ship are read when the first one is.
    pub(super) fn library(&self) -> &Library {
        self.library.get_or_init(Library::shipped)
    }
}
