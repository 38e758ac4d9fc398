//! Rules that can be asked, and what is known of each.

use rsigma_eval::{CorrelationConfig, CorrelationEngine, CorrelationEventMode, EvalError, TimestampFallback};
use rsigma_parser::{Detection, Modifier, SigmaCollection, SigmaRule};
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

/// What decides what a rule says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The fields that it names.
    pub(crate) fields: BTreeSet<String>,
    /// It also looks for words anywhere.
    pub(crate) keywords: bool,
    /// It asks in ways that are not looked into here, such as references to fields.
    pub(crate) anything: bool,
}

impl Asked {
    /// What `rule` asks for.
    pub(crate) fn by(rule: &SigmaRule) -> Self {
        let mut asked = Asked::default();
        rule.detection.named.values().for_each(|detection| asked.add(detection));
        asked
    }

    fn add(&mut self, detection: &Detection) {
        match detection {
            Detection::AllOf(items) => items.iter().for_each(|item| {
                self.keywords |= item.field.name.is_none();
                self.anything |= item.field.has_modifier(Modifier::FieldRef);
                self.fields.extend(item.field.name.clone());
            }),
            Detection::AnyOf(all) | Detection::And(all) => all.iter().for_each(|one| self.add(one)),
            Detection::Keywords(_) => self.keywords = true,
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => self.anything = true,
        }
    }
}
