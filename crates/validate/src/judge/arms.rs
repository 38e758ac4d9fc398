//! The arms of one repeat, aligned: which operations lie on the attack's way, and what became of them in each arm.

use super::answer::Answer;
use super::{Detections, Fired, Reason};
use crate::facts::{Denial, Observed, Seen};
use crate::plan::{Arm, Plan, Question, Role};
use crate::truth::Truth;
use detektr_detect::operation::{Act, Key};
use detektr_sandbox::controls::Measure;
use std::collections::{BTreeMap, BTreeSet};

/// The arms of one repeat.
pub(super) struct Arms<'a> {
    pub(super) plan: &'a Plan,
    observed: BTreeMap<&'a Role, &'a Observed>,
    fired: BTreeMap<&'a Role, &'a Fired>,
    /// Operations on the attack's way: done in the baseline, up to where the goal was reached.
    way: BTreeSet<&'a Key>,
}

/// An effect of a control on an operation.
pub(super) struct Effect<'a> {
    pub(super) key: &'a Key,
    pub(super) denial: &'a Denial,
}

impl Effect<'_> {
    /// In words: `writing /etc/cron.d/upd: EROFS`.
    pub(super) fn words(&self) -> String {
        format!("{}: {}", self.key, self.denial.how)
    }
}

impl<'a> Arms<'a> {
    pub(super) fn of(
        plan: &'a Plan,
        repeat: u32,
        observed: &'a [Observed],
        question: &Question,
        detections: &'a Detections,
    ) -> Self {
        let own = |arm: &Arm| arm.repeat == repeat || arm.role == Role::Ordinary;
        let fired = detections
            .iter()
            .filter(|((id, arm), _)| *id == question.id && own(arm))
            .map(|((_, arm), fired)| (&arm.role, fired))
            .collect();
        Arms { fired, ..Arms::of_attack(plan, repeat, observed) }
    }

    /// The same where no detection is asked.
    pub(super) fn of_attack(plan: &'a Plan, repeat: u32, observed: &'a [Observed]) -> Self {
        let own = |arm: &Arm| arm.repeat == repeat || arm.role == Role::Ordinary;
        let observed: BTreeMap<&Role, &Observed> =
            observed.iter().filter(|one| own(&one.arm)).map(|one| (&one.arm.role, one)).collect();
        let way = observed.get(&Role::Baseline).map(|baseline| way(baseline)).unwrap_or_default();
        Arms { plan, observed, fired: BTreeMap::new(), way }
    }

    /// Every arm that was run.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a Observed> {
        self.observed.values().copied()
    }

    /// What the rules of a detection said of an arm.
    pub(super) fn fired(&self, role: &Role) -> Option<&'a Fired> {
        self.fired.get(role).copied()
    }

    /// The highest level of the rules of a detection.
    pub(super) fn level(&self) -> Option<String> {
        self.fired.values().find_map(|fired| fired.level.clone())
    }

    /// The arm of `role`, where its evidence can be used.
    pub(super) fn usable(&self, role: &Role) -> Result<&'a Observed, Answer> {
        let role = self.plan.arm_for(role);
        let Some(arm) = self.observed.get(&role) else {
            let sentence = format!("the arm {role} was not run");
            return Err(Answer::inconclusive(Reason::ArmMissing, sentence));
        };
        match &arm.unusable {
            None => Ok(arm),
            Some(unusable) => {
                let reason = Reason::ALL.into_iter().find(|reason| reason.code() == unusable.reason);
                let sentence = format!("the evidence of the arm {role} can't be used: {}", unusable.what);
                Err(Answer::inconclusive(reason.unwrap_or(Reason::NotSealed), sentence))
            }
        }
    }

    /// The baseline, in which the attack ran and reached its goal.
    pub(super) fn successful_baseline(&self) -> Result<&'a Observed, Answer> {
        let baseline = self.usable(&Role::Baseline)?;
        if baseline.goal_before {
            let sentence = "the goal is true before the attack runs, so reaching it says nothing";
            return Err(Answer::inconclusive(Reason::GoalBefore, sentence));
        }
        self.ran(baseline)?;
        match baseline.goal.truth {
            Truth::Yes => Ok(baseline),
            Truth::Unknown => Err(self.unknown(baseline, "whether the attack reached its goal")),
            Truth::No => match walled(baseline) {
                Some((key, denial)) => {
                    let sentence = format!(
                        "without controls the attack was stopped by the environment itself: {key}: {}",
                        denial.how
                    );
                    let answer = Answer::inconclusive(Reason::PreventedByIsolation, sentence);
                    Err(answer.with(baseline, "denied", &[denial.event], key.to_string()))
                }
                None => {
                    let sentence = "the attack did not reach its goal even without controls";
                    Err(Answer::inconclusive(Reason::GoalNotReached, sentence))
                }
            },
        }
    }

    /// That the attack's own code ran in `arm`.
    pub(super) fn ran(&self, arm: &Observed) -> Result<(), Answer> {
        match arm.executed.truth {
            Truth::Yes => Ok(()),
            Truth::No => {
                let sentence = format!("the attack did not start in the arm {}", arm.arm.role);
                Err(Answer::inconclusive(Reason::NotExecuted, sentence))
            }
            Truth::Unknown => Err(self.unknown(arm, "whether the attack ran")),
        }
    }

    /// The answer where evidence is missing.
    pub(super) fn unknown(&self, arm: &Observed, what: &str) -> Answer {
        match &arm.missing {
            Some(missing) => {
                let sentence = format!("it can't be told {what} in the arm {}: {missing}", arm.arm.role);
                Answer::inconclusive(Reason::Incomplete, sentence)
            }
            None => {
                let sentence = format!("it can't be told {what}: no event of this version shows it");
                Answer::inconclusive(Reason::GoalUnknown, sentence)
            }
        }
    }

    /// The arm that plays `role`, where its evidence has a hole.
    pub(super) fn with_hole(&self, role: &Role) -> Option<&'a Observed> {
        self.observed.get(role).copied().filter(|arm| arm.missing.is_some())
    }

    /// Whether the attack was attempted in `arm`, with the events that show it.
    pub(super) fn attempted(&self, arm: &Observed) -> Seen {
        if let Some(attempt) = &arm.attempt {
            return attempt.clone();
        }
        let made = |key: &&Key| arm.operations.contains_key(*key);
        let toward: Vec<u64> = arm
            .toward
            .iter()
            .filter(|key| self.way.contains(key))
            .filter(made)
            .filter_map(|key| first_event(arm, key))
            .collect();
        if !toward.is_empty() {
            return Seen::yes(toward);
        }
        let denied: Vec<u64> = self.denied(arm).map(|effect| effect.denial.event).collect();
        if !denied.is_empty() {
            return Seen::yes(denied);
        }
        // an exec of the attack itself that a path's protection refused; a filter that lets nothing be executed
        // would have stopped any program
        if let Some(denial) = arm.not_started.as_ref().filter(|d| d.enforcer.is_some() && !d.skipped) {
            return Seen::yes(vec![denial.event]);
        }
        Seen::absent(arm.missing.is_none() && !arm.forgotten)
    }

    /// The operations on the way that were denied in `arm`.
    fn denied(&self, arm: &'a Observed) -> impl Iterator<Item = Effect<'a>> {
        denied(&self.way, arm)
    }

    /// What shows the effect of `control` in `arm`.
    pub(super) fn effects(&self, arm: &'a Observed, control: &str) -> Vec<Effect<'a>> {
        let mut effects: Vec<Effect<'a>> =
            self.denied(arm).filter(|e| e.denial.enforcer.as_deref() == Some(control)).collect();
        // where the goal itself was denied, that is what to show first
        effects.sort_by_key(|effect| (!arm.toward.contains(effect.key), effect.denial.event));
        effects
    }

    /// Whether `control` may have effects that no event names. Rules for what leaves may refuse without a counter, and a
    /// dropped packet of an open connection fails no call.
    pub(super) fn may_be_silent(&self, control: &str) -> bool {
        let egress = |measure: &Measure| matches!(measure, Measure::Egress(_));
        self.is_silent(control)
            || self.plan.controls.iter().any(|c| c.name == control && c.measures.iter().any(egress))
    }

    /// Whether `control` has measures whose effect no event names: that rights are not gained, or a bound's end.
    pub(super) fn is_silent(&self, control: &str) -> bool {
        let measures = self.plan.controls.iter().filter(|c| c.name == control).flat_map(|c| &c.measures);
        measures.into_iter().any(|measure| {
            matches!(
                measure,
                Measure::NoNewPrivs
                    | Measure::Nosuid(_)
                    | Measure::Limits(_)
                    | Measure::Capabilities(_)
                    | Measure::Rlimits(_)
                    | Measure::Umask(_)
                    | Measure::Sysctl(_)
            )
        })
    }
}

fn denied<'a, 'b>(way: &'b BTreeSet<&'a Key>, arm: &'a Observed) -> impl Iterator<Item = Effect<'a>> + 'b {
    arm.operations.iter().flat_map(move |(key, operation)| {
        let toward = arm.toward.contains(key);
        let on_way = way.contains(key);
        operation
            .denied
            .iter()
            .filter(move |denial| on_way && (toward || is_telling(key, denial)))
            .map(move |denial| Effect { key, denial })
    })
}

/// Whether the denial of an operation says something of the attack: not where any program would have met it.
fn is_telling(key: &Key, denial: &Denial) -> bool {
    match key.act {
        // a bound on processes is met only by who starts many
        Act::Fork => denial.how == "EAGAIN" && !denial.skipped,
        Act::Execute => !denial.skipped,
        act => !act.is_ordinary(),
    }
}

/// What the baseline did, up to where it reached its goal.
fn way(baseline: &Observed) -> BTreeSet<&Key> {
    let end = baseline.goal.events.iter().copied().max().unwrap_or(u64::MAX);
    let done = |event: Option<u64>| event.is_some_and(|event| event <= end);
    baseline
        .operations
        .iter()
        .filter(|(_, operation)| done(operation.succeeded))
        .map(|(key, _)| key)
        .collect()
}

fn first_event(arm: &Observed, key: &Key) -> Option<u64> {
    let operation = arm.operations.get(key)?;
    operation.succeeded.into_iter().chain(operation.denied.iter().map(|denial| denial.event)).min()
}

/// The first operation that one of Detektr's walls denied.
fn walled(arm: &Observed) -> Option<(&Key, &Denial)> {
    arm.operations
        .iter()
        .filter(|(key, operation)| !key.act.is_ordinary() && operation.succeeded.is_none())
        .flat_map(|(key, operation)| operation.denied.iter().map(move |denial| (key, denial)))
        .filter(|(_, denial)| denial.enforcer.as_deref() == Some("detektr"))
        .min_by_key(|(_, denial)| denial.event)
}
