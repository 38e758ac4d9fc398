//! Asking rules about the events of one run.

use crate::nearest::{Nearest, unmet};
use crate::processes::Processes;
use crate::rules::{Asked, GROUPS, RuleRef, RuleSet};
use crate::served::{Served, Told};
use crate::trace::{self, Near};
use crate::view::{Source, View, views};
use crate::why::{WhyNot, outcome};
use detektr_event::{Detail, Event, Text};
use rsigma_eval::{CompiledRule, CorrelationEngine, EvaluationResult, explain_rule};
use rsigma_parser::LogSource;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Matches that are kept of one rule.
const MATCHES: usize = 1000;
/// Events that are kept of those that come equally near.
const NEAREST: usize = 8;

/// What is known of a run beside its events.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    /// Where the artifact was placed, if it is a file: Detektr chose that name.
    pub artifact: Option<String>,
    /// Messages of programs were recorded, so that their absence says something. It is so, too, where there are any.
    pub logs: bool,
    /// Events that a rule is to be explained on rather than on others, with their weight: the higher, the rather.
    pub telling: BTreeMap<u64, u8>,
}

impl RunContext {
    /// From what a manifest tells: where the artifact was placed, and whether messages of programs were recorded.
    pub fn of(path: Option<&Text>, logs: bool) -> Self {
        RunContext { artifact: path.map(|path| path.lossy().into_owned()), logs, ..RunContext::default() }
    }
}

/// What one rule says of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RuleOutcome {
    /// The rule.
    pub rule: RuleRef,
    /// Its matches; the first thousand.
    pub matches: Vec<Match>,
    /// How many there are.
    pub matched: u64,
    /// What the log source would have to tell, where that could change the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<String>,
    /// The log source, where the run has no telemetry of it at all: the rule was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_telemetry: Option<String>,
    /// Why nothing matches: the event that came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<WhyNot>,
    /// Events for which the fewest conditions would have to be otherwise, in their order; some of them where there are
    /// many, and the telling ones rather than others. None where something matches.
    #[serde(skip)]
    pub nearest: Vec<Nearest>,
}

/// One match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The events' numbers.
    pub events: Vec<u64>,
    /// The fields that matched.
    pub fields: Vec<(String, String)>,
    /// Only the start of the artifact's file, or the name that Detektr gave it, matched.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub harness_only: bool,
}

/// What the rules say of a run.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Each rule, in the order of their ids.
    pub rules: Vec<RuleOutcome>,
    /// What makes the answers incomplete.
    pub holes: Vec<String>,
    /// How many events were seen.
    pub events: u64,
}

impl RuleSet {
    /// Asks the rules about `events`, in their order. The first error of the stream ends it and is handed back.
    pub fn run<E>(
        &self,
        context: &RunContext,
        events: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<RuleReport, E> {
        let mut run = Run::new(self, context);
        for event in events {
            run.event(&event?);
        }
        Ok(run.finish())
    }
}

struct Run<'a> {
    set: &'a RuleSet,
    context: &'a RunContext,
    engine: CorrelationEngine,
    known: Processes,
    sources: Vec<Served>,
    /// Where each rule stands in the engine.
    places: HashMap<String, usize>,
    /// The artifact's own exec, as the launcher makes it.
    launched: Option<u64>,
    found: BTreeMap<String, Found>,
    seen: BTreeSet<Source>,
    full: bool,
    events: u64,
}

/// What was found of one rule.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) matches: Vec<Match>,
    pub(crate) matched: u64,
    /// Fields that would have to be told.
    pub(crate) needed: BTreeSet<String>,
    /// Where it came nearest.
    pub(crate) best: Option<Best>,
    /// Where the fewest conditions are in the way.
    pub(crate) nearest: Vec<Nearest>,
    /// How those rank.
    nearest_rank: (bool, usize, Reverse<u8>),
}

impl Found {
    /// Keeps `nearest` where nothing is nearer. What Detektr's own launcher did says least; then the fewest conditions
    /// count, then how telling the event is.
    fn near(&mut self, nearest: Nearest, launcher: bool, weight: u8) {
        let rank = (launcher, nearest.conditions.len(), Reverse(weight));
        if !self.nearest.is_empty() && self.nearest_rank < rank {
            return;
        }
        if self.nearest_rank != rank {
            self.nearest.clear();
            self.nearest_rank = rank;
        }
        if self.nearest.len() < NEAREST {
            self.nearest.push(nearest);
        }
    }
}

/// The event that a rule is explained on.
pub(crate) struct Best {
    weight: u8,
    pub(crate) event: u64,
    pub(crate) near: Near,
}

impl Best {
    /// First what the event has to do with the question, then how near the rule came.
    fn rank(&self) -> (u8, usize, Reverse<usize>) {
        (self.weight, self.near.matched, Reverse(self.near.failed.len()))
    }
}

impl<'a> Run<'a> {
    fn new(set: &'a RuleSet, context: &'a RunContext) -> Self {
        let engine = set.engine().expect("the rules compiled when they were loaded");
        let rules = engine.engine().rules();
        let all = &set.collection.rules;
        let filters = &set.collection.filters;
        let asked = all.iter().filter_map(|rule| Some((rule.id.as_deref()?, Asked::by(rule, filters))));
        let asked = asked.collect();
        let sources = Source::ALL.into_iter().map(|source| Served::new(source, rules, &asked));
        let places = rules.iter().enumerate().filter_map(|(at, rule)| Some((rule.id.clone()?, at)));
        Run {
            set,
            context,
            sources: sources.collect(),
            places: places.collect(),
            engine,
            known: Processes::default(),
            launched: None,
            found: BTreeMap::new(),
            seen: BTreeSet::new(),
            full: false,
            events: 0,
        }
    }

    fn event(&mut self, event: &Event) {
        self.events += 1;
        self.known.event(event);
        if self.launched.is_none()
            && let Detail::ProcessExec { exec } = &event.detail
            && event.outcome.is_success()
            && self.context.artifact.is_some()
            && exec.file.path.text().map(|text| text.lossy().into_owned()) == self.context.artifact
        {
            self.launched = Some(event.seq);
        }
        // the engine's clock counts microseconds
        let ticks = event.time.0 / 1000;
        for view in views(event, &self.known) {
            self.view(&view, ticks);
        }
    }

    fn view(&mut self, view: &View, ticks: i64) {
        self.seen.insert(view.source);
        let Some(served) = self.sources.iter_mut().find(|served| served.source == view.source) else {
            return;
        };
        let telling = self.context.telling.contains_key(&view.seq);
        let Told { mut matches, news } = served.show(view, telling, self.engine.engine().rules());
        self.look_into(view, &news);
        // a match that turns on what the source can't tell is none
        matches.retain(|result| {
            let rule = result.header.rule_id.as_deref().and_then(|id| self.compiled(id));
            rule.is_none_or(|rule| trace::verdict(&explain_rule(rule, view), view).matched == Some(true))
        });
        if matches.is_empty() {
            return;
        }
        // correlations hear of the rules in their own order
        matches.sort_by_key(|result| result.header.rule_id.as_deref().and_then(|id| self.places.get(id)));
        let results = self.engine.process_with_detections(view, matches, ticks);
        self.full |= self.engine.state_count() >= GROUPS;
        for result in results {
            self.matched(view, &result);
        }
    }

    fn compiled(&self, id: &str) -> Option<&CompiledRule> {
        self.engine.engine().rules().get(*self.places.get(id)?)
    }

    fn matched(&mut self, view: &View, result: &EvaluationResult) {
        let Some(id) = result.header.rule_id.clone() else { return };
        let found = match (result.as_detection(), result.as_correlation()) {
            (Some(detection), _) => {
                let fields = detection
                    .matched_fields
                    .iter()
                    .map(|matched| {
                        let value = view.value(&matched.field).unwrap_or_else(|| matched.value.to_string());
                        (matched.field.clone(), value)
                    })
                    .collect();
                Match { events: vec![view.seq], fields, harness_only: self.is_harness(&id, view) }
            }
            (None, Some(correlation)) => {
                let refs = correlation.event_refs.iter().flatten();
                let mut events: Vec<u64> =
                    refs.filter_map(|event| event.id.as_deref()?.parse().ok()).collect();
                if !events.contains(&view.seq) {
                    events.push(view.seq);
                }
                events.sort_unstable();
                events.dedup();
                let fields = correlation.group_key.clone();
                Match { events, fields, harness_only: false }
            }
            (None, None) => return,
        };
        let entry = self.found.entry(id).or_default();
        entry.matched += 1;
        // of many matches the telling ones stay
        if entry.matches.len() < MATCHES {
            entry.matches.push(found);
        } else if !found.harness_only
            && let Some(weak) = entry.matches.iter_mut().find(|kept| kept.harness_only)
        {
            *weak = found;
        }
    }

    /// Whether the match would not be there but for Detektr's launcher and the name that it chose.
    fn is_harness(&self, id: &str, view: &View) -> bool {
        let Some(path) = &self.context.artifact else { return false };
        if self.launched == Some(view.seq) {
            return true;
        }
        let Some(rule) = self.compiled(id) else { return false };
        let other = view.renamed(path, "/opt/other/program");
        other != *view && !explain_rule(rule, &other).matched
    }

    /// Notes what rules could not know of this view, and how near they came.
    fn look_into(&mut self, view: &View, places: &[usize]) {
        let rules = self.engine.engine().rules();
        for rule in places.iter().filter_map(|at| rules.get(*at)) {
            let Some(id) = rule.id.as_deref() else { continue };
            let found = self.found.entry(id.to_owned()).or_default();
            if found.matches.iter().any(|found| !found.harness_only) {
                continue;
            }
            let explanation = explain_rule(rule, view);
            let verdict = trace::verdict(&explanation, view);
            match verdict.matched {
                None => found.needed.extend(verdict.needed),
                Some(true) => {}
                Some(false) => {
                    let weight = self.context.telling.get(&view.seq).copied().unwrap_or_default();
                    let best = Best { weight, event: view.seq, near: trace::near(&explanation) };
                    if found.best.as_ref().is_none_or(|before| best.rank() > before.rank()) {
                        found.best = Some(best);
                    }
                    if let Some(conditions) = unmet(&explanation) {
                        let launcher = self.launched == Some(view.seq);
                        found.near(Nearest { event: view.seq, conditions }, launcher, weight);
                    }
                }
            }
        }
    }

    fn finish(mut self) -> RuleReport {
        let mut holes = Vec::new();
        if self.full {
            holes.push(format!("more than {GROUPS} groups were to be correlated; the oldest were forgotten"));
        }
        let sources: BTreeMap<String, LogSource> = self
            .set
            .collection
            .rules
            .iter()
            .filter_map(|rule| Some((rule.id.clone()?, rule.logsource.clone())))
            .collect();
        let logs = self.context.logs || self.seen.iter().any(|source| source.is_log());
        let rules = self
            .set
            .rules
            .values()
            .map(|rule| {
                let found = self.found.remove(&rule.id).unwrap_or_default();
                outcome(rule, found, sources.get(&rule.id), &self.seen, logs)
            })
            .collect();
        let mut report = RuleReport { rules, holes, events: self.events };
        self.set.open_correlations(&mut report.rules);
        report
    }
}
