//! Correlations: what is unknown of the rules that they count.

use crate::rules::RuleSet;
use crate::run::RuleOutcome;
use rsigma_parser::CorrelationRule;

impl RuleSet {
    /// A correlation that does not match is no more certain than the rules that it counts.
    pub(crate) fn open_correlations(&self, outcomes: &mut [RuleOutcome]) {
        // a correlation may count others, so this goes on until nothing changes
        while let Some((at, cause)) = self.open(outcomes) {
            match cause {
                Cause::Undecided(needed) => {
                    outcomes[at].undecided =
                        Some(format!("a rule that it correlates can't be decided: {needed}"));
                }
                Cause::NoTelemetry(needed) => {
                    outcomes[at].no_telemetry =
                        Some(format!("a rule that it correlates was not asked: {needed}"));
                }
            }
        }
    }

    /// The next correlation that is not as certain as it seems.
    fn open(&self, outcomes: &[RuleOutcome]) -> Option<(usize, Cause)> {
        self.collection.correlations.iter().find_map(|correlation| {
            let at = outcomes.iter().position(|own| Some(&own.rule.id) == correlation.id.as_ref())?;
            let own = &outcomes[at];
            if !own.matches.is_empty() || own.undecided.is_some() {
                return None;
            }
            let counted = || outcomes.iter().filter(|one| self.counts(correlation, &one.rule.id));
            let undecided = counted().find_map(|one| one.undecided.clone()).map(Cause::Undecided);
            let unasked = || counted().find_map(|one| one.no_telemetry.clone()).map(Cause::NoTelemetry);
            let cause = if own.no_telemetry.is_none() { undecided.or_else(unasked) } else { undecided };
            Some((at, cause?))
        })
    }

    /// Whether `correlation` counts the rule of that id.
    fn counts(&self, correlation: &CorrelationRule, id: &str) -> bool {
        let rules = self.collection.rules.iter().map(|rule| (&rule.id, &rule.name));
        let others = self.collection.correlations.iter().map(|rule| (&rule.id, &rule.name));
        rules.chain(others).any(|(own, name)| {
            own.as_deref() == Some(id)
                && [own, name].into_iter().flatten().any(|word| correlation.rules.contains(word))
        })
    }
}

/// Why a correlation is open.
enum Cause {
    Undecided(String),
    NoTelemetry(String),
}
