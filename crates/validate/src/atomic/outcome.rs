//! Running one test by itself, and what came of it.

use super::{Prepared, Test};
use crate::bare::Bare;
use crate::evaluate::{Unreadable, observe};
use crate::plan::{Plan, Program, Surroundings};
use crate::result::Inputs;
use crate::run::Located;
use crate::truth::Truth;
use detektr_event::Phase;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What came of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its commands ran.
    Executed,
    /// Its dependencies are there; it was asked for no more.
    Prepared,
    /// A dependency is not there, and could not be got.
    NotPrepared,
    /// Its commands did not run.
    NotExecuted,
    /// It can't be run here.
    Refused,
    /// The environment or the sensor failed.
    Failed,
}

impl Outcome {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Executed => "executed",
            Outcome::Prepared => "prepared",
            Outcome::NotPrepared => "not_prepared",
            Outcome::NotExecuted => "not_executed",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// What runs where `test` runs by itself: one detonation, without controls; `triggers` follow.
pub fn plan(
    test: &Test,
    prepared: Prepared,
    surroundings: Surroundings,
    triggers: BTreeSet<Phase>,
) -> (Plan, Inputs) {
    let Prepared { attack, inputs } = prepared;
    let number = test.number.to_string();
    let plan = Bare {
        id: &test.technique,
        variant: &number,
        title: &test.name,
        seed: &test.guid,
        attack,
        twin: None,
        goal: None,
        triggers,
    };
    (plan.plan(surroundings, &inputs), inputs)
}

/// What came of a [`plan`] that was run, and why, where its commands did not run.
///
/// # Errors
/// Where the bundle can't be read to its end.
pub fn outcome(plan: &Plan, located: &Located) -> Result<(Outcome, String), Unreadable> {
    let Some((facts, _)) = observe(plan, located)? else {
        return Ok((Outcome::Failed, "there is no bundle".into()));
    };
    if let Some(unusable) = facts.unusable {
        let prepared = unusable.reason == "not_prepared";
        return Ok((if prepared { Outcome::NotPrepared } else { Outcome::Failed }, unusable.what));
    }
    if facts.executed.truth == Truth::Yes {
        let only_looked = matches!(plan.attack.program, Program::Command(_));
        return Ok((if only_looked { Outcome::Prepared } else { Outcome::Executed }, String::new()));
    }
    let denied = facts.not_started.map(|denial| format!("its own start was refused: {}", denial.how));
    let why = denied.or(facts.missing).unwrap_or_else(|| "it never started".into());
    Ok((Outcome::NotExecuted, why))
}
