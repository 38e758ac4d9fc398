//! What a run took long for, and which of its answers can't be relied on to come again.

use detektr_evidence::Bundle;
use detektr_validate::judge::Reason;
use detektr_validate::result::ResultDocument;
use detektr_validate::run::Located;
use detektr_validate::{Role, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// An arm that takes longer is slow, milliseconds.
const SLOW: u64 = 10_000;
/// How many slow arms are told, the slowest first.
const TOLD: usize = 10;

/// An arm that took long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Slow {
    /// The validation, with its variant.
    pub validation: String,
    /// The arm.
    pub arm: Role,
    /// The run.
    pub run: String,
    /// From the beginning of its first phase to the end of the last, milliseconds.
    pub milliseconds: u64,
}

/// A verdict that did not come at the first try, or not in every repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Flaky {
    /// Id of the verdict.
    pub id: String,
    /// By arm, the runs that could not be used, for which it was run again.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retried: BTreeMap<Role, Vec<String>>,
    /// The repeats gave several answers.
    pub repeats_disagree: bool,
}

/// The arms of `located` that took long; those that were run before are left out.
pub fn slow(validation: &str, located: &[Located]) -> Vec<Slow> {
    let new = located.iter().filter(|one| !one.arm.reused);
    let timed = new.filter_map(|one| {
        let bundle = Bundle::open(&one.bundle).ok()?;
        let phases = &bundle.manifest().phases;
        let took = phases.last()?.end.0.saturating_sub(phases.first()?.start.0);
        let milliseconds = u64::try_from(took / 1_000_000).ok().filter(|took| *took > SLOW)?;
        let (arm, run) = (one.arm.arm.role.clone(), one.arm.run.clone());
        Some(Slow { validation: validation.to_owned(), arm, run, milliseconds })
    });
    timed.collect()
}

/// The slowest of all.
pub fn slowest<'a>(all: impl Iterator<Item = &'a Slow>) -> Vec<Slow> {
    let mut all: Vec<Slow> = all.cloned().collect();
    all.sort_by(|a, b| b.milliseconds.cmp(&a.milliseconds).then_with(|| a.run.cmp(&b.run)));
    all.truncate(TOLD);
    all
}

/// The verdicts of a result that are flaky.
pub fn flaky(document: &ResultDocument) -> Vec<Flaky> {
    let told = document.verdicts.iter().map(|verdict| {
        let used = |run: &String| verdict.arms.values().flatten().any(|one| one == run);
        let mut retried: BTreeMap<Role, Vec<String>> = BTreeMap::new();
        for arm in document.arms.iter().filter(|arm| !arm.retried.is_empty() && used(&arm.run)) {
            retried.entry(arm.arm.role.clone()).or_default().extend(arm.retried.iter().cloned());
        }
        Flaky { id: verdict.id.clone(), retried, repeats_disagree: disagree(verdict) }
    });
    told.filter(|one| one.repeats_disagree || !one.retried.is_empty()).collect()
}

fn disagree(verdict: &Verdict) -> bool {
    let counts = verdict.repeats;
    let answers = [counts.holds, counts.fails, counts.inconclusive];
    verdict.reason == Reason::Flaky.code() || answers.iter().filter(|count| **count > 0).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_come_first_and_no_more_than_a_few_are_told() {
        let one = |milliseconds: u64| Slow {
            validation: "v".into(),
            arm: Role::Baseline,
            run: format!("run-{milliseconds}"),
            milliseconds,
        };
        let all: Vec<Slow> = (0..20).map(|at| one(SLOW + at)).collect();
        let told: Vec<u64> = slowest(all.iter()).iter().map(|slow| slow.milliseconds - SLOW).collect();
        assert_eq!(told, (10..20).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_verdict_whose_repeats_disagree_is_flaky() {
        let verdict = |holds: u32, fails: u32, reason: &str| -> Verdict {
            serde_json::from_value(serde_json::json!({
                "id": "v/q/default", "validation": "v", "question": "q", "kind": "mitigation",
                "variant": "default", "verdict": "fails", "reason": reason, "sentence": "s", "arms": {},
                "outcomes": {}, "evidence": [], "repeats": {"holds": holds, "fails": fails, "inconclusive": 0},
            }))
            .unwrap()
        };
        assert!(disagree(&verdict(2, 1, "goal_reached")));
        assert!(disagree(&verdict(0, 0, "flaky")));
        assert!(!disagree(&verdict(0, 3, "goal_reached")));
    }
}
