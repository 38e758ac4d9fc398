//! The events as columns.

use super::{Seen, TEXT};
use crate::clean::{clean, shorten};
use crate::describe;
use crate::model::{EventOutcome, Events};
use detektr_event::{Kind, OutcomeResult};
use std::collections::HashMap;

/// Events that are listed whatever they tell.
const LISTED: usize = 200_000;
/// Telling events that are listed beyond those.
const TELLING: usize = 50_000;
/// Bytes of texts that may be long; those past it are cut to [`SHORT`].
const LONG_TEXTS: usize = 12 << 20;
const SHORT: usize = 80;

/// The columns as they grow.
#[derive(Default)]
pub(super) struct Columns {
    events: Events,
    kinds: HashMap<Kind, u32>,
    outcomes: HashMap<EventOutcome, u32>,
    texts: HashMap<String, u32>,
    text_bytes: usize,
    last_seq: u64,
    last_us: i64,
}

impl Columns {
    /// Lists the event, where there is room for it.
    pub(super) fn event(&mut self, seen: &Seen<'_>, begin: u64, telling: bool) {
        let event = seen.event;
        self.events.total += 1;
        let listed = self.events.seq.len();
        if listed >= LISTED && !(telling && listed < LISTED + TELLING) {
            *self.events.left_out.entry(event.kind().name().into()).or_default() += 1;
            return;
        }
        let us = signed(event.boot_ns, begin) / 1_000;
        let kind = intern(&mut self.kinds, event.kind(), |kind| self.events.kinds.push(kind.name().into()));
        let outcome = EventOutcome {
            result: match event.outcome.result {
                OutcomeResult::Success => "success",
                OutcomeResult::Failure => "failure",
                OutcomeResult::Unfinished => "unfinished",
            }
            .into(),
            text: match (describe::ending(event), &event.outcome.enforcer) {
                (text, Some(by)) if text.is_empty() => format!("masked by {}", clean(by)),
                (text, _) => shorten(&text, SHORT),
            },
            enforced: event.outcome.enforcer.is_some(),
        };
        let outcome =
            intern(&mut self.outcomes, outcome, |outcome| self.events.outcomes.push(outcome.clone()));
        let bound = if self.text_bytes < LONG_TEXTS { TEXT } else { SHORT };
        let text = shorten(&describe::object(&event.detail), bound);
        let text = intern(&mut self.texts, text, |text| {
            self.text_bytes += text.len();
            self.events.texts.push(text.clone());
        });
        let process = seen.at.and_then(super::processes::column).unwrap_or(0);
        self.events.seq.push(event.seq - self.last_seq);
        self.events.time.push(us - self.last_us);
        self.events.kind.push(kind);
        self.events.process.push(process);
        self.events.outcome.push(outcome);
        self.events.text.push(text);
        (self.last_seq, self.last_us) = (event.seq, us);
    }

    pub(super) fn finish(self) -> Events {
        self.events
    }
}

fn signed(to: u64, from: u64) -> i64 {
    i64::try_from(i128::from(to) - i128::from(from)).unwrap_or(i64::MAX)
}

fn intern<T: std::hash::Hash + Eq>(table: &mut HashMap<T, u32>, value: T, add: impl FnOnce(&T)) -> u32 {
    if let Some(at) = table.get(&value) {
        return *at;
    }
    let at = u32::try_from(table.len()).expect("a table has fewer entries than there are listed events");
    add(&value);
    table.insert(value, at);
    at
}
