//! Which rules a log source is shown to, and which of them it can tell something new.

use crate::view::{Source, View};
use rsigma_eval::CompiledRule;
use rsigma_parser::LogSource;
use std::collections::{BTreeSet, HashMap, HashSet};

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
    /// None where anything in a view may decide.
    fields: Option<BTreeSet<String>>,
    pub(crate) rules: Vec<usize>,
    seen: HashSet<String>,
}

impl Served {
    pub(crate) fn new(
        source: Source,
        rules: &[CompiledRule],
        fields: &HashMap<&str, Option<BTreeSet<String>>>,
    ) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| source.serves(&rule.logsource)) {
            let asked = rule.id.as_deref().and_then(|id| fields.get(id).cloned().flatten());
            match groups.iter_mut().find(|group| group.fields == asked) {
                Some(group) => group.rules.push(at),
                None => groups.push(Group { fields: asked, rules: vec![at], seen: HashSet::new() }),
            }
        }
        Served { source, log_source: source.log_source(), groups }
    }
}

impl Group {
    /// Whether its rules can say of `view` what they did not say before.
    pub(crate) fn is_news(&mut self, view: &View) -> bool {
        let Some(fields) = &self.fields else { return true };
        let mut key = String::new();
        for field in fields {
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

    /// Whether `view` can't tell something that its rules ask.
    pub(crate) fn is_untold(&self, view: &View) -> bool {
        self.fields.as_ref().is_none_or(|fields| fields.iter().any(|field| !view.tells(field)))
    }
}
