//! Landlock: a program that restricts itself, or is restricted by what starts it, to named files, TCP ports and
//! neighbours (`landlock(7)`). Each right has the ABI that brought it; one that the kernel lacks is refused by name.
//!
//! The system calls are made here: the `landlock` crate hides the kernel's ABI on purpose and leaves out what the
//! kernel lacks, and a control must do neither.

mod kernel;
mod ruleset;

pub(crate) use kernel::restrict;
pub use kernel::{Abi, abi};
pub use ruleset::Ruleset;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a control says. A right that it does not name is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Landlock {
    /// Rights on files, or groups of them, with the paths beneath which they are given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paths: BTreeMap<String, Vec<PathBuf>>,
    /// Rights on TCP ports with the ports for which they are given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ports: BTreeMap<String, Vec<u16>>,
    /// What is out of reach outside of the program's own domain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
}

/// Something that can be restricted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Right {
    /// The kernel's name in small letters, without its prefix.
    pub name: &'static str,
    /// The ABI that brought it.
    pub abi: u32,
    /// Its bit.
    pub bit: u64,
}

const fn right(name: &'static str, abi: u32, number: u32) -> Right {
    Right { name, abi, bit: 1 << number }
}

/// Rights on files (`LANDLOCK_ACCESS_FS_…`).
pub const FILE_RIGHTS: [Right; 16] = [
    right("execute", 1, 0),
    right("write_file", 1, 1),
    right("read_file", 1, 2),
    right("read_dir", 1, 3),
    right("remove_dir", 1, 4),
    right("remove_file", 1, 5),
    right("make_char", 1, 6),
    right("make_dir", 1, 7),
    right("make_reg", 1, 8),
    right("make_sock", 1, 9),
    right("make_fifo", 1, 10),
    right("make_block", 1, 11),
    right("make_sym", 1, 12),
    right("refer", 2, 13),
    right("truncate", 3, 14),
    right("ioctl_dev", 5, 15),
];

/// Rights on TCP ports (`LANDLOCK_ACCESS_NET_…`).
pub const PORT_RIGHTS: [Right; 2] = [right("bind_tcp", 4, 0), right("connect_tcp", 4, 1)];

/// Scopes (`LANDLOCK_SCOPE_…`).
pub const SCOPES: [Right; 2] = [right("abstract_unix_socket", 6, 0), right("signal", 6, 1)];

/// What two short words stand for.
const GROUPS: [(&str, &[&str]); 2] = [
    ("read", &["read_file", "read_dir"]),
    (
        "write",
        &[
            "write_file",
            "truncate",
            "make_char",
            "make_dir",
            "make_reg",
            "make_sock",
            "make_fifo",
            "make_block",
            "make_sym",
            "remove_dir",
            "remove_file",
            "refer",
        ],
    ),
];

/// The words for rights on files: groups first.
pub fn file_words() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().map(|(name, _)| *name).chain(FILE_RIGHTS.iter().map(|right| right.name))
}

/// The rights on files that `word` stands for; none where it is no such word.
fn rights(word: &str) -> Vec<Right> {
    let names = GROUPS.iter().find(|(name, _)| *name == word).map(|(_, names)| *names);
    FILE_RIGHTS
        .into_iter()
        .filter(|right| names.map_or(right.name == word, |names| names.contains(&right.name)))
        .collect()
}

/// The bit of a right on files.
///
/// # Panics
/// Where there is no such right.
pub const fn bit(name: &str) -> u64 {
    let mut at = 0;
    while at < FILE_RIGHTS.len() {
        if same(FILE_RIGHTS[at].name, name) {
            return FILE_RIGHTS[at].bit;
        }
        at += 1;
    }
    panic!("no such right")
}

const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests;
