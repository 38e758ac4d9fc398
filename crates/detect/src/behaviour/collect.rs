//! Times that behaviours were seen, gathered to one finding each.

use crate::behaviour::definition::{Definition, fields};
use crate::behaviour::finding::{Actor, Finding, Reached};
use detektr_event::{Event, Outcome, OutcomeResult, ProcessRef};
use std::collections::{BTreeMap, BTreeSet};

/// Events, processes and values that are kept of one behaviour.
const EVENTS: usize = 1000;
const PROCESSES: usize = 100;
const VALUES: usize = 3;
/// Characters of one value that a sentence shows.
const SHOWN: usize = 160;

/// Errors by which the system refuses, where others say that it can't be done.
const REFUSED: [&str; 4] = ["EACCES", "EPERM", "EROFS", "ENOSYS"];

/// One time that a behaviour was seen.
pub(crate) struct Sighting<'a> {
    pub(crate) reached: Reached,
    /// The error of the last event, where it failed.
    pub(crate) errno: Option<&'a str>,
    pub(crate) events: Vec<u64>,
    pub(crate) processes: Vec<&'a ProcessRef>,
    /// Values of the fields that the sentence names, in its order.
    pub(crate) values: Vec<Option<String>>,
}

#[derive(Default)]
struct Tally {
    reached: Option<Reached>,
    errno: Option<String>,
    events: BTreeSet<u64>,
    count: u64,
    processes: Vec<Actor>,
    values: Vec<Values>,
}

#[derive(Clone, Default)]
struct Values {
    shown: Vec<String>,
    more: bool,
}

/// The behaviours of one run as far as they are seen.
pub(crate) struct Collector<'a> {
    definitions: &'a BTreeMap<String, Definition>,
    fields: BTreeMap<&'a str, Vec<String>>,
    tallies: BTreeMap<&'a str, Tally>,
}

/// How far an event came.
pub(crate) fn reached(outcome: &Outcome) -> Reached {
    let refused = outcome.errno.as_deref().is_some_and(|errno| REFUSED.contains(&errno));
    match outcome.result {
        OutcomeResult::Success if outcome.enforcer.is_none() => Reached::Succeeded,
        OutcomeResult::Success => Reached::Blocked,
        OutcomeResult::Failure if refused || outcome.enforcer.is_some() || outcome.skipped => {
            Reached::Blocked
        }
        OutcomeResult::Unfinished if outcome.enforcer.is_some() => Reached::Blocked,
        OutcomeResult::Failure | OutcomeResult::Unfinished => Reached::Attempted,
    }
}

impl<'a> Collector<'a> {
    pub(crate) fn new(definitions: &'a BTreeMap<String, Definition>) -> Self {
        let fields =
            definitions.iter().map(|(id, definition)| (id.as_str(), fields(&definition.sentence))).collect();
        Collector { definitions, fields, tallies: BTreeMap::new() }
    }

    /// The fields that the sentence of a behaviour names.
    pub(crate) fn fields(&self, id: &str) -> &[String] {
        self.fields.get(id).map_or(&[], Vec::as_slice)
    }

    /// A behaviour that code saw: `event` completed it, `before` led to it. `told` has the fields of its sentence
    /// that are not the process's.
    pub(crate) fn saw(&mut self, id: &str, event: &Event, before: &[u64], told: &[(&str, String)]) {
        let name = |process: &ProcessRef| {
            let exe = process.exe.lossy();
            exe.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let values = self.fields(id).iter().map(|field| {
            let own = told.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone());
            own.or_else(|| (field == "process.name").then(|| event.process.as_ref().map(name)).flatten())
        });
        let values = values.collect();
        let mut events = before.to_vec();
        events.push(event.seq);
        self.sighting(
            id,
            Sighting {
                reached: reached(&event.outcome),
                errno: event.outcome.errno.as_deref(),
                events,
                processes: event.process.iter().collect(),
                values,
            },
        );
    }

    pub(crate) fn sighting(&mut self, id: &str, seen: Sighting<'_>) {
        let Some((id, _)) = self.definitions.get_key_value(id) else { return };
        let tally = self.tallies.entry(id).or_default();
        match tally.reached {
            Some(before) if before > seen.reached => return,
            Some(before) if before == seen.reached => {}
            _ => *tally = Tally { reached: Some(seen.reached), ..Tally::default() },
        }
        tally.count += 1;
        if tally.errno.is_none() {
            tally.errno = seen.errno.map(str::to_owned);
        }
        for event in seen.events {
            if tally.events.len() < EVENTS {
                tally.events.insert(event);
            }
        }
        for process in seen.processes {
            if tally.processes.len() < PROCESSES && tally.processes.iter().all(|known| known.id != process.id)
            {
                tally.processes.push(Actor {
                    id: process.id.clone(),
                    pid: process.pid,
                    exe: process.exe.clone(),
                });
            }
        }
        tally.values.resize(seen.values.len(), Values::default());
        for (kept, value) in tally.values.iter_mut().zip(seen.values) {
            let Some(value) = value else { continue };
            if kept.more || kept.shown.contains(&value) {
            } else if kept.shown.len() < VALUES {
                kept.shown.push(value);
            } else {
                kept.more = true;
            }
        }
    }

    /// One finding for each behaviour that was seen: the gravest first, then by id.
    pub(crate) fn finish(self) -> Vec<Finding> {
        let Collector { definitions, tallies, .. } = self;
        let mut findings: Vec<Finding> = tallies
            .into_iter()
            .filter_map(|(id, tally)| Some(finding(definitions.get(id)?, tally)))
            .collect();
        findings.sort_by(|a, b| b.level.cmp(&a.level).then_with(|| a.id.cmp(&b.id)));
        findings
    }
}

fn finding(definition: &Definition, tally: Tally) -> Finding {
    let outcome = tally.reached.unwrap_or(Reached::Attempted);
    Finding {
        id: definition.id.clone(),
        title: definition.title.clone(),
        sentence: sentence(&definition.sentence, &tally, outcome),
        level: definition.level,
        confidence: definition.confidence,
        outcome,
        tactic: definition.tactic.clone(),
        techniques: definition.techniques.clone(),
        processes: tally.processes,
        events: tally.events.into_iter().collect(),
        count: tally.count,
    }
}

fn sentence(template: &str, tally: &Tally, outcome: Reached) -> String {
    let mut told = String::new();
    let mut rest = template;
    let mut values = tally.values.iter();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        told.push_str(before);
        let subject = told.is_empty();
        told.push_str(&values.next().map_or_else(|| "?".into(), |values| list(values, subject)));
        rest = after;
    }
    told.push_str(rest);
    let why = tally.errno.as_ref().map(|errno| format!(" ({errno})")).unwrap_or_default();
    match outcome {
        Reached::Succeeded => {}
        Reached::Blocked => told.push_str(&format!(" It was refused{why}.")),
        Reached::Attempted => told.push_str(&format!(" It did not take effect{why}.")),
    }
    told
}

/// The values as words. The sentence's verb is made for one subject, so that others stand in brackets there.
fn list(values: &Values, subject: bool) -> String {
    if values.shown.is_empty() {
        return "?".into();
    }
    let short = |value: &String| match value.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.clone(),
    };
    let mut text: Vec<String> = values.shown.iter().map(short).collect();
    if values.more {
        text.push("others".into());
    }
    match (text.split_first(), text.split_last()) {
        (Some((first, [])), _) => first.clone(),
        (Some((first, others)), _) if subject => format!("{first} (and {})", others.join(", ")),
        (_, Some((last, others))) => format!("{} and {last}", others.join(", ")),
        _ => String::new(),
    }
}
