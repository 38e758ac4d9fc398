//! Did this control tell of the attack? A watcher denies nothing: its alert is its effect. It must come with the attack,
//! and not with the twin; without the watcher there is nobody to tell.

use super::Reason;
use super::answer::Answer;
use super::arms::Arms;
use crate::facts::Observed;
use crate::plan::Role;
use crate::truth::Truth;

pub(super) fn answer(arms: &Arms<'_>, control: &str) -> Answer {
    judge(arms, control).unwrap_or_else(|answer| answer)
}

fn judge(arms: &Arms<'_>, control: &str) -> Result<Answer, Answer> {
    let baseline = arms.successful_baseline()?;
    let treatment = arms.usable(&Role::Treatment)?;
    arms.usable(&Role::Without(control.into()))?;
    let only = arms.usable(&Role::Only(control.into()))?;
    let twin = arms.usable(&Role::Benign)?;
    if let Some(alert) = alert(twin, control) {
        let sentence = format!("{control} alerts on the benign twin as well: {alert}");
        return Ok(Answer::fails(Reason::FalsePositive, sentence));
    }
    arms.ran(only)?;
    let together = alert(treatment, control);
    let Some(alone) = alert(only, control) else {
        heard(only, control)?;
        if let Some(alert) = together {
            let sentence = format!("{control} alerts with the other controls only: {alert}");
            return Err(Answer::inconclusive(Reason::CauseNotSeparable, sentence));
        }
        if only.missing.is_some() {
            return Err(arms.unknown(only, &format!("what {control} had to tell")));
        }
        // the attack may have come to nothing, or kept still, as it was watched
        match only.goal.truth {
            Truth::Yes => {}
            Truth::No => {
                let sentence = format!(
                    "with {control} alone the attack does not reach its goal, so that there was nothing to tell"
                );
                return Err(Answer::inconclusive(Reason::GoalNotReached, sentence)
                    .next("see what the monitor changes for the attack: detektr show RUN"));
            }
            Truth::Unknown => return Err(arms.unknown(only, "whether the attack reached its goal")),
        }
        let sentence = format!("{control} did not alert on the attack");
        return Ok(Answer::fails(Reason::NoEffect, sentence)
            .next("check what the monitor covers: what the attack did passed it")
            .with(only, "goal", &only.goal.events, "the goal, of which it told nothing"));
    };
    // silence is what sets the attack apart
    heard(twin, control)?;
    check_twin(arms, twin, control)?;
    let seen = arms.attempted(only).events;
    let goal = |answer: Answer| {
        answer
            .with(only, "alert", if only.goal.events.is_empty() { &seen } else { &only.goal.events }, alone)
            .with(baseline, "goal", &baseline.goal.events, "the goal, reached without controls")
    };
    if together.is_some() {
        let sentence = format!("{control} alerted on the attack, and not on the twin: {alone}");
        return Ok(goal(Answer::holds(Reason::Triggered, sentence)));
    }
    heard(treatment, control)?;
    // only where the others stopped the attack was there nothing to tell
    match treatment.goal.truth {
        Truth::No => {}
        Truth::Yes => {
            let sentence = format!(
                "{control} alerts on the attack when it is alone ({alone}), and not with the others, which don't stop it"
            );
            return Ok(Answer::fails(Reason::NoEffect, sentence)
                .next("see what the other controls take from the monitor")
                .with(treatment, "goal", &treatment.goal.events, "the goal, of which it told nothing"));
        }
        Truth::Unknown => return Err(arms.unknown(treatment, "whether the others stop the attack")),
    }
    let sentence = format!(
        "{control} alerts on the attack when it is alone ({alone}); with the others there is nothing to tell"
    );
    Ok(goal(Answer::holds(Reason::Masked, sentence)))
}

fn alert<'a>(arm: &'a Observed, control: &str) -> Option<&'a str> {
    arm.watched.get(control)?.alert.as_deref()
}

/// Whether `control` told of something in `arm`.
pub(super) fn alerted(arm: &Observed, control: &str) -> Truth {
    match (alert(arm, control), heard(arm, control)) {
        (Some(_), _) => Truth::Yes,
        (None, Ok(())) if arm.missing.is_none() => Truth::No,
        _ => Truth::Unknown,
    }
}

/// That the silence of `control` in `arm` means something.
fn heard(arm: &Observed, control: &str) -> Result<(), Answer> {
    let role = &arm.arm.role;
    match arm.watched.get(control) {
        None => Err(deaf(control, role, "nothing was kept of it")),
        Some(watched) => watched.deaf.as_ref().map_or(Ok(()), |why| Err(deaf(control, role, why))),
    }
}

/// That the twin did enough for the silence of `control` on it to mean something. Its arm has all controls in force, so
/// that another one may have broken it.
pub(super) fn check_twin(arms: &Arms<'_>, twin: &Observed, control: &str) -> Result<(), Answer> {
    if twin.missing.is_some() {
        return Err(arms.unknown(twin, &format!("whether {control} is silent on the twin")));
    }
    match twin.works {
        Truth::Yes if twin.busy => Ok(()),
        Truth::Yes => {
            let sentence = format!("the twin does nothing, so nothing follows from the silence of {control}");
            Err(Answer::inconclusive(Reason::BenignIdle, sentence))
        }
        Truth::No => {
            let role = &twin.arm.role;
            let sentence =
                format!("the twin fails in the arm {role}, so nothing follows from the silence of {control}");
            let next = "mend the twin, or what other controls deny it: it must exit with 0";
            Err(Answer::inconclusive(Reason::BenignInvalid, sentence).next(next))
        }
        Truth::Unknown => Err(arms.unknown(twin, "whether the twin works")),
    }
}

/// A watcher from whose silence nothing follows.
pub(super) fn deaf(control: &str, role: &Role, why: &str) -> Answer {
    let sentence = format!("nothing follows from the silence of {control} in the arm {role}: {why}");
    Answer::inconclusive(Reason::MonitorLost, sentence)
}
