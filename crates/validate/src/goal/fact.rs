//! Facts that a condition can ask about.

use std::fmt;

/// A named fact, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fact {
    /// Its name.
    pub name: FactName,
    /// Its arguments as text: a path or pattern of paths, an address, a user id.
    pub args: Vec<String>,
}

/// The names of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactName {
    /// `created(PATH)`: a file, folder, link or node came to be.
    Created,
    /// `changed(PATH)`: content or attributes were changed.
    Changed,
    /// `removed(PATH)`: it was deleted, or renamed away.
    Removed,
    /// `read(PATH)`: it was opened for reading.
    Read,
    /// `ran(PATH)`: it was executed.
    Ran,
    /// `connected(ADDRESS[:PORT])` or `connected(ADDRESS, PORT)`: a connection was made.
    Connected,
    /// `wrote(PATH)`: bytes were written to it.
    Wrote,
    /// `uid_gained(UID)`: a process of the artifact took on that effective user id, which it began without.
    UidGained,
    /// `executed`: the artifact's own code ran.
    Executed,
    /// `persists()`, `persists(WHAT)`: something was installed that runs again, or that lets somebody in; WHAT is its
    /// mechanism, its technique, or its file.
    Persists,
    /// `exfiltrated(BAIT)`: that bait's value was seen leaving; without a name, any.
    Exfiltrated,
    /// `behaviour(ID)`: a behaviour that ships with Detektr took effect.
    Behaviour,
}

impl FactName {
    /// Every name, as written.
    pub const ALL: [(&'static str, FactName); 12] = [
        ("created", FactName::Created),
        ("changed", FactName::Changed),
        ("removed", FactName::Removed),
        ("read", FactName::Read),
        ("ran", FactName::Ran),
        ("connected", FactName::Connected),
        ("wrote", FactName::Wrote),
        ("uid_gained", FactName::UidGained),
        ("executed", FactName::Executed),
        ("persists", FactName::Persists),
        ("exfiltrated", FactName::Exfiltrated),
        ("behaviour", FactName::Behaviour),
    ];

    /// The name as written.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, fact)| *fact == self).map_or("", |(name, _)| name)
    }

    /// The fact of that name.
    pub fn from_name(name: &str) -> Option<FactName> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, fact)| *fact)
    }

    /// Whether it is about a path of the environment.
    pub fn takes_path(self) -> bool {
        use FactName::{Changed, Created, Ran, Read, Removed, Wrote};
        matches!(self, Created | Changed | Removed | Read | Ran | Wrote)
    }
}

/// Whether `wanted` is the technique `known`, or the one that it is a part of.
pub(crate) fn is_technique(wanted: &str, known: &str) -> bool {
    known.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let args: Vec<String> =
            self.args.iter().map(|arg| if number(arg) { arg.clone() } else { format!("'{arg}'") }).collect();
        write!(f, "{}({})", self.name.name(), args.join(", "))
    }
}
