//! Groups of system calls by name (`@system-service`), as systemd lists them.

use std::collections::BTreeSet;

const GROUPS: &str = include_str!("syscalls.txt");

/// The names of all groups.
pub(super) fn groups() -> impl Iterator<Item = &'static str> {
    lines().filter_map(|line| line.split(' ').next())
}

fn lines() -> impl Iterator<Item = &'static str> {
    GROUPS.lines().filter(|line| line.starts_with('@'))
}

/// The calls of a group, with those of the groups in it; none where there is no such group.
pub(super) fn group(name: &str) -> Option<BTreeSet<&'static str>> {
    let line = lines().find(|line| line.split(' ').next() == Some(name))?;
    let mut calls = BTreeSet::new();
    for word in line.split(' ').skip(1) {
        if word.starts_with('@') {
            calls.extend(group(word)?);
        } else {
            calls.insert(word);
        }
    }
    Some(calls)
}

/// Whether systemd knows a call of this name.
pub(super) fn is_known(call: &str) -> bool {
    lines().any(|line| line.split(' ').skip(1).any(|known| known == call))
}
