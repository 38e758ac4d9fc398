//! Times set back on files that another process made.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Create, Detail, Event, FilePath};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "timestomp",
    title: "Set a file's time back",
    sentence: "{process.name} dates {path} back, which it did not make.",
    level: Level::High,
    confidence: Confidence::Medium,
    tags: &["attack.stealth", "attack.t1070.006"],
}];

/// Nanoseconds of a day.
const DAY: i64 = 86_400_000_000_000;

/// What unpacks or copies sets the times of what it made, and of the folders that it put things into.
#[derive(Default)]
pub(super) struct Timestomp {
    made: HashMap<Rc<str>, HashSet<u64>>,
}

impl Timestomp {
    fn makes(&mut self, process: &str, path: &FilePath) {
        let Some(bytes) = path.in_environment() else { return };
        if !self.made.contains_key(process) {
            self.made.insert(process.into(), HashSet::new());
        }
        if let Some(made) = self.made.get_mut(process) {
            made.insert(objects::hash_bytes(bytes));
            made.insert(objects::hash_bytes(objects::folder(bytes)));
        }
    }
}

impl Watch for Timestomp {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Some(process) = event.process.as_ref() else { return };
        let key = process.id.process();
        match &event.detail {
            Detail::FileCreate { file } if event.outcome.is_success() && is_new(file) => {
                self.makes(key, &file.path);
            }
            Detail::FileMkdir { file } | Detail::FileMknod { file } if event.outcome.is_success() => {
                self.makes(key, &file.path);
            }
            Detail::FileLink { file } | Detail::FileSymlink { file } if event.outcome.is_success() => {
                self.makes(key, &file.path);
            }
            Detail::FileRename { file } if event.outcome.is_success() => self.makes(key, &file.to),
            Detail::FileUtime { file } => {
                let back = file.times[1].is_some_and(|time| time < event.time.0.saturating_sub(DAY));
                let Some(path) = objects::hash(&file.path).filter(|_| back) else { return };
                if self.made.get(key).is_none_or(|made| !made.contains(&path)) {
                    found.saw("timestomp", event, &[], &[("path", file.path.lossy().into_owned())]);
                }
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                self.made.remove(key);
            }
            _ => {}
        }
    }
}

/// What is opened to be written anew is as good as made; `touch` opens what is there as it is.
fn is_new(file: &Create) -> bool {
    file.certain || file.flags.iter().any(|flag| flag == "O_TRUNC")
}
