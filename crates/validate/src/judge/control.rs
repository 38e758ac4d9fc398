//! Did this control trigger? Its effect must be seen, and be gone where it alone is taken away.

use super::Reason;
use super::answer::Answer;
use super::arms::{Arms, Effect};
use crate::facts::Observed;
use crate::plan::Role;
use crate::truth::Truth;

pub(super) fn answer(arms: &Arms<'_>, control: &str) -> Answer {
    judge(arms, control).unwrap_or_else(|answer| answer)
}

fn judge(arms: &Arms<'_>, control: &str) -> Result<Answer, Answer> {
    let baseline = arms.successful_baseline()?;
    let treatment = arms.usable(&Role::Treatment)?;
    let without = arms.usable(&Role::Without(control.into()))?;
    let only = arms.usable(&Role::Only(control.into()))?;
    let effects = arms.effects(treatment, control);
    if !effects.is_empty() {
        return Ok(gone(control, baseline, [treatment, only], without, &effects));
    }
    let alone = arms.effects(only, control);
    if let Some(effect) = alone.first() {
        let others = maskers(arms, treatment, effect);
        let does = match only.goal.truth {
            Truth::No => "stops the attack",
            _ => "denies a step of the attack",
        };
        let then = match others.as_slice() {
            [] => "with the others it is not reached".to_owned(),
            _ => format!("{} comes before it", others.join(" and ")),
        };
        let sentence = format!("{control} {does} when it is alone ({}); {then}", effect.words());
        let mut answer = gone(control, baseline, [only, only], baseline, &alone);
        if answer.outcome == crate::Outcome::Holds {
            answer.reason = Reason::Masked;
            answer.sentence = sentence;
            answer.notes.extend(others.iter().map(|other| format!("masked_by:{other}")));
        }
        return Ok(answer);
    }
    if let Some(answer) = kept_out(control, baseline, without, only) {
        return Ok(answer);
    }
    if let Some(answer) = silent(arms, control, baseline, treatment, without, only) {
        return Ok(answer);
    }
    match arms.attempted(only).truth {
        Truth::Yes => {}
        Truth::No => {
            let sentence =
                format!("with {control} alone the attack did nothing of what it does without controls");
            return Err(Answer::inconclusive(Reason::NotAttempted, sentence));
        }
        Truth::Unknown => return Err(arms.unknown(only, "whether the attack was attempted")),
    }
    if only.missing.is_some() || only.forgotten {
        return Err(arms.unknown(only, &format!("whether {control} had an effect")));
    }
    if only.goal.truth == Truth::No {
        let sentence = format!(
            "with {control} alone the goal is not reached, but no denial shows that {control} was the cause"
        );
        return Err(Answer::inconclusive(Reason::CauseNotSeparable, sentence));
    }
    let sentence = format!("{control} had no effect on the attack");
    let made = arms.attempted(only).events;
    Ok(Answer::fails(Reason::NoEffect, sentence)
        .with(only, "attempt", &made, "operations of the attack that nothing denied")
        .with(only, "goal", &only.goal.events, "the goal"))
}

/// Holds where the effect is gone without the control: the same operation succeeds, or another control denies it.
/// `with` is the arm of the effects, and `only` that of the control alone, which tells whether it is enough.
fn gone(
    control: &str,
    baseline: &Observed,
    [with, only]: [&Observed; 2],
    without: &Observed,
    effects: &[Effect<'_>],
) -> Answer {
    let freed = |effect: &&Effect<'_>| {
        let Some(operation) = without.operations.get(effect.key) else { return false };
        let another = |enforcer: &Option<String>| {
            enforcer.as_deref().is_some_and(|name| name != control && name != "detektr")
        };
        operation.succeeded.is_some() || operation.denied.iter().any(|denial| another(&denial.enforcer))
    };
    match effects.iter().find(freed) {
        Some(effect) => {
            let done = without.operations.get(effect.key).and_then(|operation| operation.succeeded);
            let attempt: Vec<u64> = baseline
                .operations
                .get(effect.key)
                .and_then(|operation| operation.succeeded)
                .into_iter()
                .collect();
            let did = match only.goal.truth {
                Truth::No => "stopped the attack",
                _ => "denied a step of the attack",
            };
            Answer::holds(Reason::Triggered, format!("{control} {did}: {}", effect.words()))
                .with(with, "denied", &[effect.denial.event], effect.words())
                .with(
                    baseline,
                    "attempt",
                    &attempt,
                    format!("{}, which succeeds without controls", effect.key),
                )
                .with(
                    without,
                    "attempt",
                    done.as_slice(),
                    format!("{}, which succeeds without {control}", effect.key),
                )
        }
        None => {
            let effect = &effects[0];
            let sentence = format!(
                "{} shows {control}, but without it the operation does not succeed either",
                effect.words()
            );
            Answer::inconclusive(Reason::CauseNotSeparable, sentence).with(
                with,
                "denied",
                &[effect.denial.event],
                effect.words(),
            )
        }
    }
}

/// A control that refuses the attack's own file to be executed, which it is without it. A filter that lets nothing be
/// executed would have kept any program out.
fn kept_out(control: &str, baseline: &Observed, without: &Observed, only: &Observed) -> Option<Answer> {
    let denial = only.not_started.as_ref()?;
    let another = without
        .not_started
        .as_ref()
        .and_then(|denial| denial.enforcer.as_deref())
        .is_some_and(|name| name != control && name != "detektr");
    let own = denial.enforcer.as_deref() == Some(control) && !denial.skipped;
    (own && (without.executed.truth == Truth::Yes || another)).then(|| {
        let sentence = format!("{control} kept the attack from starting: {}", denial.how);
        Answer::holds(Reason::Triggered, sentence)
            .with(only, "denied", &[denial.event], "the exec of the attack's file")
            .with(baseline, "goal", &baseline.goal.events, "the goal, reached without controls")
    })
}

/// A control whose effect no event names: the goal itself tells it, reached in every arm without it and in none with.
fn silent(
    arms: &Arms<'_>,
    control: &str,
    baseline: &Observed,
    treatment: &Observed,
    without: &Observed,
    only: &Observed,
) -> Option<Answer> {
    let whole = [treatment, without, only].iter().all(|arm| arm.missing.is_none());
    let tried = |arm: &Observed| arms.attempted(arm).truth == Truth::Yes;
    let stopped = |arm: &Observed| arm.goal.truth == Truth::No && tried(arm);
    let told = arms.is_silent(control)
        && whole
        && stopped(treatment)
        && stopped(only)
        && without.goal.truth == Truth::Yes
        && baseline.goal.truth == Truth::Yes;
    told.then(|| {
        let how = match &only.limit {
            Some(limit) => format!("its bound on {limit} ended the attack"),
            None => "the same operations lead nowhere with it".into(),
        };
        Answer::holds(Reason::Triggered, format!("{control} stopped the attack: {how}"))
            .with(only, "attempt", &arms.attempted(only).events, "the same operations, made with it")
            .with(without, "goal", &without.goal.events, "the goal, reached without it")
    })
}

/// Who denied the operation in the treatment instead.
fn maskers(arms: &Arms<'_>, treatment: &Observed, effect: &Effect<'_>) -> Vec<String> {
    let own: Vec<String> = treatment
        .operations
        .get(effect.key)
        .map(|operation| operation.denied.iter().filter_map(|denial| denial.enforcer.clone()).collect())
        .unwrap_or_default();
    let mut names: Vec<String> = if own.is_empty() {
        // the attack came to its end before
        let controls = arms.plan.controls.iter().map(|control| control.name.clone());
        controls.filter(|name| !arms.effects(treatment, name).is_empty()).collect()
    } else {
        own
    };
    names.sort();
    names.dedup();
    names
}
