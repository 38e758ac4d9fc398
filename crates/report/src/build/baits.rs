//! Baits, and who touched them.

use super::{Seen, link, text};
use crate::clean::clean;
use crate::model::Bait;
use detektr_event::Detail;
use detektr_evidence::{self as evidence, BaitPlace};

pub(super) struct Baits(Vec<Bait>);

impl Baits {
    pub(super) fn new(baits: &[evidence::Bait]) -> Self {
        let bait = |bait: &evidence::Bait| Bait {
            name: text(bait.name.as_bytes()),
            kind: clean(&bait.kind),
            place: match &bait.place {
                BaitPlace::Path(path) | BaitPlace::Url(path) => text(path.as_bytes()),
                BaitPlace::Variable(name) => format!("${}", text(name.as_bytes())),
            },
            reads: Vec::new(),
            exfiltrated: Vec::new(),
        };
        Baits(baits.iter().map(bait).collect())
    }

    /// Notes the event, where it is about a bait.
    pub(super) fn event(&mut self, seen: &Seen<'_>) -> bool {
        let (name, leaves) = match &seen.event.detail {
            Detail::BaitRead { bait } => (&bait.bait, false),
            Detail::BaitExfiltrated { bait } => (&bait.bait, true),
            _ => return false,
        };
        let name = text(name.as_bytes());
        if let Some(bait) = self.0.iter_mut().find(|bait| bait.name == name) {
            let list = if leaves { &mut bait.exfiltrated } else { &mut bait.reads };
            link(list, &mut 0, seen.event.seq);
        }
        true
    }

    pub(super) fn finish(self) -> Vec<Bait> {
        self.0
    }
}
