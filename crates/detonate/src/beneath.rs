//! The file system beneath the overlays: which one it was, and whether the host changed it while the run used it.

use crate::images::sha256_of;
use detektr_event::{Detail, Event, FilePath};
use detektr_evidence::Layer;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Where package managers keep the list of what is installed.
const PACKAGES: [&str; 4] = [
    "var/lib/dpkg/status",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "lib/apk/db/installed",
];
/// How many files are remembered; a run that uses more is told to.
const REMEMBERED: usize = 200_000;

/// Names the root file system at `root`: its release, and a digest of its package list.
pub fn identity(root: &Path) -> Map<String, Value> {
    let mut identity = Map::new();
    let release = std::fs::read_to_string(root.join("etc/os-release")).unwrap_or_default();
    let pretty = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    if let Some(pretty) = pretty {
        identity.insert("rootfs_release".into(), pretty.trim_matches('"').into());
    }
    for list in PACKAGES {
        if let Ok(hash) = digest(&root.join(list)) {
            identity.insert("rootfs_packages".into(), format!("/{list}").into());
            identity.insert("rootfs_packages_sha256".into(), hash.into());
            break;
        }
    }
    identity
}

/// Device, inode, size, and times of the last change with nanoseconds: the same file with the same content.
type State = (u64, u64, u64, i64, i64, i64, i64);

/// The SHA-256 of a package list, read anew only where the file has changed since this process read it last.
fn digest(list: &Path) -> io::Result<String> {
    static READ: Mutex<Option<HashMap<PathBuf, (State, String)>>> = Mutex::new(None);
    let state = |data: Metadata| {
        (data.dev(), data.ino(), data.len(), data.mtime(), data.mtime_nsec(), data.ctime(), data.ctime_nsec())
    };
    let before = state(list.metadata()?);
    let mut read = READ.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let read = read.get_or_insert_default();
    if let Some((_, hash)) = read.get(list).filter(|(state, _)| *state == before) {
        return Ok(hash.clone());
    }
    let hash = sha256_of(list)?;
    read.insert(list.to_owned(), (before, hash.clone()));
    Ok(hash)
}

/// Remembers which files a run used, to ask at the end whether the host changed one of them meanwhile.
pub struct Beneath {
    layers: Vec<Layer>,
    /// Below it lies what Detektr itself put beneath the overlays.
    own: PathBuf,
    /// Nanoseconds since 1970.
    started: i64,
    used: HashSet<Vec<u8>>,
    forgotten: bool,
}

impl Beneath {
    /// Begins for a run that starts at `started` (nanoseconds since 1970) above `layers`; what lies below `own`
    /// is Detektr's, not the host's.
    pub fn new(layers: Vec<Layer>, own: PathBuf, started: i64) -> Self {
        Beneath { layers, own, started, used: HashSet::new(), forgotten: false }
    }

    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        let Some(path) = used(event) else { return };
        if self.used.contains(path) {
            return;
        }
        if self.used.len() >= REMEMBERED {
            self.forgotten = true;
            return;
        }
        self.used.insert(path.to_vec());
    }

    /// Sentences about what the host changed of the used files, or about what can't be told.
    pub fn changed(&self) -> Vec<String> {
        let mut changed: Vec<String> = self
            .used
            .iter()
            .filter(|path| {
                self.host_file(Path::new(OsStr::from_bytes(path))).is_some_and(|file| self.is_newer(&file))
            })
            .map(|path| format!("the host changed {} during the run", String::from_utf8_lossy(path)))
            .collect();
        changed.sort();
        if self.forgotten {
            changed.push(format!(
                "more than {REMEMBERED} files were used; whether the host changed the rest is not known"
            ));
        }
        changed
    }

    /// The file of the topmost lower folder that has it, where that is the host's.
    fn host_file(&self, path: &Path) -> Option<PathBuf> {
        let layer = self
            .layers
            .iter()
            .filter(|layer| path.starts_with(&layer.mount_point))
            .max_by_key(|layer| layer.mount_point.components().count())?;
        let relative = path.strip_prefix(&layer.mount_point).ok()?;
        let mut files = layer.lowers.iter().map(|lower| lower.join(relative));
        files.find(|file| file.symlink_metadata().is_ok()).filter(|file| !file.starts_with(&self.own))
    }

    fn is_newer(&self, file: &Path) -> bool {
        file.symlink_metadata().is_ok_and(|data| {
            !data.is_dir()
                && i128::from(data.ctime()) * 1_000_000_000 + i128::from(data.ctime_nsec())
                    > i128::from(self.started)
        })
    }
}

/// The path of the file beneath that an event shows to be used.
fn used(event: &Event) -> Option<&[u8]> {
    let path: &FilePath = match &event.detail {
        Detail::FileOpen { file } => &file.path,
        Detail::ProcessExec { exec } => &exec.file,
        _ => return None,
    };
    // what lies in /proc and its like is no file of the host's, though one of the same name may be
    let elsewhere = path.fs.as_deref().is_some_and(|fs| fs != "overlay");
    if !event.outcome.is_success() || path.unlinked || elsewhere {
        return None;
    }
    path.in_environment()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_host_that_changed_after_the_start_is_told_and_no_other() {
        let host = tempfile::tempdir().unwrap();
        std::fs::write(host.path().join("file"), "x").unwrap();
        let changed = host.path().join("file").metadata().unwrap();
        let ctime = changed.ctime() * 1_000_000_000 + changed.ctime_nsec();
        let layers = vec![Layer {
            mount_point: "/".into(),
            upper: "/nowhere".into(),
            lowers: vec![host.path().into()],
        }];
        let elsewhere = Path::new("/nowhere");
        for (own, started, told) in
            [(elsewhere, ctime - 1, 1), (elsewhere, ctime, 0), (host.path(), ctime - 1, 0)]
        {
            let mut beneath = Beneath::new(layers.clone(), own.into(), started);
            beneath.used.insert(b"/file".to_vec());
            beneath.used.insert(b"/absent".to_vec());
            assert_eq!(beneath.changed().len(), told);
        }
    }
}
