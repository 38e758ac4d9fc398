//! Files of rules, parsed and checked.

use crate::rules::{RuleError, RuleRef, RuleSet, TICKS};
use rsigma_eval::compile_rule;
use rsigma_parser::{
    ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Detection, Level, Modifier,
    SigmaCollection, SigmaRule, parse_sigma_yaml,
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use yaml_serde::{Deserializer, Value};

const CORRECT: &str = "correct it; the Sigma specification tells what belongs where";
const REFER: &str = "correct the rule, or load the rules that it refers to with it";

impl RuleSet {
    /// Parses files of rules: name and content.
    ///
    /// # Errors
    /// Everything that is wrong with any of them; then none is used.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Vec<RuleError>> {
        let (set, mut errors) = RuleSet::load_usable(files);
        if set.rules.is_empty() && errors.is_empty() {
            let what = "there is no rule".to_owned();
            errors.push(RuleError { file: String::new(), what, remedy: "name a Sigma rule".into() });
        }
        if errors.is_empty() { Ok(set) } else { Err(errors) }
    }

    /// Parses files of rules, and leaves out those that can't be used: a file with a mistake, and a correlation of
    /// rules that are not there. The set may be empty.
    pub fn load_usable<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> (Self, Vec<RuleError>) {
        let mut set = RuleSet { collection: SigmaCollection::new(), rules: BTreeMap::new() };
        let mut errors = Vec::new();
        for (file, content) in files {
            if let Err(found) = set.add(file, content) {
                errors.extend(found);
            }
        }
        set.drop_unresolved(&mut errors);
        // each rule compiles; what is left is wrong with how they go together
        if let Err(error) = set.engine() {
            let what = error.to_string();
            let together =
                set.collection.correlations.iter().filter_map(|rule| set.rules.get(rule.id.as_ref()?));
            let files: BTreeSet<String> = together.map(|rule| rule.file.clone()).collect();
            errors.extend(files.into_iter().map(|file| told(&file, what.clone(), REFER)));
            set.collection.correlations.clear();
            set.rules.retain(|_, rule| !rule.correlation);
            if let Err(error) = set.engine() {
                errors.push(told("", error.to_string(), "correct the filter rules, or leave them out"));
                set = RuleSet { collection: SigmaCollection::new(), rules: BTreeMap::new() };
            }
        }
        (set, errors)
    }

    /// Adds a file, or nothing of it.
    fn add(&mut self, file: &str, content: &[u8]) -> Result<(), Vec<RuleError>> {
        let text = std::str::from_utf8(content)
            .map_err(|e| vec![told(file, format!("it is no UTF-8 text: {e}"), "save it as UTF-8")])?;
        // a document that can't be parsed is left out of an Ok: into_result tells of it
        let mut parsed = parse_sigma_yaml(text)
            .map_err(|e| vec![told(file, e.to_string(), CORRECT)])?
            .into_result()
            .map_err(|all| all.into_iter().map(|what| told(file, what, CORRECT)).collect::<Vec<_>>())?;
        let mut errors: Vec<RuleError> = parsed.rules.iter().flat_map(|rule| mistakes(file, rule)).collect();
        if parsed.rules.is_empty() && parsed.correlations.is_empty() && parsed.filters.is_empty() {
            errors.push(told(file, "it holds no rule".into(), "leave it out, or write a Sigma rule into it"));
        }
        // what is correlated is found by id, or by name only where an id stands beside it
        let mut taken: BTreeSet<String> = self.rules.keys().cloned().collect();
        let mut found = Vec::new();
        for rule in &mut parsed.rules {
            let id = own_id(&mut taken, rule.id.as_deref(), file, &rule.title, &mut errors);
            found.push(reference(&id, &rule.title, rule.level, &rule.tags, file));
            rule.id = Some(id);
        }
        let stated = stated_conditions(text, parsed.correlations.len());
        for (rule, stated) in parsed.correlations.iter_mut().zip(stated) {
            let id = own_id(&mut taken, rule.id.as_deref(), file, &rule.title, &mut errors);
            let known = reference(&id, &rule.title, rule.level, &rule.tags, file);
            found.push(RuleRef { correlation: true, ..known });
            rule.id = Some(id);
            if !stated {
                want_all(rule);
            }
            rule.timespan.seconds = rule.timespan.seconds.saturating_mul(TICKS);
            if let Some(gap) = &mut rule.gap {
                gap.seconds = gap.seconds.saturating_mul(TICKS);
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        self.rules.extend(found.into_iter().map(|rule| (rule.id.clone(), rule)));
        self.collection.rules.append(&mut parsed.rules);
        self.collection.correlations.append(&mut parsed.correlations);
        self.collection.filters.append(&mut parsed.filters);
        Ok(())
    }

    /// Leaves out correlations of rules that are not there; with them those that correlate these in turn.
    fn drop_unresolved(&mut self, errors: &mut Vec<RuleError>) {
        loop {
            let known: BTreeSet<String> = {
                let rules = self.collection.rules.iter().flat_map(|rule| [&rule.id, &rule.name]);
                let correlations =
                    self.collection.correlations.iter().flat_map(|rule| [&rule.id, &rule.name]);
                rules.chain(correlations).flatten().cloned().collect()
            };
            let missing =
                |rule: &CorrelationRule| rule.rules.iter().find(|name| !known.contains(*name)).cloned();
            let Some(at) = self.collection.correlations.iter().position(|rule| missing(rule).is_some())
            else {
                return;
            };
            let gone = self.collection.correlations.remove(at);
            let wanted = missing(&gone).unwrap_or_default();
            let what = format!("`{}` correlates `{wanted}`, which is none of the loaded rules", gone.title);
            let file =
                gone.id.and_then(|id| self.rules.remove(&id)).map(|rule| rule.file).unwrap_or_default();
            errors.push(told(&file, what, REFER));
        }
    }
}

/// A temporal correlation without a condition wants all of its rules; the parser reads that as any one of them.
fn want_all(rule: &mut CorrelationRule) {
    let every = rule.rules.iter().collect::<BTreeSet<_>>().len() as u64;
    if matches!(rule.correlation_type, CorrelationType::Temporal | CorrelationType::TemporalOrdered)
        && let CorrelationCondition::Threshold { predicates, .. } = &mut rule.condition
        && *predicates == [(ConditionOperator::Gte, 1)]
    {
        predicates[0].1 = every;
    }
}

/// Which of the `count` correlations of a file have a condition of their own: the parser puts one in where none stands.
fn stated_conditions(text: &str, count: usize) -> Vec<bool> {
    let mut stated = Vec::new();
    for document in Deserializer::from_str(text) {
        // what can't be read was told by the parser
        let Ok(document) = Value::deserialize(document) else { break };
        if document.get("action").is_some() {
            // documents that others are made of: which becomes which is the parser's affair
            return vec![false; count];
        }
        if let Some(correlation) = document.get("correlation") {
            stated.push(correlation.get("condition").is_some());
        }
    }
    stated.resize(count, false);
    stated
}

fn told(file: &str, what: String, remedy: &str) -> RuleError {
    RuleError { file: file.into(), what, remedy: remedy.into() }
}

/// What keeps one rule from being asked.
fn mistakes(file: &str, rule: &SigmaRule) -> Vec<RuleError> {
    let mut errors = Vec::new();
    for detection in rule.detection.named.values() {
        if let Some(field) = expands(detection) {
            let what = format!("`{}`: the placeholder of `{field}|expand` has no value here", rule.title);
            let remedy = "write the values out, or resolve it with a pipeline beforehand";
            errors.push(told(file, what, remedy));
        }
    }
    if rule.detection.timeframe.is_some() {
        let what = format!("`{}`: aggregations in conditions are no longer Sigma", rule.title);
        errors.push(told(file, what, "write it as a correlation rule"));
    }
    if errors.is_empty()
        && let Err(error) = compile_rule(rule)
    {
        errors.push(told(file, format!("`{}`: {error}", rule.title), CORRECT));
    }
    errors
}

fn reference(id: &str, title: &str, level: Option<Level>, tags: &[String], file: &str) -> RuleRef {
    RuleRef {
        id: id.into(),
        title: title.into(),
        file: file.into(),
        level: level.map(|level| level.as_str().to_owned()),
        tags: tags.to_vec(),
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
        errors.push(told(
            file,
            format!("`{title}`: another rule has the id {own} already"),
            "give each rule an id of its own",
        ));
    }
    own
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
