//! Which rules a log source is shown to, and which of them it can tell something new.

use crate::rules::Asked;
use crate::view::{Source, View};
use rsigma_eval::CompiledRule;
use rsigma_parser::LogSource;
use std::collections::{HashMap, HashSet};

/// Combinations of values that are remembered, for each set of fields that rules ask for.
const REMEMBERED: usize = 100_000;

/// The rules that a source is shown to.
pub(crate) struct Served {
    pub(crate) source: Source,
    pub(crate) log_source: LogSource,
    pub(crate) groups: Vec<Group>,
}

/// Rules that ask for the same fields: what they say of a view is known where the same values were seen before.
pub(crate) struct Group {
    asked: Asked,
    pub(crate) rules: Vec<usize>,
    seen: HashSet<String>,
}

impl Served {
    pub(crate) fn new(source: Source, rules: &[CompiledRule], asked: &HashMap<&str, Asked>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| source.serves(&rule.logsource)) {
            let Some(asked) = rule.id.as_deref().and_then(|id| asked.get(id)) else { continue };
            match groups.iter_mut().find(|group| group.asked == *asked) {
                Some(group) => group.rules.push(at),
                None => groups.push(Group { asked: asked.clone(), rules: vec![at], seen: HashSet::new() }),
            }
        }
        Served { source, log_source: source.log_source(), groups }
    }
}

impl Group {
    /// Whether its rules can say of `view` what they did not say before.
    pub(crate) fn is_news(&mut self, view: &View) -> bool {
        if self.asked.keywords || self.asked.anything {
            return true;
        }
        let mut key = String::new();
        for field in &self.asked.fields {
            match view.value(field) {
                // the length keeps values apart, whatever stands in them
                Some(value) => key.push_str(&format!("{}:{value}", value.len())),
                None => key.push(if view.tells(field) { '-' } else { '?' }),
            }
        }
        if self.seen.contains(&key) {
            return false;
        }
        if self.seen.len() < REMEMBERED {
            self.seen.insert(key);
        }
        true
    }

    /// Whether `view` can't tell something that its rules ask. Words are looked for in what it tells.
    pub(crate) fn is_untold(&self, view: &View) -> bool {
        self.asked.anything || self.asked.fields.iter().any(|field| !view.tells(field))
    }
}
