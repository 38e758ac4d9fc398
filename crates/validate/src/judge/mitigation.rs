//! Did the controls together stop the attack, and leave the twin working?

use super::Reason;
use super::answer::Answer;
use super::arms::Arms;
use crate::facts::Observed;
use crate::plan::Role;
use crate::truth::Truth;

pub(super) fn answer(arms: &Arms<'_>) -> Answer {
    judge(arms).unwrap_or_else(|answer| answer)
}

fn judge(arms: &Arms<'_>) -> Result<Answer, Answer> {
    let treatment = arms.usable(&Role::Treatment)?;
    if treatment.goal.truth == Truth::Yes && !treatment.goal_before {
        let answer =
            Answer::fails(Reason::GoalReached, "the attack reached its goal in spite of the controls");
        return Ok(answer.with(
            treatment,
            "goal",
            &treatment.goal.events,
            "the goal, reached with the controls",
        ));
    }
    if let Some(broken) = broken_twin(arms) {
        return Ok(broken);
    }
    let baseline = arms.successful_baseline()?;
    stopped(arms, baseline, treatment)
}

/// What of a repeat holds once the baseline reached its goal.
fn stopped(arms: &Arms<'_>, baseline: &Observed, treatment: &Observed) -> Result<Answer, Answer> {
    let (benign_baseline, benign) = (arms.usable(&Role::BenignBaseline)?, arms.usable(&Role::Benign)?);
    match benign_baseline.works {
        Truth::Yes => {}
        Truth::No => {
            let sentence = "the benign twin fails even without controls, so it shows nothing";
            return Err(Answer::inconclusive(Reason::BenignInvalid, sentence));
        }
        Truth::Unknown => return Err(arms.unknown(benign_baseline, "whether the twin works")),
    }
    if benign.works != Truth::Yes {
        return Err(arms.unknown(benign, "whether the twin works with the controls"));
    }
    if !benign_baseline.busy {
        let sentence = "the benign twin does nothing, so that it works says nothing";
        return Err(Answer::inconclusive(Reason::BenignIdle, sentence));
    }
    if treatment.goal.truth == Truth::Unknown {
        return Err(arms.unknown(treatment, "whether the attack reached its goal"));
    }
    let attempted = arms.attempted(treatment);
    match attempted.truth {
        Truth::Yes => {}
        Truth::No => {
            let sentence = "with the controls the attack did nothing of what it does without them";
            return Err(Answer::inconclusive(Reason::NotAttempted, sentence));
        }
        Truth::Unknown => return Err(arms.unknown(treatment, "whether the attack was attempted")),
    }
    // where the goal itself was denied, that is what to show
    let effect = arms
        .plan
        .controls
        .iter()
        .filter_map(|control| {
            let effects = arms.effects(treatment, &control.name);
            let effect = effects.first()?;
            let aside = !treatment.toward.contains(effect.key);
            Some((aside, effect.denial.event, control.name.as_str(), effect.words()))
        })
        .min();
    let goal = "the goal, reached without controls";
    if let Some((_, event, name, words)) = effect {
        let sentence = format!("the attack was stopped, and the twin works: {name} denied {words}");
        return Ok(Answer::holds(Reason::Prevented, sentence)
            .with(treatment, "denied", &[event], words)
            .with(baseline, "goal", &baseline.goal.events, goal));
    }
    let started = treatment.not_started.as_ref().filter(|denial| denial.enforcer.is_some());
    if let Some(denial) = started {
        let who = denial.enforcer.as_deref().unwrap_or_default();
        let sentence =
            format!("the attack was not started, and the twin works: {who} denied its exec ({})", denial.how);
        return Ok(Answer::holds(Reason::Prevented, sentence)
            .with(treatment, "denied", &[denial.event], "the exec of the attack's file")
            .with(baseline, "goal", &baseline.goal.events, goal));
    }
    // rights that are not gained, and bounds, leave no denial; any other cause would have
    if arms.plan.controls.iter().any(|control| arms.is_silent(&control.name)) && treatment.missing.is_none() {
        let how = treatment.limit.as_ref().map_or_else(
            || "the same operations no longer lead to the goal".into(),
            |limit| format!("the bound on {limit} ended it"),
        );
        return Ok(Answer::holds(
            Reason::Prevented,
            format!("the attack was stopped, and the twin works: {how}"),
        )
        .with(treatment, "attempt", &attempted.events, "the same operations, made with the controls")
        .with(baseline, "goal", &baseline.goal.events, goal));
    }
    let sentence =
        "the goal was not reached with the controls, but no denial shows that one of them was the cause";
    Err(Answer::inconclusive(Reason::CauseNotSeparable, sentence))
}

/// A twin that works only without the controls.
fn broken_twin(arms: &Arms<'_>) -> Option<Answer> {
    let (without, with) = (arms.usable(&Role::BenignBaseline).ok()?, arms.usable(&Role::Benign).ok()?);
    if without.works != Truth::Yes || with.works != Truth::No {
        return None;
    }
    let denied = with
        .operations
        .iter()
        .flat_map(|(key, operation)| operation.denied.iter().map(move |denial| (key, denial)))
        .filter(|(_, denial)| denial.enforcer.as_deref().is_some_and(|who| who != "detektr"))
        .min_by_key(|(_, denial)| denial.event);
    let answer = |sentence: String| Answer::fails(Reason::BenignBroken, sentence);
    Some(match (denied, &with.not_started) {
        (Some((key, denial)), _) => {
            let who = denial.enforcer.as_deref().unwrap_or_default();
            answer(format!("the benign twin no longer works: {who} denied {key} ({})", denial.how)).with(
                with,
                "broken_twin",
                &[denial.event],
                key.to_string(),
            )
        }
        (None, Some(denial)) => answer("the benign twin can't be started any more".into()).with(
            with,
            "broken_twin",
            &[denial.event],
            "the exec of the twin's file",
        ),
        (None, None) => match &with.limit {
            Some(limit) => answer(format!("the benign twin no longer works: the bound on {limit} ended it")),
            None => answer("the benign twin no longer works with the controls".into()),
        },
    })
}
