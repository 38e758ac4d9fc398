//! One process that deletes many files which were there before the run.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Detail, Event};
use std::collections::{HashMap, HashSet};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "mass-delete",
    title: "Deleted many files that were there before",
    sentence: "{process.name} deletes at least 50 files that were there before the run, {path} among them.",
    level: Level::High,
    confidence: Confidence::Medium,
    tags: &["attack.impact", "attack.t1485"],
}];

/// So many files are many.
const MANY: usize = 50;

#[derive(Default)]
pub(super) struct MassDelete {
    /// What the run made itself.
    made: HashSet<u64>,
    /// Deletions of each process, up to as many as are many.
    deleted: HashMap<String, Vec<u64>>,
}

impl Watch for MassDelete {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Some(process) = event.process.as_ref().filter(|_| event.outcome.reached()) else { return };
        match &event.detail {
            Detail::FileCreate { file } => self.made.extend(objects::hash(&file.path)),
            Detail::FileRename { file } => self.made.extend(objects::hash(&file.to)),
            Detail::FileLink { file } | Detail::FileSymlink { file } => {
                self.made.extend(objects::hash(&file.path))
            }
            Detail::FileMknod { file } => self.made.extend(objects::hash(&file.path)),
            Detail::FileUnlink { file } => {
                let Some(path) = objects::hash(&file.path) else { return };
                if self.made.contains(&path) {
                    return;
                }
                let told = [("path", file.path.lossy().into_owned())];
                let all = self.deleted.entry(process.id.process().to_owned()).or_default();
                if all.len() >= MANY {
                    found.saw("mass-delete", event, &[], &told);
                    return;
                }
                all.push(event.seq);
                if all.len() == MANY {
                    found.saw("mass-delete", event, all, &told);
                }
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                self.deleted.remove(process.id.process());
            }
            _ => {}
        }
    }
}
