//! Arms that are run again, because their environment or their evidence failed. An answer that was given is never asked
//! for a second time.

use super::{Located, RunError, Settings, these};
use crate::judge::Reason;
use crate::plan::{Arm, Plan};
use crate::result::Inputs;
use crate::verdict::{Outcome, Verdict};
use detektr_detonate::Detonator;
use detektr_evidence::{Bundle, State};
use std::collections::BTreeSet;

/// Runs each arm again that broke and that a verdict could not be given for. What was run before is named in
/// [`retried`](crate::result::ArmRun::retried). Returns how many were run.
///
/// An arm that a verdict `fails` stands on is left as it is, whatever else it lacks.
///
/// # Errors
/// The first arm that could not be run.
pub fn retry(
    plan: &Plan,
    inputs: &Inputs,
    detonator: &Detonator,
    settings: &Settings<'_>,
    located: &mut [Located],
    verdicts: &[Verdict],
) -> Result<usize, RunError> {
    let broken = broken(located, verdicts);
    let arms: Vec<Arm> = broken.iter().map(|at| located[*at].arm.arm.clone()).collect();
    if arms.is_empty() {
        return Ok(0);
    }
    let mut count = 0;
    for mut again in these(&arms, plan, inputs, detonator, settings)? {
        let Some(old) = located.iter_mut().find(|one| one.arm.arm == again.arm.arm) else { continue };
        again.arm.retried = std::mem::take(&mut old.arm.retried);
        again.arm.retried.push(old.arm.run.clone());
        *old = again;
        count += 1;
    }
    Ok(count)
}

/// The places of the arms that are to be run again.
fn broken(located: &[Located], verdicts: &[Verdict]) -> Vec<usize> {
    let runs = |wanted: &dyn Fn(&Verdict) -> bool| -> BTreeSet<&str> {
        let chosen = verdicts.iter().filter(|verdict| wanted(verdict));
        chosen.flat_map(|verdict| verdict.arms.values().flatten().map(String::as_str)).collect()
    };
    let decided = runs(&|verdict| verdict.verdict == Outcome::Fails);
    let wanting = runs(&|verdict| {
        verdict.verdict == Outcome::Inconclusive && RETRIED.iter().any(|one| one.code() == verdict.reason)
    });
    let places = located.iter().enumerate().filter(|(_, one)| {
        let run = one.arm.run.as_str();
        wanting.contains(run) && !decided.contains(run) && broke(one)
    });
    places.map(|(at, _)| at).collect()
}

/// The reasons that say that nothing is known about the security, because something of Detektr's or of the host broke.
const RETRIED: [Reason; 4] =
    [Reason::EnvironmentFailed, Reason::NotPrepared, Reason::SensorLost, Reason::Incomplete];

/// Whether something of Detektr's or of the host failed in an arm.
fn broke(one: &Located) -> bool {
    Bundle::open(&one.bundle).is_ok_and(|bundle| {
        let manifest = bundle.manifest();
        let failed = matches!(manifest.state, State::EnvironmentFailed | State::SensorLost);
        failed || !manifest.complete
    })
}
