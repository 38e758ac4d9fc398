//! Attacks that can be executed, from whatever source: the shipped patterns and the user's, and tests of Atomic Red Team.

use crate::atomic::{self, Prepared, Refusal, Test};
use crate::pattern::prove;
use crate::pattern::{Pattern, Variant};
use crate::plan::{Attack, Plan, Program, Role, Surroundings};
use crate::result::Inputs;
use detektr_detect::attack;
use detektr_detonate::TRIGGERS;

/// An attack that can be executed once. Its plan says how it runs, how its twin runs where it has an arm for one, and
/// what the attack is after.
#[derive(Clone, Debug)]
pub struct Exercise {
    /// A name that no other has: `cron-job#cron-d`, `T1053.003#2`.
    pub id: String,
    /// What it belongs to: all exercises of a family have the same twin.
    pub family: String,
    /// Technique's id, as ATT&CK has it today.
    pub technique: String,
    /// Tactic's tag, where the source names one.
    pub tactic: Option<String>,
    /// One arm `baseline`, and one `benign-baseline` where there is a twin.
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
            tactic: Some(pattern.tactic.clone()),
            plan,
            inputs,
            missing: missing.map(|program| format!("it needs `{program}`")),
        }
    };
    chosen.into_iter().map(exercise).collect()
}

/// The exercises that tests of Atomic Red Team are. They have neither goal nor twin; what they install is started again.
pub fn atomics(
    tests: impl IntoIterator<Item = (Test, Result<Prepared, (Refusal, String)>)>,
    surroundings: &Surroundings,
) -> Vec<Exercise> {
    let exercise = |(test, prepared): (Test, Result<Prepared, (Refusal, String)>)| {
        let (prepared, missing) = match prepared {
            Ok(prepared) => (prepared, None),
            Err((_, why)) => {
                // it is never run, and has no files
                let attack = Attack::of(Program::File(test.id()), test.executor.elevated);
                (Prepared { attack, inputs: Inputs::new() }, Some(why))
            }
        };
        let (plan, inputs) = atomic::plan(&test, prepared, surroundings.clone(), TRIGGERS.into());
        Exercise {
            id: test.id(),
            family: test.id(),
            technique: attack::current(&test.technique).to_owned(),
            tactic: None,
            plan,
            inputs,
            missing,
        }
    };
    tests.into_iter().map(exercise).collect()
}
