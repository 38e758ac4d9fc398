//! A process that leaves its session and outlives its parent.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Detail, Event};
use std::collections::HashMap;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "daemonised",
    title: "Process detached from the one that started it",
    sentence: "{process.name} starts a session of its own and goes on after its parent has ended.",
    level: Level::Informational,
    confidence: Confidence::High,
    tags: &["attack.stealth", "attack.t1036.009"],
}];

#[derive(Default)]
pub(super) struct Daemonised {
    /// Who began a session, by their parents.
    detached: HashMap<String, Vec<Event>>,
}

impl Watch for Daemonised {
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>) {
        let Some(process) = &event.process else { return };
        match &event.detail {
            Detail::ProcessSession { session } if session.call == "setsid" && event.outcome.is_success() => {
                if let Some(parent) = images.get(&process.id).and_then(|image| image.parent.as_ref()) {
                    self.detached.entry(parent.process().to_owned()).or_default().push(event.clone());
                }
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                for began in self.detached.remove(process.id.process()).unwrap_or_default() {
                    let lives = began.process.as_ref().is_some_and(|child| images.get(&child.id).is_some());
                    if lives {
                        found.saw("daemonised", &began, &[event.seq], &[]);
                    }
                }
            }
            _ => {}
        }
    }
}
