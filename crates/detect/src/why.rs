//! What is told of a rule in the end: whether it could be decided, and why it does not match.

use crate::rules::RuleRef;
use crate::run::{Found, RuleOutcome};
use crate::view::Source;
use rsigma_parser::LogSource;
use serde::Serialize;
use std::collections::BTreeSet;

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

/// What became of `rule`, which reads `source`. `seen` are the log sources of which there were records, and `logs` says
/// whether messages of programs were recorded.
pub(crate) fn outcome(
    rule: &RuleRef,
    found: Found,
    source: Option<&LogSource>,
    seen: &BTreeSet<Source>,
    logs: bool,
) -> RuleOutcome {
    let serves = |own: &Source| source.is_some_and(|wanted| own.serves(wanted)) && (logs || !own.is_log());
    let served: Vec<Source> = Source::ALL.into_iter().filter(serves).collect();
    let no_telemetry = (!rule.correlation && served.is_empty()).then(|| {
        let wanted = source.map(described).unwrap_or_default();
        format!("it reads {wanted}, of which the run has no record")
    });
    let undecided = (!found.needed.is_empty()).then(|| {
        let fields: Vec<String> = found.needed.iter().map(|field| format!("`{field}`")).collect();
        let telemetry: Vec<&str> = served.iter().map(|source| source.telemetry()).collect();
        format!("it could match if {} had {}", telemetry.join(" or "), fields.join(", "))
    });
    let why_not = found.matches.is_empty().then(|| why_not(rule, &found, &served, seen));
    RuleOutcome {
        rule: rule.clone(),
        matches: found.matches,
        matched: found.matched,
        undecided,
        no_telemetry,
        nearest: if why_not.is_some() { found.nearest } else { Vec::new() },
        why_not,
    }
}

fn why_not(rule: &RuleRef, found: &Found, served: &[Source], seen: &BTreeSet<Source>) -> WhyNot {
    let plain = |sentence: String| WhyNot { event: None, sentence, fields: Vec::new() };
    if rule.correlation {
        return plain("the rules that it correlates did not match as it counts them".into());
    }
    match &found.best {
        Some(best) => {
            let event = best.event;
            let fields: Vec<FieldWhy> = best
                .near
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
            WhyNot { event: Some(event), sentence: format!("in event {event}, {first}"), fields }
        }
        None if !served.iter().any(|source| seen.contains(source)) => {
            let names: Vec<&str> = served.iter().map(|source| source.telemetry()).collect();
            match names.as_slice() {
                [] => plain("the run has no record of its log source".into()),
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
