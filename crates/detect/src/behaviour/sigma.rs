//! Behaviours that are Sigma rules and correlations over the native taxonomy.

use crate::behaviour::collect::{Collector, Sighting, reached};
use crate::behaviour::definition::{Definition, attacks};
use crate::behaviour::fields::Fields;
use crate::behaviour::finding::{Confidence, Level};
use crate::rules::{GROUPS, RuleError, RuleSet};
use crate::view::native::{Known, Native, categories, is_category};
use detektr_event::{Event, ProcessRef};
use rsigma_eval::{CorrelationEngine, Engine};
use rsigma_parser::{Level as SigmaLevel, SigmaRule};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const NATIVE: &str = "detektr";

/// Events behind correlations that are remembered for their processes.
const REMEMBERED: usize = 100_000;

/// What rules define, and what is wrong with them as behaviours.
pub(crate) fn definitions(set: &RuleSet) -> Result<Vec<Definition>, Vec<RuleError>> {
    let mut errors = Vec::new();
    let mut found = Vec::new();
    let file = |id: &Option<String>| {
        let rule = id.as_ref().and_then(|id| set.rules.get(id));
        rule.map(|rule| rule.file.clone()).unwrap_or_default()
    };
    let base = |id: &Option<String>, name: &Option<String>| {
        let named = |wanted: &String| Some(wanted) == id.as_ref() || Some(wanted) == name.as_ref();
        set.collection.correlations.iter().any(|rule| !rule.generate && rule.rules.iter().any(named))
    };
    for rule in &set.collection.rules {
        if let Some(what) = misplaced(rule) {
            let remedy = "write `product: detektr` and one kind of event as `category`, such as file.open";
            errors.push(RuleError { file: file(&rule.id), what, remedy: remedy.into() });
        }
        // what only serves a correlation is no behaviour of its own
        if !base(&rule.id, &rule.name) {
            let custom = confidence(rule.custom_attributes.get("confidence").map(as_json));
            found.push((&rule.id, &rule.title, &rule.description, rule.level, &rule.tags, custom));
        }
    }
    for rule in &set.collection.correlations {
        if !base(&rule.id, &rule.name) {
            let custom = confidence(rule.custom_attributes.get("confidence").map(as_json));
            found.push((&rule.id, &rule.title, &rule.description, rule.level, &rule.tags, custom));
        }
    }
    let mut all = Vec::new();
    for (id, title, description, level, tags, confidence) in found {
        let Some(confidence) = confidence else {
            errors.push(RuleError {
                file: file(id),
                what: format!("`{title}`: its confidence is none"),
                remedy: "write `confidence: low`, `medium` or `high`, or leave it out for medium".into(),
            });
            continue;
        };
        let (tactic, techniques) = attacks(tags);
        all.push(Definition {
            id: id.clone().unwrap_or_default(),
            title: title.clone(),
            sentence: description.as_ref().unwrap_or(title).trim().to_owned(),
            level: level.map_or(Level::Medium, own_level),
            confidence,
            tactic,
            techniques,
            source: file(id),
        });
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

/// Fields that rules of the files in `of` name and no event has.
pub(crate) fn unknown_fields(set: &RuleSet, of: &BTreeSet<&str>) -> Vec<RuleError> {
    let file = |rule: &SigmaRule| Some(set.rules.get(rule.id.as_ref()?)?.file.as_str());
    let rules = set.collection.rules.iter().filter_map(|rule| Some((rule, file(rule)?)));
    let mut rules = rules.filter(|(_, file)| of.contains(file)).peekable();
    if rules.peek().is_none() {
        return Vec::new();
    }
    let fields = Fields::new();
    let errors = |(rule, file): (&SigmaRule, &str)| {
        let category = rule.logsource.category.as_deref().unwrap_or_default();
        let told = |(field, remedy): (String, String)| RuleError {
            file: file.to_owned(),
            what: format!("`{}`: no event of {category} has a field `{field}`", rule.title),
            remedy,
        };
        fields.unknown(rule).into_iter().map(told).collect::<Vec<_>>()
    };
    rules.flat_map(errors).collect()
}

fn as_json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Medium where it is not told; `None` where it is no confidence.
fn confidence(value: Option<serde_json::Value>) -> Option<Confidence> {
    value.map_or(Some(Confidence::Medium), |value| serde_json::from_value(value).ok())
}

fn own_level(level: SigmaLevel) -> Level {
    match level {
        SigmaLevel::Informational => Level::Informational,
        SigmaLevel::Low => Level::Low,
        SigmaLevel::Medium => Level::Medium,
        SigmaLevel::High => Level::High,
        SigmaLevel::Critical => Level::Critical,
    }
}

fn misplaced(rule: &SigmaRule) -> Option<String> {
    let source = &rule.logsource;
    if source.product.as_deref() != Some(NATIVE) || source.service.is_some() {
        return Some(format!("`{}` is no rule over Detektr's own events", rule.title));
    }
    match source.category.as_deref() {
        Some(category) if is_category(category) => None,
        Some(category) => Some(format!("`{}`: there is no kind of event named {category}", rule.title)),
        None => Some(format!("`{}` names no category", rule.title)),
    }
}

/// Rules made ready: to compile them takes longer than most runs do.
pub(crate) struct Compiled {
    /// The rules of each category, so that an event meets only those that can match it.
    engines: HashMap<String, Engine>,
    /// The correlations, with the rules that they name.
    correlated: RuleSet,
}

impl Compiled {
    pub(crate) fn new(set: &RuleSet) -> Self {
        let mut engines: HashMap<String, Engine> = HashMap::new();
        for rule in &set.collection.rules {
            let category = rule.logsource.category.clone().unwrap_or_default();
            let engine = engines.entry(category).or_default();
            engine.add_rule(rule).expect("the rules compiled when they were loaded");
        }
        for filter in &set.collection.filters {
            for engine in engines.values_mut() {
                engine.apply_filter(filter).expect("the filters applied when they were loaded");
            }
        }
        let mut correlated = set.clone();
        let named: HashSet<&String> = set.collection.correlations.iter().flat_map(|one| &one.rules).collect();
        let is_named = |name: &Option<String>| name.as_ref().is_some_and(|name| named.contains(name));
        correlated.collection.rules.retain(|rule| is_named(&rule.id) || is_named(&rule.name));
        correlated.collection.filters.clear();
        Compiled { engines, correlated }
    }
}

/// Rules at work on one run.
pub(crate) struct Rules<'a> {
    engines: &'a HashMap<String, Engine>,
    correlations: CorrelationEngine,
    correlated: bool,
    /// Who made the events that a correlation may name.
    makers: BTreeMap<u64, ProcessRef>,
    full: bool,
}

impl<'a> Rules<'a> {
    pub(crate) fn new(Compiled { engines, correlated }: &'a Compiled) -> Self {
        Rules {
            engines,
            correlations: correlated.engine().expect("the rules compiled when they were loaded"),
            correlated: !correlated.collection.correlations.is_empty(),
            makers: BTreeMap::new(),
            full: false,
        }
    }

    pub(crate) fn event(&mut self, event: &Event, known: Option<&Known>, found: &mut Collector<'_>) {
        // the engine's clock counts microseconds
        let ticks = event.time.0 / 1000;
        for (category, path) in categories(event) {
            let Some(engine) = self.engines.get(category) else { continue };
            let view = Native::new(event, known, path);
            let detections = engine.evaluate(&view);
            if detections.is_empty() {
                continue;
            }
            let results = self.correlations.process_with_detections(&view, detections, ticks);
            self.full |= self.correlations.state_count() >= GROUPS;
            if self.correlated
                && let Some(process) = &event.process
            {
                self.makers.insert(event.seq, process.clone());
                if self.makers.len() > REMEMBERED {
                    self.makers.pop_first();
                }
            }
            for result in results {
                let Some(id) = result.header.rule_id.as_deref() else { continue };
                let mut events = vec![event.seq];
                if let Some(correlation) = result.as_correlation() {
                    let refs = correlation.event_refs.iter().flatten();
                    events.extend(refs.filter_map(|event| event.id.as_deref()?.parse::<u64>().ok()));
                }
                events.sort_unstable();
                events.dedup();
                let mut processes: Vec<&ProcessRef> =
                    events.iter().filter_map(|seq| self.makers.get(seq)).collect();
                if processes.is_empty() {
                    processes.extend(&event.process);
                }
                let values = found.fields(id).iter().map(|field| view.told(field)).collect();
                let seen = Sighting {
                    reached: reached(&event.outcome),
                    errno: event.outcome.errno.as_deref(),
                    events,
                    processes,
                    values,
                };
                found.sighting(id, seen);
            }
        }
    }

    /// What was too much to be looked at.
    pub(crate) fn hole(&self) -> Option<String> {
        self.full
            .then(|| format!("more than {GROUPS} groups were to be correlated; the oldest were forgotten"))
    }
}
