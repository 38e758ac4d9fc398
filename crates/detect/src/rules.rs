//! Rules that can be asked, and what is known of each.

use rsigma_eval::{CorrelationConfig, CorrelationEngine, CorrelationEventMode, EvalError, TimestampFallback};
use rsigma_parser::{Detection, SigmaCollection, SigmaRule};
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
            item.field.name.is_some() && !item.field.has_modifier(rsigma_parser::Modifier::FieldRef)
        }),
        Detection::AnyOf(all) | Detection::And(all) => all.iter().all(|one| collect(one, fields)),
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } | Detection::Keywords(_) => false,
    }
}
