//! What was brought about before the artifact ran: what the file system shows of that is no doing of the artifact's.

use detektr_event::{Access, Actor, Detail, Event, Kind, Phase};
use detektr_evidence::Change;
use std::collections::BTreeSet;

/// The files that were changed before the artifact ran, and those of them that the artifact changed as well.
#[derive(Clone, Debug, Default)]
pub struct Preparation {
    before: BTreeSet<Vec<u8>>,
    /// Names that were given or taken: of what lies below a folder no event tells.
    moved: BTreeSet<Vec<u8>>,
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
                if event.detail.kind() == Kind::FileRename {
                    self.moved.insert(path.to_vec());
                }
            } else if process.actor == Actor::Artifact && self.has(path) {
                self.since.insert(path.to_vec());
            }
        }
    }

    /// Whether preparation changed the file at `path`: of it events alone tell what the artifact did.
    pub fn has(&self, path: &[u8]) -> bool {
        self.before.contains(path) || self.is_below_moved(path)
    }

    fn is_below_moved(&self, path: &[u8]) -> bool {
        let mut ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        !self.moved.is_empty() && ends.any(|end| self.moved.contains(&path[..end]))
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

#[cfg(test)]
mod tests {
    use super::Preparation;
    use detektr_event::Event;
    use serde_json::{Value, json};

    fn event(actor: &str, phase: &str, kind: &str, file: Value) -> Event {
        let event = json!({
            "seq": 1, "time": "2026-03-01T12:00:00.000000000Z", "boot_ns": 1, "phase": phase, "kind": kind,
            "sensor": "ebpf", "outcome": {"result": "success"}, "file": file,
            "process": {"id": "64-7-1", "pid": 7, "tid": 7, "exe": "/usr/bin/mv", "euid": 0, "actor": actor},
        });
        serde_json::from_value(event).unwrap()
    }

    fn path(path: &str) -> Value {
        json!({"path": path, "resolved": true, "provenance": "kernel_object"})
    }

    #[test]
    fn a_folder_that_was_moved_takes_along_all_that_lies_below() {
        let mut preparation = Preparation::default();
        let mut moved = path("/tmp/unpacked");
        moved["to"] = path("/opt/tool");
        preparation.event(&event("environment", "setup", "file.rename", moved));
        for (name, wanted) in [
            ("/opt/tool", true),
            ("/opt/tool/bin/run", true),
            ("/tmp/unpacked/bin/run", true),
            ("/opt/tools", false),
            ("/opt", false),
        ] {
            assert_eq!(preparation.has(name.as_bytes()), wanted, "{name}");
        }
        assert!(preparation.alone_has(b"/opt/tool/bin/run"));
        preparation.event(&event("artifact", "execute", "file.chmod", {
            let mut file = path("/opt/tool/bin/run");
            file["mode"] = 0o755.into();
            file
        }));
        assert!(preparation.has(b"/opt/tool/bin/run") && !preparation.alone_has(b"/opt/tool/bin/run"));
    }
}
