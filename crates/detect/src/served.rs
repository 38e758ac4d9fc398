//! Which rules a log source is shown to, and which of them it can tell something new.

use crate::rules::Asked;
use crate::view::{Source, View};
use rsigma_eval::CompiledRule;
use rsigma_parser::LogSource;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// Combinations of values that are remembered, for each set of fields that rules ask for.
const REMEMBERED: usize = 100_000;

/// How many views each set of rules is explained on merely to find out how near they came.
const EXPLAINED: usize = 500;

/// The rules that a source is shown to.
pub(crate) struct Served {
    pub(crate) source: Source,
    pub(crate) log_source: LogSource,
    pub(crate) groups: Vec<Group>,
}

/// Rules that ask for the same fields: what they say of a view is known where the same values were seen before.
pub(crate) struct Group {
    asked: Asked,
    /// The source has not every field that is asked for.
    lacks: bool,
    pub(crate) rules: Vec<usize>,
    seen: HashSet<String>,
    /// Where combinations of values are put together.
    key: String,
    /// Views that its rules may still be explained on.
    budget: usize,
}

impl Served {
    pub(crate) fn new(source: Source, rules: &[CompiledRule], asked: &HashMap<&str, Asked>) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| source.serves(&rule.logsource)) {
            let Some(asked) = rule.id.as_deref().and_then(|id| asked.get(id)) else { continue };
            match groups.iter_mut().find(|group| group.asked == *asked) {
                Some(group) => group.rules.push(at),
                None => groups.push(Group {
                    asked: asked.clone(),
                    lacks: asked.fields.iter().any(|field| !source.has(field)),
                    rules: vec![at],
                    seen: HashSet::new(),
                    key: String::new(),
                    budget: EXPLAINED,
                }),
            }
        }
        Served { source, log_source: source.log_source(), groups }
    }
}

impl Group {
    /// Whether to look into what its rules say of `view`: what can't be told must always be found out; how near a
    /// rule came only as long as that is cheap.
    pub(crate) fn is_worth_explaining(&mut self, view: &View) -> bool {
        if (self.budget == 0 && !self.is_untold(view)) || !self.is_news(view) {
            return false;
        }
        self.budget = self.budget.saturating_sub(1);
        true
    }

    /// Whether its rules can say of `view` what they did not say before.
    fn is_news(&mut self, view: &View) -> bool {
        if self.asked.keywords || self.asked.anything {
            return true;
        }
        self.key.clear();
        for field in &self.asked.fields {
            match view.fields.iter().find(|(name, _)| name == field) {
                // what a value can't hold keeps it apart from the next
                Some((_, value)) => {
                    let _ = write!(self.key, "{value:?}\0");
                }
                None => self.key.push(if view.tells(field) { '-' } else { '?' }),
            }
        }
        if self.seen.contains(&self.key) {
            return false;
        }
        if self.seen.len() < REMEMBERED {
            self.seen.insert(self.key.clone());
        }
        true
    }

    /// Whether `view` can't tell something that its rules ask. Words are looked for in what it tells.
    fn is_untold(&self, view: &View) -> bool {
        self.asked.anything
            || self.lacks
            || view.unknown.iter().any(|field| self.asked.fields.contains(*field))
    }
}
