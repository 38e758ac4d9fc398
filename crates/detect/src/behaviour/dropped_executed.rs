//! A program that the run itself wrote, and then started.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Access, Detail, Event, FilePath};
use std::collections::HashMap;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "dropped-executed",
    title: "Wrote a program and started it",
    sentence: "{exec.file.path}, which the run itself wrote, is started.",
    level: Level::Medium,
    confidence: Confidence::High,
    tags: &["attack.execution", "attack.t1204.002"],
}];

/// Who makes programs for a living: linkers, and what unpacks packages and repositories.
const MAKERS: &[&str] =
    &["as", "collect2", "dpkg", "git", "go", "ld", "link", "mold", "rpm", "rustc", "strip"];

#[derive(Default)]
pub(super) struct DroppedExecuted {
    /// The event that wrote each file.
    written: HashMap<u64, u64>,
}

impl DroppedExecuted {
    fn wrote(&mut self, path: &FilePath, seq: u64, makes: bool) {
        if let Some(path) = objects::hash(path) {
            if makes {
                self.written.remove(&path);
            } else {
                self.written.insert(path, seq);
            }
        }
    }
}

impl Watch for DroppedExecuted {
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>) {
        if !event.outcome.reached() {
            return;
        }
        let makes = || event.process.as_ref().is_some_and(|process| is_maker(&process.exe.lossy()));
        match &event.detail {
            Detail::FileCreate { file } if file.access != Access::Read => {
                self.wrote(&file.path, event.seq, makes());
            }
            Detail::FileOpen { file } if matches!(file.access, Access::Write | Access::ReadWrite) => {
                self.wrote(&file.path, event.seq, makes());
            }
            Detail::FileRename { file } => {
                let from = objects::hash(&file.path).and_then(|path| self.written.remove(&path));
                if let (Some(seq), Some(to)) = (from, objects::hash(&file.to)) {
                    self.written.insert(to, seq);
                }
            }
            Detail::FileLink { file } => {
                let source = file.source.as_ref().and_then(objects::hash);
                let from = source.and_then(|path| self.written.get(&path).copied());
                if let (Some(seq), Some(to)) = (from, objects::hash(&file.path)) {
                    self.written.insert(to, seq);
                }
            }
            Detail::ProcessExec { exec } => {
                let path = exec.file.lossy();
                if images.artifact() == Some(path.as_ref()) {
                    return;
                }
                if let Some(seq) = objects::hash(&exec.file).and_then(|path| self.written.get(&path)) {
                    let told = [("exec.file.path", path.into_owned())];
                    found.saw("dropped-executed", event, &[*seq], &told);
                }
            }
            _ => {}
        }
    }
}

/// `/usr/bin/x86_64-linux-gnu-ld.bfd` is a linker too.
pub(super) fn is_maker(exe: &str) -> bool {
    let name = exe.rsplit('/').next().unwrap_or_default();
    let name = name.rsplit("-gnu-").next().unwrap_or(name);
    MAKERS.contains(&name.split('.').next().unwrap_or(name))
}
