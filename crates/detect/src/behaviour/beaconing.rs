//! The same place called again and again, at regular intervals.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Detail, Event};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "beaconing",
    title: "Called the same place at regular intervals",
    sentence: "{process.name} calls {address} again and again at regular intervals, as what waits for orders does.",
    level: Level::High,
    confidence: Confidence::Medium,
    tags: &["attack.command_and_control", "attack.t1071"],
}];

/// So many calls make a rhythm.
const CALLS: usize = 6;
/// Calls closer together than this are one: a name has several addresses, and both families are tried.
const ONE_NS: i64 = 50_000_000;
/// What comes faster than this is a conversation.
const FAST_NS: i64 = 300_000_000;
/// Places that are remembered.
const PLACES: usize = 10_000;
/// Queries for names are looked at elsewhere.
const DNS: u16 = 53;

#[derive(Default)]
pub(super) struct Beaconing {
    /// Time and event of the last calls of each place.
    calls: HashMap<Rc<str>, VecDeque<(i64, u64)>>,
}

impl Beaconing {
    fn called(&mut self, place: Rc<str>, event: &Event, found: &mut Collector<'_>) {
        if self.calls.len() >= PLACES && !self.calls.contains_key(&place) {
            return;
        }
        let calls = self.calls.entry(place.clone()).or_default();
        let time = event.time.0;
        if calls.back().is_some_and(|(last, _)| time - last < ONE_NS) {
            return;
        }
        calls.push_back((time, event.seq));
        if calls.len() > CALLS {
            calls.pop_front();
        }
        if is_regular(calls) {
            let before: Vec<u64> =
                calls.iter().map(|(_, seq)| *seq).filter(|seq| *seq != event.seq).collect();
            found.saw("beaconing", event, &before, &[("address", place.to_string())]);
        }
    }
}

/// Whether the calls are enough and keep to one interval.
fn is_regular(calls: &VecDeque<(i64, u64)>) -> bool {
    if calls.len() < CALLS {
        return false;
    }
    let mut intervals: Vec<i64> = calls.iter().zip(calls.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
    intervals.sort_unstable();
    let usual = intervals[intervals.len() / 2];
    // one may be late, where the machine is busy or the interval is shaken on purpose
    let kept = intervals.iter().filter(|interval| (**interval - usual).abs() <= usual * 3 / 10).count();
    let late = intervals.last().is_some_and(|longest| *longest > usual * 2);
    usual >= FAST_NS && kept + 1 >= intervals.len() && !late
}

impl Watch for Beaconing {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let place = match &event.detail {
            Detail::NetworkConnect { network } => objects::remote(&network.address),
            Detail::NetworkSend { network } => objects::remote(&network.address),
            // calls over one connection that stays open
            Detail::NetworkHttp { network } => Some((0, Rc::from(network.host.lossy().as_ref()))),
            _ => None,
        };
        if let Some((_, place)) = place.filter(|(port, _)| *port != DNS) {
            self.called(place, event, found);
        }
    }
}
