//! Rules that can be asked, and what is known of each.

use rsigma_eval::{CorrelationConfig, CorrelationEngine, CorrelationEventMode, EvalError, TimestampFallback};
use rsigma_parser::{Detection, FilterRule, Modifier, SigmaCollection, SigmaRule, SigmaValue, StringPart};
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
    pub(crate) words: bool,
    /// Those words may be found in numbers and times, which differ from record to record.
    pub(crate) restless: bool,
    /// It asks in ways that are not looked into here, such as references to fields.
    pub(crate) anything: bool,
}

impl Asked {
    /// What `rule` asks for; each of `filters` may be for it.
    pub(crate) fn by(rule: &SigmaRule, filters: &[FilterRule]) -> Self {
        let mut asked = Asked::default();
        let filters = filters.iter().flat_map(|filter| filter.detection.named.values());
        rule.detection.named.values().chain(filters).for_each(|detection| asked.add(detection));
        asked
    }

    /// All that `other` asks for too.
    pub(crate) fn extend(&mut self, other: &Asked) {
        self.fields.extend(other.fields.iter().cloned());
        self.words |= other.words;
        self.restless |= other.restless;
        self.anything |= other.anything;
    }

    /// Whether the fields, and all texts that say more than numbers, decide the answer.
    pub(crate) fn is_plain(&self) -> bool {
        !self.restless && !self.anything
    }

    fn add(&mut self, detection: &Detection) {
        match detection {
            Detection::AllOf(items) => items.iter().for_each(|item| {
                self.anything |= item.field.has_modifier(Modifier::FieldRef);
                match &item.field.name {
                    Some(name) => drop(self.fields.insert(name.clone())),
                    None => self.add_words(&item.values, &item.field.modifiers),
                }
            }),
            Detection::AnyOf(all) | Detection::And(all) => all.iter().for_each(|one| self.add(one)),
            Detection::Keywords(values) => self.add_words(values, &[]),
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => self.anything = true,
        }
    }

    fn add_words(&mut self, values: &[SigmaValue], modifiers: &[Modifier]) {
        self.words = true;
        let literal = modifiers.iter().all(|modifier| {
            matches!(
                modifier,
                Modifier::Contains
                    | Modifier::StartsWith
                    | Modifier::EndsWith
                    | Modifier::All
                    | Modifier::Cased
            )
        });
        self.restless |= !literal || values.iter().any(|value| !is_calm(value));
    }
}

/// Longest number, in hexadecimal digits.
const DIGITS: usize = 16;
/// What stands in a time as views write it, but for the digits.
const TIME: &[u8] = b"dddd-dd-ddTdd:dd:dd.dddddddddZ";

/// Whether `text` is a number or a time: what differs from record to record where all else is the same.
pub(crate) fn is_restless(text: &str) -> bool {
    let number = text.len() <= DIGITS && text.bytes().all(is_digit);
    let time = text.len() == TIME.len()
        && text.bytes().zip(TIME).all(|(c, at)| if *at == b'd' { c.is_ascii_digit() } else { c == *at });
    number || time
}

fn is_digit(c: u8) -> bool {
    c.is_ascii_digit() || (b'a'..=b'f').contains(&c)
}

/// Whether what `value` looks for is found in no number, and in every time or in none, whatever case it is written in.
fn is_calm(value: &SigmaValue) -> bool {
    let SigmaValue::String(text) = value else { return false };
    let literals = || {
        text.parts.iter().filter_map(|part| match part {
            StringPart::Plain(text) => Some(text.as_str()),
            StringPart::Special(_) => None,
        })
    };
    let has = |fits: fn(u8) -> bool| literals().any(|text| text.bytes().any(|c| c.is_ascii() && fits(c)));
    let no_number = has(|c| !is_digit(c.to_ascii_lowercase())) || literals().any(|text| text.len() > DIGITS);
    let no_time = has(|c| !c.is_ascii_digit() && !TIME.contains(&c.to_ascii_uppercase()));
    no_number && (no_time || !has(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::{is_calm, is_restless};
    use detektr_event::Timestamp;
    use rsigma_parser::{SigmaString, SigmaValue};

    #[test]
    fn numbers_and_times_are_restless_and_nothing_else_is() {
        let time = Timestamp(1_764_253_280_818_081_845).to_string();
        for text in ["", "7", "1000", "ffffffffffffff9c", "55d0e1c2a040", time.as_str()] {
            assert!(is_restless(text), "{text}");
        }
        for text in ["x86_64", "dd if", "FF", "2026-11-27", "ffffffffffffff9c0", "-t"] {
            assert!(!is_restless(text), "{text}");
        }
    }

    #[test]
    fn a_word_is_calm_where_no_number_has_it_and_the_digits_of_a_time_do_not_matter() {
        let calm = |text: &str| is_calm(&SigmaValue::String(SigmaString::new(text)));
        let long = "A".repeat(80);
        for text in ["linpeas", "*wget*", ":", "-t", "--to-ports 42", "add x", "/dd", long.as_str()] {
            assert!(calm(text), "{text}");
        }
        for text in ["dd", "ADD", "4444", "*", "?", "12:30", "2026-1", "T1", "*face*"] {
            assert!(!calm(text), "{text}");
        }
        assert!(!is_calm(&SigmaValue::Integer(4)));
    }
}
