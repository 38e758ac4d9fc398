//! Access to paths as service managers and container runtimes give it: some are read-only, some are not after all, from
//! some nothing is executed, some are out of reach. Of several rules the one of the longest path decides, of two for
//! one path the stricter.

use super::hardening::{Place, Problem, Steps};
use super::{hardening::Mount, mounts};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathRule {
    /// The path; what is below it too.
    pub path: PathBuf,
    /// What becomes of it.
    pub access: Access,
    /// It may be missing: then the rule does nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub optional: bool,
}

/// What becomes of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Not to be written to.
    ReadOnly,
    /// To be written to, inside of what is not.
    ReadWrite,
    /// Not to be executed from.
    Noexec,
    /// To be executed from, inside of what is not.
    Exec,
    /// Covered by a file or folder without any permission.
    Inaccessible,
    /// Covered by an empty file or folder that anybody may read.
    Masked,
    /// Covered by an empty folder.
    Empty,
    /// Covered by an empty folder that can't be written to.
    EmptyReadOnly,
}

/// How a path is covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cover {
    /// Without any permission.
    Inaccessible,
    /// By an empty file or folder.
    Masked,
    /// By an empty folder; true: a read-only one.
    Empty(bool),
}

/// What rules say of one path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flags {
    pub read_only: Option<bool>,
    pub noexec: Option<bool>,
    pub cover: Option<Cover>,
    /// No rule needs the path to be there.
    pub optional: bool,
}

/// Rules decided: by path, without those that change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub(crate) by_path: BTreeMap<PathBuf, Flags>,
}

impl Rules {
    /// What holds for `path`: the flags of the longest rule that has them.
    fn of(&self, path: &Path) -> Flags {
        let mut flags = Flags::default();
        for (_, rule) in self.by_path.iter().filter(|(root, _)| path.starts_with(root)) {
            // in the order of paths, so that a longer one comes later
            flags.read_only = rule.read_only.or(flags.read_only);
            flags.noexec = rule.noexec.or(flags.noexec);
            flags.cover = rule.cover.or(flags.cover);
        }
        flags
    }

    /// Whether `path` can't be written to because of them.
    pub fn is_read_only(&self, path: &Path) -> bool {
        let flags = self.of(path);
        flags.read_only == Some(true) || flags.cover == Some(Cover::Empty(true))
    }

    /// Whether nothing is executed from `path` because of them.
    pub fn is_noexec(&self, path: &Path) -> bool {
        self.of(path).noexec == Some(true)
    }

    /// Whether `path` is covered by something else.
    pub fn is_covered(&self, path: &Path) -> bool {
        self.of(path).cover.is_some()
    }

    /// Whether what covers `path` is at that very place.
    pub fn covers(&self, path: &Path) -> bool {
        self.by_path.get(path).is_some_and(|flags| flags.cover.is_some())
    }

    /// The flags that the mount at `path` gets: read-only, noexec.
    pub(crate) fn at_mount(&self, path: &Path) -> (bool, bool) {
        let flags = self.of(path);
        (flags.read_only == Some(true), flags.noexec == Some(true))
    }

    /// The same with each path as `resolve` has it.
    pub(crate) fn resolved(&self, resolve: impl Fn(&Path) -> PathBuf) -> Rules {
        Rules { by_path: self.by_path.iter().map(|(path, flags)| (resolve(path), *flags)).collect() }
    }
}

/// Decides `rules` for the root file system of `place`; what is done, in words.
pub(super) fn decide(
    steps: &mut Steps,
    rules: &[PathRule],
    place: Place<'_>,
) -> Result<(Rules, Vec<String>), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut made = Rules::default();
    for rule in rules {
        match mounts::existing(std::slice::from_ref(&rule.path), place) {
            Ok(_) => {
                let begin = Flags { optional: true, ..Flags::default() };
                let flags = made.by_path.entry(rule.path.clone()).or_insert(begin);
                flags.optional &= rule.optional;
                add(flags, rule.access);
            }
            Err(found) => {
                let missing = mounts::is_plain(&rule.path);
                problems.extend(found.into_iter().filter(|_| !(rule.optional && missing)));
            }
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let covered: Vec<PathBuf> = made
        .by_path
        .iter()
        .filter(|(_, flags)| flags.cover.is_some())
        .map(|(path, _)| path.clone())
        .collect();
    made.by_path.retain(|path, _| !covered.iter().any(|root| path != root && path.starts_with(root)));
    steps.mounts.push(Mount::Rules(made.clone()));
    let words = made.by_path.iter().map(|(path, flags)| format!("{}: {}", words(*flags), path.display()));
    let words = words.collect();
    Ok((made, words))
}

fn add(flags: &mut Flags, access: Access) {
    match access {
        Access::ReadOnly => flags.read_only = Some(true),
        Access::ReadWrite => flags.read_only = flags.read_only.or(Some(false)),
        Access::Noexec => flags.noexec = Some(true),
        Access::Exec => flags.noexec = flags.noexec.or(Some(false)),
        Access::Inaccessible => flags.cover = Some(Cover::Inaccessible),
        Access::Masked if flags.cover != Some(Cover::Inaccessible) => flags.cover = Some(Cover::Masked),
        Access::Masked => {}
        Access::Empty => flags.cover = flags.cover.or(Some(Cover::Empty(false))),
        Access::EmptyReadOnly => {
            flags.cover = match flags.cover {
                Some(stricter @ (Cover::Inaccessible | Cover::Masked)) => Some(stricter),
                _ => Some(Cover::Empty(true)),
            };
        }
    }
}

fn words(flags: Flags) -> String {
    let words = [
        flags.cover.map(|cover| match cover {
            Cover::Inaccessible => "inaccessible",
            Cover::Masked => "masked",
            Cover::Empty(false) => "empty",
            Cover::Empty(true) => "empty and read-only",
        }),
        flags.read_only.map(|read_only| if read_only { "read-only" } else { "writable" }),
        flags.noexec.map(|noexec| if noexec { "noexec" } else { "executable" }),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[(&str, Access)]) -> Rules {
        let mut made = Rules::default();
        for (path, access) in list {
            add(made.by_path.entry(PathBuf::from(path)).or_default(), *access);
        }
        made
    }

    #[test]
    fn the_longest_path_decides_for_each_flag_by_itself() {
        let rules = rules(&[
            ("/", Access::ReadOnly),
            ("/var/lib", Access::ReadWrite),
            ("/var", Access::Noexec),
            ("/var/lib/x", Access::ReadOnly),
        ]);
        assert!(rules.is_read_only(Path::new("/var/log")));
        assert!(!rules.is_read_only(Path::new("/var/lib/y")) && rules.is_noexec(Path::new("/var/lib/y")));
        assert!(rules.is_read_only(Path::new("/var/lib/x/z")));
        assert!(!rules.is_noexec(Path::new("/usr")));
    }

    #[test]
    fn of_two_rules_for_one_path_the_stricter_holds_in_either_order() {
        for pair in [[Access::ReadWrite, Access::ReadOnly], [Access::ReadOnly, Access::ReadWrite]] {
            assert!(rules(&[("/a", pair[0]), ("/a", pair[1])]).is_read_only(Path::new("/a")));
        }
        for pair in [[Access::Empty, Access::Inaccessible], [Access::Inaccessible, Access::EmptyReadOnly]] {
            let rules = rules(&[("/a", pair[0]), ("/a", pair[1])]);
            assert_eq!(rules.by_path[Path::new("/a")].cover, Some(Cover::Inaccessible));
        }
    }
}
