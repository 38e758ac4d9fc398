//! Correlations: what is unknown of the rules that they count.

use crate::rules::RuleSet;
use crate::run::RuleOutcome;

impl RuleSet {
    /// A correlation that does not match is no more certain than the rules that it counts.
    pub(crate) fn undecided_correlations(&self, outcomes: &mut [RuleOutcome]) {
        // a correlation may count others, so this goes on until nothing changes
        loop {
            let open: Vec<(String, String)> = outcomes
                .iter()
                .filter_map(|outcome| Some((outcome.rule.id.clone(), outcome.undecided.clone()?)))
                .collect();
            let mut changed = false;
            for correlation in &self.collection.correlations {
                let names = |id: &str| {
                    let rules = self.collection.rules.iter().map(|rule| (&rule.id, &rule.name));
                    let others = self.collection.correlations.iter().map(|rule| (&rule.id, &rule.name));
                    rules.chain(others).any(|(own, name)| {
                        own.as_deref() == Some(id)
                            && [own, name].into_iter().flatten().any(|word| correlation.rules.contains(word))
                    })
                };
                let Some((_, needed)) = open.iter().find(|(id, _)| names(id)) else { continue };
                let own =
                    outcomes.iter_mut().find(|outcome| Some(&outcome.rule.id) == correlation.id.as_ref());
                if let Some(own) = own.filter(|own| own.matches.is_empty() && own.undecided.is_none()) {
                    own.undecided = Some(format!("a rule that it correlates can't be decided: {needed}"));
                    changed = true;
                }
            }
            if !changed {
                return;
            }
        }
    }
}
