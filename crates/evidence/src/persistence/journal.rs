//! Which events made what lies where persistence is kept: taken while the artifact runs.

use detektr_event::{Access, Actor, Detail, Event, FilePath};
use std::collections::{BTreeMap, BTreeSet};

/// The most events that are kept of one path, and the most paths.
const EVENTS: usize = 32;
const PATHS: usize = 65_536;

/// Beginnings of paths at which a system keeps what it starts by itself.
const PLACES: [&str; 40] = [
    "/etc/at",
    "/etc/bash",
    "/etc/cron",
    "/etc/environment",
    "/etc/gitconfig",
    "/etc/group",
    "/etc/gshadow",
    "/etc/init.d/",
    "/etc/ld.so.preload",
    "/etc/modprobe.d/",
    "/etc/modules",
    "/etc/pam",
    "/etc/passwd",
    "/etc/profile",
    "/etc/rc",
    "/etc/shadow",
    "/etc/ssh/",
    "/etc/sudoers",
    "/etc/systemd/",
    "/etc/udev/",
    "/etc/update-motd.d/",
    "/etc/xdg/",
    "/etc/zsh",
    "/etc/zprofile",
    "/etc/zlog",
    "/lib/systemd/",
    "/lib/udev/",
    "/run/systemd/",
    "/run/udev/",
    "/usr/lib/modules-load.d/",
    "/usr/lib/systemd/",
    "/usr/lib/udev/",
    "/usr/local/lib/systemd/",
    "/usr/local/share/systemd/",
    "/usr/share/systemd/",
    "/var/lib/systemd/linger/",
    "/var/spool/at",
    "/var/spool/cron",
    "/var/lib/at",
    "/usr/share/pam",
];
/// Parts of paths that are the same in every home or repository.
const PARTS: [&str; 10] = [
    "/.bash",
    "/.profile",
    "/.z",
    "/.ssh/",
    "/.config/systemd/",
    "/.config/autostart/",
    "/.local/share/systemd/",
    "/.gitconfig",
    "/.config/git/",
    "/.git/",
];

/// Events by the path that they changed.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    made: BTreeMap<String, Vec<u64>>,
    written: BTreeSet<String>,
    unlinked: BTreeMap<String, u64>,
}

impl Journal {
    /// Takes the next event of the artifact's own phase.
    pub fn event(&mut self, event: &Event) {
        let artifact = event.process.as_ref().is_some_and(|process| process.actor == Actor::Artifact);
        if !artifact || !event.outcome.is_success() {
            return;
        }
        match &event.detail {
            Detail::FileCreate { file } => self.note(&file.path, event.seq, true),
            Detail::FileOpen { file } if matches!(file.access, Access::Write | Access::ReadWrite) => {
                self.note(&file.path, event.seq, false);
            }
            Detail::FileWrite { file } if file.bytes > 0 || file.mapped => {
                self.note(&file.path, event.seq, true);
            }
            Detail::FileRename { file } => {
                self.note(&file.to, event.seq, true);
                self.gone(&file.path);
            }
            Detail::FileLink { file } | Detail::FileSymlink { file } => {
                self.note(&file.path, event.seq, true);
            }
            Detail::FileUnlink { file } => {
                if let Some(path) = concerned(&file.path) {
                    self.unlinked.insert(path.to_owned(), event.seq);
                }
            }
            Detail::FileChmod { file } if file.mode.is_some_and(|mode| mode & 0o6000 != 0) => {
                if let Some(path) = plain(&file.path) {
                    self.keep(path.to_owned(), event.seq);
                }
            }
            Detail::FileChmod { file } | Detail::FileChown { file } => {
                self.note(&file.path, event.seq, false);
            }
            Detail::FileTruncate { file } => self.note(&file.path, event.seq, true),
            _ => {}
        }
    }

    /// The numbers of the events that made what lies at `path`.
    pub fn made(&self, path: &str) -> Vec<u64> {
        self.made.get(path).cloned().unwrap_or_default()
    }

    /// Paths that were written and then unlinked, with the number of the event that did it.
    pub fn taken_away(&self) -> impl Iterator<Item = (&str, u64)> {
        let written = |(path, _): &(&String, &u64)| self.written.contains(*path);
        self.unlinked.iter().filter(written).map(|(path, seq)| (path.as_str(), *seq))
    }

    /// Paths that were written.
    pub fn written(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(String::as_str)
    }

    fn note(&mut self, path: &FilePath, seq: u64, written: bool) {
        let Some(path) = concerned(path).map(str::to_owned) else { return };
        self.unlinked.remove(&path);
        if written && self.written.len() < PATHS {
            self.written.insert(path.clone());
        }
        self.keep(path, seq);
    }

    fn keep(&mut self, path: String, seq: u64) {
        if self.made.len() < PATHS || self.made.contains_key(&path) {
            let events = self.made.entry(path).or_default();
            if events.len() < EVENTS {
                events.push(seq);
            }
        }
    }

    /// A name that was given to another place was a step on the way, and no entry of its own.
    fn gone(&mut self, path: &FilePath) {
        if let Some(path) = concerned(path) {
            self.written.remove(path);
        }
    }
}

fn plain(path: &FilePath) -> Option<&str> {
    std::str::from_utf8(path.in_environment()?).ok()
}

fn concerned(path: &FilePath) -> Option<&str> {
    let path = plain(path)?;
    let kept =
        PLACES.iter().any(|place| path.starts_with(place)) || PARTS.iter().any(|part| path.contains(part));
    kept.then_some(path)
}
