//! A program that keeps the processor busy for long, and whether somebody outside had a word with it.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Detail, Event, OutcomeResult, ProcessId};
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const CODED: &[Coded] = &[
    Coded {
        id: "mining-load",
        title: "Kept the processor busy and talked to a remote host",
        sentence: "{process.name} keeps the processor busy for most of its life, and talks to {address} by itself or by a relative.",
        level: Level::Medium,
        confidence: Confidence::Low,
        tags: &["attack.impact", "attack.t1496.001"],
    },
    Coded {
        id: "processor-kept-busy",
        title: "Kept the processor busy",
        sentence: "{process.name} keeps the processor busy for most of its life.",
        level: Level::Informational,
        confidence: Confidence::Low,
        tags: &["attack.impact", "attack.t1496.001"],
    },
];

/// Whoever took this much CPU time may be mining.
const BUSY_NS: u64 = 5_000_000_000;
/// And this share of one processor over its life, in percent. A busy machine leaves nobody a whole one.
const SHARE: u64 = 50;
/// How far up the line of parents a conversation counts.
const GENERATIONS: usize = 8;
/// Conversations that are remembered.
const REMEMBERED: usize = 100_000;
/// Queries for names are no conversation.
const DNS: u16 = 53;
const UDP: u16 = 17;

/// The first conversation of a process: the event, and with whom.
#[derive(Clone)]
struct Talk {
    seq: u64,
    place: Rc<str>,
}

#[derive(Default)]
pub(super) struct MiningLoad {
    /// Of each process itself, or of those that made it, before they did.
    own: HashMap<String, Talk>,
    /// Of its children and theirs.
    below: HashMap<String, Talk>,
}

impl MiningLoad {
    fn talked(&mut self, id: &ProcessId, talk: &Talk, images: &Images) {
        remember(&mut self.own, id, talk);
        for parent in line(id, images).skip(1) {
            remember(&mut self.below, &parent, talk);
        }
    }

    /// The conversation of a process or of one of its relatives.
    fn talk_of(&self, id: &ProcessId, images: &Images) -> Option<&Talk> {
        line(id, images).find_map(|id| self.own.get(id.process())).or_else(|| self.below.get(id.process()))
    }

    fn ended(
        &mut self,
        event: &Event,
        id: &ProcessId,
        cpu_ns: u64,
        images: &Images,
        found: &mut Collector<'_>,
    ) {
        let life_ns = event.boot_ns.saturating_sub(id.start_ns());
        if cpu_ns < BUSY_NS || cpu_ns < life_ns / 100 * SHARE {
            return;
        }
        match self.talk_of(id, images) {
            Some(talk) => {
                found.saw("mining-load", event, &[talk.seq], &[("address", talk.place.to_string())]);
            }
            None => found.saw("processor-kept-busy", event, &[], &[]),
        }
    }
}

fn remember(talks: &mut HashMap<String, Talk>, id: &ProcessId, talk: &Talk) {
    if talks.len() < REMEMBERED && !talks.contains_key(id.process()) {
        talks.insert(id.process().to_owned(), talk.clone());
    }
}

/// The process and those that it descends from, as far as they live.
fn line(id: &ProcessId, images: &Images) -> impl Iterator<Item = ProcessId> {
    std::iter::successors(Some(id.clone()), |id| images.get(id)?.parent.clone()).take(GENERATIONS)
}

impl Watch for MiningLoad {
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>) {
        let Some(id) = event.process.as_ref().map(|process| &process.id) else { return };
        let address = match &event.detail {
            // sends nothing: resolvers do it to put the addresses of a name in order
            Detail::NetworkConnect { network }
                if network.local.as_ref().is_some_and(|local| local.protocol == UDP) =>
            {
                return;
            }
            Detail::NetworkConnect { network } => &network.address,
            Detail::NetworkSend { network } => &network.address,
            Detail::ProcessFork { fork } if !fork.thread && event.outcome.is_success() => {
                if let Some(talk) = self.own.get(id.process()).cloned() {
                    remember(&mut self.own, &fork.child, &talk);
                }
                return;
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                if let Some(cpu_ns) = exit.cpu_ns {
                    self.ended(event, id, cpu_ns, images, found);
                }
                self.below.remove(id.process());
                return;
            }
            _ => return,
        };
        if event.outcome.result == OutcomeResult::Failure {
            return;
        }
        if let Some((_, place)) = objects::remote(address).filter(|(port, _)| *port != DNS) {
            self.talked(id, &Talk { seq: event.seq, place }, images);
        }
    }
}
