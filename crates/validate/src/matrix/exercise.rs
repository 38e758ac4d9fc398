//! Attacks that can be executed, from whatever source: the shipped patterns and the user's.

use crate::pattern::prove;
use crate::pattern::{Pattern, Variant};
use crate::plan::{Plan, Role, Surroundings};
use crate::result::Inputs;

/// An attack that can be executed once. Its plan says how it runs, how its twin runs where it has an arm for one, and
/// what the attack is after.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// A name that no other has: `cron-job#cron-d`.
    pub id: String,
    /// What it belongs to: all exercises of a family have the same twin.
    pub family: String,
    /// Technique's id.
    pub technique: String,
    /// Tactic's tag.
    pub tactic: String,
    /// One arm `baseline`; one `benign-baseline` where there is a twin.
    pub plan: Plan,
    /// The files of the plan.
    pub inputs: Inputs,
    /// Why it can't run here.
    pub missing: Option<String>,
}

impl Exercise {
    /// Whether it has a twin.
    pub fn has_twin(&self) -> bool {
        self.plan.arms.iter().any(|arm| arm.role == Role::BenignBaseline)
    }
}

/// The exercises that variants of patterns are.
pub fn patterns<'p>(
    chosen: impl IntoIterator<Item = (&'p Pattern, &'p Variant)>,
    surroundings: &Surroundings,
) -> Vec<Exercise> {
    let exercise = |(pattern, variant): (&Pattern, &Variant)| {
        let (plan, inputs) = prove::plan(pattern, variant, surroundings.clone());
        let missing = prove::missing(pattern, variant, surroundings);
        Exercise {
            id: format!("{}#{}", pattern.id, variant.name),
            family: pattern.id.clone(),
            technique: pattern.technique.clone(),
            tactic: pattern.tactic.clone(),
            plan,
            inputs,
            missing: missing.map(|program| format!("it needs `{program}`")),
        }
    };
    chosen.into_iter().map(exercise).collect()
}
