//! Rules: parsed, checked, and made ready to be asked.

use rsigma_eval::{CorrelationConfig, CorrelationEngine, CorrelationEventMode, EvalError, TimestampFallback};
use rsigma_parser::{Detection, Modifier, SigmaCollection, SigmaRule, parse_sigma_yaml};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Events have microseconds, and the engine's clock counts whole numbers: so its seconds are our microseconds, and
/// time spans grow by as much.
pub(crate) const TICKS: u64 = 1_000_000;
/// Correlation groups that are remembered; more make an answer incomplete.
pub(crate) const GROUPS: usize = 100_000;

/// Why a rule can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {what}")]
pub struct RuleError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Which rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RuleRef {
    /// Its id; one of ours where it has none.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The file that it stands in.
    pub file: String,
    /// Its level, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// It correlates other rules.
    pub correlation: bool,
}

/// Rules that can be asked together.
#[derive(Clone, Debug)]
pub struct RuleSet {
    pub(crate) collection: SigmaCollection,
    pub(crate) rules: BTreeMap<String, RuleRef>,
}

impl RuleSet {
    /// Parses files of rules: name and content.
    ///
    /// # Errors
    /// Everything that is wrong with any of them; then none is used.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Vec<RuleError>> {
        let mut set = RuleSet { collection: SigmaCollection::new(), rules: BTreeMap::new() };
        let mut errors = Vec::new();
        for (file, content) in files {
            if let Err(found) = set.add(file, content) {
                errors.extend(found);
            }
        }
        if errors.is_empty()
            && let Err(error) = set.engine()
        {
            let remedy = "correct the rule, or load the rules that it refers to with it";
            let file = set.rules.values().map(|rule| rule.file.clone()).next().unwrap_or_default();
            errors.push(RuleError { file, what: error.to_string(), remedy: remedy.into() });
        }
        if set.rules.is_empty() && errors.is_empty() {
            let what = "there is no rule".to_owned();
            errors.push(RuleError { file: String::new(), what, remedy: "name a Sigma rule".into() });
        }
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// The rules.
    pub fn rules(&self) -> impl Iterator<Item = &RuleRef> {
        self.rules.values()
    }

    /// A fresh engine with all rules.
    pub(crate) fn engine(&self) -> Result<CorrelationEngine, EvalError> {
        let mut engine = CorrelationEngine::new(CorrelationConfig {
            timestamp_fallback: TimestampFallback::Skip,
            max_state_entries: GROUPS,
            correlation_event_mode: CorrelationEventMode::Refs,
            max_correlation_events: 1000,
            ..CorrelationConfig::default()
        });
        engine.add_collection(&self.collection)?;
        Ok(engine)
    }

    fn add(&mut self, file: &str, content: &[u8]) -> Result<(), Vec<RuleError>> {
        let error = |what: String, remedy: &str| RuleError { file: file.into(), what, remedy: remedy.into() };
        let text = std::str::from_utf8(content)
            .map_err(|e| vec![error(format!("it is no UTF-8 text: {e}"), "save it as UTF-8")])?;
        let help = "correct it; the Sigma specification tells what belongs where";
        // a document that can't be parsed is left out of an Ok: into_result tells of it
        let mut parsed = parse_sigma_yaml(text)
            .map_err(|e| vec![error(e.to_string(), help)])?
            .into_result()
            .map_err(|all| all.into_iter().map(|what| error(what, help)).collect::<Vec<_>>())?;
        let mut errors = Vec::new();
        for rule in &mut parsed.rules {
            for detection in rule.detection.named.values() {
                if let Some(field) = expands(detection) {
                    let what =
                        format!("`{}`: the placeholder of `{field}|expand` has no value here", rule.title);
                    errors
                        .push(error(what, "write the values out, or resolve it with a pipeline beforehand"));
                }
            }
            if rule.detection.timeframe.is_some() {
                let what = format!("`{}`: aggregations in conditions are no longer Sigma", rule.title);
                errors.push(error(what, "write it as a correlation rule"));
            }
        }
        // what is correlated is found by id, or by name only where an id stands beside it
        let mut taken: BTreeSet<String> = self.rules.keys().cloned().collect();
        for rule in &mut parsed.rules {
            let id = own_id(&mut taken, rule.id.as_deref(), file, &rule.title, &mut errors);
            rule.id = Some(id.clone());
            self.rules.insert(id.clone(), reference(id, rule, file));
        }
        for rule in &mut parsed.correlations {
            let id = own_id(&mut taken, rule.id.as_deref(), file, &rule.title, &mut errors);
            rule.id = Some(id.clone());
            rule.timespan.seconds = rule.timespan.seconds.saturating_mul(TICKS);
            if let Some(gap) = &mut rule.gap {
                gap.seconds = gap.seconds.saturating_mul(TICKS);
            }
            let reference = RuleRef {
                id: id.clone(),
                title: rule.title.clone(),
                file: file.into(),
                level: rule.level.map(|level| level.as_str().to_owned()),
                tags: rule.tags.clone(),
                correlation: true,
            };
            self.rules.insert(id, reference);
        }
        self.collection.rules.append(&mut parsed.rules);
        self.collection.correlations.append(&mut parsed.correlations);
        self.collection.filters.append(&mut parsed.filters);
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

fn reference(id: String, rule: &SigmaRule, file: &str) -> RuleRef {
    RuleRef {
        id,
        title: rule.title.clone(),
        file: file.into(),
        level: rule.level.map(|level| level.as_str().to_owned()),
        tags: rule.tags.clone(),
        correlation: false,
    }
}

/// The rule's id, or one of ours; two rules of one id can't be told apart.
fn own_id(
    taken: &mut BTreeSet<String>,
    id: Option<&str>,
    file: &str,
    title: &str,
    errors: &mut Vec<RuleError>,
) -> String {
    let own = match id {
        Some(id) => id.to_owned(),
        None => format!("detektr:{file}#{}", taken.len()),
    };
    if !taken.insert(own.clone()) {
        errors.push(RuleError {
            file: file.into(),
            what: format!("`{title}`: another rule has the id {own} already"),
            remedy: "give each rule an id of its own".into(),
        });
    }
    own
}

/// The fields that alone decide what a rule says; none where all of an event may (keywords, references to fields).
pub(crate) fn fields(rule: &SigmaRule) -> Option<BTreeSet<String>> {
    let mut fields = BTreeSet::new();
    rule.detection.named.values().all(|detection| collect(detection, &mut fields)).then_some(fields)
}

fn collect(detection: &Detection, fields: &mut BTreeSet<String>) -> bool {
    match detection {
        Detection::AllOf(items) => items.iter().all(|item| {
            fields.extend(item.field.name.clone());
            item.field.name.is_some() && !item.field.has_modifier(Modifier::FieldRef)
        }),
        Detection::AnyOf(all) | Detection::And(all) => all.iter().all(|one| collect(one, fields)),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => false,
    }
}

/// The first field with an `expand` modifier, which compiles without its value and never matches.
fn expands(detection: &Detection) -> Option<String> {
    match detection {
        Detection::AllOf(items) => items
            .iter()
            .find(|item| item.field.has_modifier(Modifier::Expand))
            .map(|item| item.field.name.clone().unwrap_or_default()),
        Detection::AnyOf(all) | Detection::And(all) => all.iter().find_map(expands),
        Detection::ArrayMatch { body, .. } => expands(body),
        Detection::Conditional { named, .. } => named.values().find_map(expands),
        Detection::Keywords(_) => None,
    }
}
