//! Many files that get the same new ending, as files do that are encrypted for ransom.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Access, Detail, Event};
use std::collections::{BTreeMap, HashMap};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "mass-file-change",
    title: "Replaced many files by ones with a new ending",
    sentence: "At least 20 files are replaced by files with the ending {ending}, as encryption for ransom does.",
    level: Level::Critical,
    confidence: Confidence::Medium,
    tags: &["attack.impact", "attack.t1486"],
}];

/// So many files are many.
const MANY: usize = 20;
/// Endings that ordinary programs add to names.
const ORDINARY: &[&str] = &[
    "asc", "backup", "bak", "br", "bz2", "d", "dpkg-new", "dpkg-old", "dpkg-tmp", "gpg", "gz", "lock", "log",
    "lz4", "lzma", "new", "o", "old", "orig", "part", "pyc", "rej", "sav", "save", "sig", "swp", "tmp", "xz",
    "zip", "zst",
];

#[derive(Default)]
pub(super) struct MassChange {
    /// Files that were made beside one whose name they lengthen: that one's path, their event and ending.
    beside: HashMap<u64, (u64, String)>,
    /// Events of each ending, up to as many as are many.
    replaced: BTreeMap<String, Vec<u64>>,
}

impl MassChange {
    fn replaced(&mut self, ending: &str, events: &[u64], event: &Event, found: &mut Collector<'_>) {
        let all = self.replaced.entry(ending.to_owned()).or_default();
        let told = [("ending", ending.to_owned())];
        if all.len() >= MANY * 2 {
            found.saw("mass-file-change", event, events, &told);
            return;
        }
        all.extend(events);
        // a rename is one event, a copy and a removal are two
        let count = if events.len() > 1 { all.len() / 2 } else { all.len() };
        if count >= MANY {
            found.saw("mass-file-change", event, all, &told);
            all.resize(MANY * 2, event.seq);
        }
    }
}

impl Watch for MassChange {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        if !event.outcome.reached() {
            return;
        }
        match &event.detail {
            Detail::FileRename { file } => {
                let (Some(from), Some(to)) = (file.path.in_environment(), file.to.in_environment()) else {
                    return;
                };
                if to.len() > from.len()
                    && to.starts_with(from)
                    && let Some((stem, ending)) = split(to)
                    && stem == from
                {
                    self.replaced(&ending, &[event.seq], event, found);
                }
            }
            Detail::FileCreate { file } if file.access != Access::Read => {
                if let Some((stem, ending)) = file.path.in_environment().and_then(split) {
                    self.beside.insert(objects::hash_bytes(stem), (event.seq, ending));
                }
            }
            Detail::FileUnlink { file } => {
                let made = objects::hash(&file.path).and_then(|path| self.beside.remove(&path));
                if let Some((seq, ending)) = made {
                    self.replaced(&ending, &[seq, event.seq], event, found);
                }
            }
            _ => {}
        }
    }
}

/// A path without its last ending, and that ending, where it is none that ordinary programs add.
fn split(path: &[u8]) -> Option<(&[u8], String)> {
    let at = path.iter().rposition(|byte| *byte == b'.')?;
    let (stem, ending) = (&path[..at], &path[at..]);
    let named = stem.last().is_some_and(|byte| *byte != b'/') && ending.len() > 1 && !ending.contains(&b'/');
    let ending = String::from_utf8_lossy(ending).into_owned();
    (named && !ORDINARY.contains(&ending[1..].to_ascii_lowercase().as_str())).then_some((stem, ending))
}
