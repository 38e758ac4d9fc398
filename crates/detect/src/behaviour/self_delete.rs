//! A program that deletes its own file.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Detail, Event};

pub(super) const CODED: &[Coded] = &[Coded {
    id: "self-delete",
    title: "Deleted its own program",
    sentence: "{process.name} deletes {path}, the program that it runs or that started it.",
    level: Level::High,
    confidence: Confidence::High,
    tags: &["attack.stealth", "attack.t1070.004"],
}];

/// How far up the line of parents: a script asks `rm`, which is a child of its shell.
const GENERATIONS: usize = 4;

#[derive(Default)]
pub(super) struct SelfDelete;

impl Watch for SelfDelete {
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>) {
        let Some(process) = event.process.as_ref() else { return };
        let path = match &event.detail {
            Detail::FileUnlink { file } if file.path.path_root.is_none() => file.path.lossy(),
            _ => return,
        };
        let mut id = Some(process.id.clone());
        for _ in 0..GENERATIONS {
            let Some(image) = id.as_ref().and_then(|id| images.get(id)) else { return };
            if *image.exe == *path || image.script.as_deref() == Some(path.as_ref()) {
                found.saw("self-delete", event, &[], &[("path", path.into_owned())]);
                return;
            }
            id = image.parent.clone();
        }
    }
}
