//! What was brought about before the artifact ran: what the file system shows of that is no doing of the artifact's.

use detektr_event::{Access, Actor, Detail, Event, Kind, Phase};
use detektr_evidence::Change;
use std::collections::BTreeSet;

/// The files that were changed before the artifact ran, and those of them that the artifact changed as well.
#[derive(Clone, Debug, Default)]
pub struct Preparation {
    before: BTreeSet<Vec<u8>>,
    since: BTreeSet<Vec<u8>>,
}

impl Preparation {
    /// Takes the next event.
    pub fn event(&mut self, event: &Event) {
        let Some(process) = &event.process else { return };
        let before = process.actor == Actor::Environment && event.phase == Phase::Setup;
        let nothing_yet = !before && self.before.is_empty();
        if nothing_yet || !event.outcome.reached() || !changes(&event.detail) {
            return;
        }
        for path in event.detail.paths().into_iter().filter_map(|path| path.in_environment()) {
            if before {
                self.before.insert(path.to_vec());
            } else if process.actor == Actor::Artifact && self.before.contains(path) {
                self.since.insert(path.to_vec());
            }
        }
    }

    /// Whether preparation changed the file at `path`: of it events alone tell what the artifact did.
    pub fn has(&self, path: &[u8]) -> bool {
        self.before.contains(path)
    }

    /// Whether preparation alone changed the file at `path`.
    pub fn alone_has(&self, path: &[u8]) -> bool {
        self.has(path) && !self.since.contains(path)
    }

    /// Those of `changes` that preparation has no part in.
    pub fn without(&self, changes: &[Change]) -> Vec<Change> {
        changes.iter().filter(|change| !self.has(change.path.as_bytes())).cloned().collect()
    }
}

/// Whether the act changes a file, or opens it so that it can be changed.
fn changes(detail: &Detail) -> bool {
    match detail {
        Detail::FileOpen { file } => !matches!(file.access, Access::Read | Access::Path),
        _ => matches!(
            detail.kind(),
            Kind::FileCreate
                | Kind::FileWrite
                | Kind::FileRename
                | Kind::FileUnlink
                | Kind::FileMkdir
                | Kind::FileRmdir
                | Kind::FileLink
                | Kind::FileSymlink
                | Kind::FileMknod
                | Kind::FileChmod
                | Kind::FileChown
                | Kind::FileTruncate
                | Kind::FileUtime
                | Kind::FileXattr
        ),
    }
}
