//! Asking rules about the events of one run.

use crate::processes::Processes;
use crate::rules::{Asked, GROUPS, RuleRef, RuleSet};
use crate::served::{Served, Told};
use crate::trace;
use crate::view::{Source, View, views};
use detektr_event::{Detail, Event, Text};
use rsigma_eval::{CompiledRule, CorrelationEngine, EvaluationResult, explain_rule};
use rsigma_parser::LogSource;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Matches that are kept of one rule.
const MATCHES: usize = 1000;

/// What is known of a run beside its events.
#[derive(Clone, Debug, Default)]
pub struct RunContext {
    /// Where the artifact was placed, if it is a file: Detektr chose that name.
    pub artifact: Option<String>,
}

impl RunContext {
    /// From the place that a manifest tells.
    pub fn of(path: Option<&Text>) -> Self {
        RunContext { artifact: path.map(|path| path.lossy().into_owned()) }
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
    /// Why nothing matches: the event that came nearest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<WhyNot>,
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

/// Why a rule does not match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WhyNot {
    /// The event that came nearest; absent where no event is of the rule's log source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<u64>,
    /// A sentence.
    pub sentence: String,
    /// The fields that kept it from matching.
    pub fields: Vec<FieldWhy>,
}

/// One field that did not match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldWhy {
    /// Its name.
    pub field: String,
    /// What the rule wants.
    pub wanted: String,
    /// What it was; absent where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<String>,
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

#[derive(Default)]
struct Found {
    matches: Vec<Match>,
    matched: u64,
    needed: BTreeSet<String>,
    best: Option<(usize, u64, trace::Near)>,
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
        let Told { mut matches, news } = served.show(view, self.engine.engine().rules());
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
                    let near = trace::near(&explanation);
                    if found.best.as_ref().is_none_or(|(matched, _, before)| {
                        (near.matched, Reverse(near.failed.len())) > (*matched, Reverse(before.failed.len()))
                    }) {
                        found.best = Some((near.matched, view.seq, near));
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
        let rules = self
            .set
            .rules
            .values()
            .map(|rule| {
                let found = self.found.remove(&rule.id).unwrap_or_default();
                outcome(rule, found, sources.get(&rule.id), &self.seen)
            })
            .collect();
        let mut report = RuleReport { rules, holes, events: self.events };
        self.set.undecided_correlations(&mut report.rules);
        report
    }
}

fn outcome(rule: &RuleRef, found: Found, source: Option<&LogSource>, seen: &BTreeSet<Source>) -> RuleOutcome {
    let served: Vec<Source> =
        Source::ALL.into_iter().filter(|own| source.is_some_and(|wanted| own.serves(wanted))).collect();
    let undecided = if rule.correlation {
        None
    } else if served.is_empty() {
        let wanted = source.map(described).unwrap_or_default();
        Some(format!("it reads {wanted}, which no view of recorded events has"))
    } else if found.needed.is_empty() {
        None
    } else {
        let fields: Vec<String> = found.needed.iter().map(|field| format!("`{field}`")).collect();
        let telemetry: Vec<&str> = served.iter().map(|source| source.telemetry()).collect();
        Some(format!("it could match if {} had {}", telemetry.join(" or "), fields.join(", ")))
    };
    let why_not = found.matches.is_empty().then(|| why_not(rule, &found, &served, seen));
    RuleOutcome { rule: rule.clone(), matches: found.matches, matched: found.matched, undecided, why_not }
}

fn why_not(rule: &RuleRef, found: &Found, served: &[Source], seen: &BTreeSet<Source>) -> WhyNot {
    let plain = |sentence: String| WhyNot { event: None, sentence, fields: Vec::new() };
    if rule.correlation {
        return plain("the rules that it correlates did not match as it counts them".into());
    }
    match &found.best {
        Some((_, event, near)) => {
            let fields: Vec<FieldWhy> = near
                .failed
                .iter()
                .map(|(field, wanted, was)| FieldWhy {
                    field: field.clone(),
                    wanted: wanted.clone(),
                    was: was.clone(),
                })
                .collect();
            let first = fields.first().map_or_else(
                || "its condition is not met".to_owned(),
                |why| match &why.was {
                    Some(was) => format!("`{}` is `{was}`, not {}", why.field, wanted(&why.wanted)),
                    None if why.field == "not" => why.wanted.clone(),
                    None => format!("`{}` is absent, not {}", why.field, wanted(&why.wanted)),
                },
            );
            WhyNot { event: Some(*event), sentence: format!("in event {event}, {first}"), fields }
        }
        None if !served.iter().any(|source| seen.contains(source)) => {
            let names: Vec<&str> = served.iter().map(|source| source.telemetry()).collect();
            match names.as_slice() {
                [] => plain("no view of recorded events is of its log source".into()),
                _ => plain(format!("nothing happened that {} would tell", names.join(" or "))),
            }
        }
        None => plain("no event came near".into()),
    }
}

fn wanted(pattern: &str) -> String {
    if pattern.is_empty() { "what the rule wants".into() } else { format!("`{pattern}`") }
}

fn described(source: &LogSource) -> String {
    let parts = [("product", &source.product), ("category", &source.category), ("service", &source.service)];
    let parts: Vec<String> =
        parts.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?))).collect();
    parts.join(", ")
}
