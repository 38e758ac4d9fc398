//! The judge: from a plan and what its arms' evidence says to one verdict per question. A pure function: the same
//! plan, facts and day give the same verdicts anywhere. What can't be told is inconclusive, with the reason.

mod ablation;
mod answer;
mod arms;
mod chance;
mod control;
mod detection;
mod expectation;
mod mitigation;
pub mod reason;
mod watching;

#[cfg(test)]
mod tests;

pub use ablation::Part;
pub use detection::{Fired, Match};
pub use reason::Reason;

use crate::facts::Observed;
use crate::plan::{Arm, In, Plan, Question, QuestionKind, Role};
use crate::truth::Truth;
use crate::verdict::{ArmOutcome, Outcome, Repeats, Verdict};
use answer::Answer;
use arms::Arms;
use std::collections::{BTreeMap, BTreeSet};

/// What the rules of each detection question said of each arm.
pub type Detections = BTreeMap<(String, Arm), Fired>;

/// Judges `plan` by what its arms showed. `today` (YYYY-MM-DD) decides about dates.
pub fn judge(plan: &Plan, arms: &[Observed], detections: &Detections, today: &str) -> Vec<Verdict> {
    plan.questions.iter().map(|question| verdict(plan, question, arms, detections, today)).collect()
}

/// The part that each control plays, by what the arms of `plan` showed; nothing where it was not asked for.
pub fn ablate(plan: &Plan, arms: &[Observed]) -> Vec<Part> {
    if !plan.ablate {
        return Vec::new();
    }
    let cases: Vec<Arms<'_>> = repeats(plan).map(|repeat| Arms::of_attack(plan, repeat, arms)).collect();
    ablation::table(plan, &cases)
}

fn repeats(plan: &Plan) -> impl Iterator<Item = u32> + use<> {
    plan.arms.iter().map(|arm| arm.repeat).collect::<BTreeSet<u32>>().into_iter()
}

fn verdict(
    plan: &Plan,
    question: &Question,
    observed: &[Observed],
    detections: &Detections,
    today: &str,
) -> Verdict {
    let cases: Vec<Arms<'_>> =
        repeats(plan).map(|repeat| Arms::of(plan, repeat, observed, question, detections)).collect();
    let answers: Vec<Answer> = cases.iter().map(|case| answer(question, case)).collect();
    let mut answer = together(question, &cases, &answers);
    if plan.benign.builtin && asks_twin(question) {
        answer.notes.push("benign:builtin".into());
    }
    partial(plan, question, &mut answer);
    let mut counts = Repeats::default();
    for one in &answers {
        match one.outcome {
            Outcome::Holds => counts.holds += 1,
            Outcome::Fails => counts.fails += 1,
            Outcome::Inconclusive => counts.inconclusive += 1,
        }
    }
    let level = || cases.iter().find_map(|case| case.level());
    let mut verdict = Verdict {
        id: Verdict::id_of(&plan.validation, &question.id, &plan.variant),
        validation: plan.validation.clone(),
        question: question.id.clone(),
        kind: match question.kind {
            QuestionKind::Control { .. } => "control",
            QuestionKind::Detection { .. } => "detection",
            QuestionKind::Mitigation {} => "mitigation",
        }
        .into(),
        variant: plan.variant.clone(),
        verdict: answer.outcome,
        reason: answer.reason.code().into(),
        sentence: answer.sentence,
        next: answer.next.or_else(|| answer.reason.next().map(String::from)),
        notes: answer.notes,
        arms: runs(&cases),
        outcomes: outcomes(&cases),
        repeats: counts,
        evidence: answer.evidence,
        severity: question.severity.clone().or_else(level),
        accepted: false,
        unexpected: None,
    };
    expectation::apply(question, today, &mut verdict);
    verdict
}

/// Says which controls were put on without a part that can't be enforced.
fn partial(plan: &Plan, question: &Question, answer: &mut Answer) {
    let in_force = |name: &str| match &question.kind {
        QuestionKind::Control { control } => control == name,
        QuestionKind::Detection { arm, .. } => *arm == In::Treatment,
        QuestionKind::Mitigation {} => true,
    };
    for control in plan.controls.iter().filter(|control| in_force(&control.name)) {
        let left_out: BTreeSet<&str> = control.left_out().collect();
        if !left_out.is_empty() {
            let names: Vec<&str> = left_out.into_iter().collect();
            answer.notes.push(format!("partial:{}", control.name));
            answer.sentence =
                format!("{}; partial: {} without {}", answer.sentence, control.name, names.join(", "));
        }
    }
}

fn answer(question: &Question, case: &Arms<'_>) -> Answer {
    let answer = match &question.kind {
        QuestionKind::Control { control } if case.plan.watcher(control).is_some() => {
            watching::answer(case, control)
        }
        QuestionKind::Control { control } => control::answer(case, control),
        QuestionKind::Detection { rules, arm, on } => detection::answer(case, rules, *arm, *on),
        QuestionKind::Mitigation {} => mitigation::answer(case),
    };
    // what a sensor saw before it lost events is true, and yet nothing is called secure on evidence with a hole
    let hole = answer.rests_on().find_map(|role| case.with_hole(role));
    match hole {
        Some(arm) if answer.outcome == Outcome::Holds => case.unknown(arm, "whether it holds"),
        _ => answer,
    }
}

/// Whether the answer needs the twin.
fn asks_twin(question: &Question) -> bool {
    !matches!(question.kind, QuestionKind::Control { .. })
}

/// One answer of all repeats: one that proves failure is enough, and to hold takes every one.
fn together(question: &Question, cases: &[Arms<'_>], answers: &[Answer]) -> Answer {
    let of = |outcome| answers.iter().filter(move |answer| answer.outcome == outcome);
    let total = answers.len();
    if let Some(failed) = of(Outcome::Fails).next() {
        let mut answer = failed.clone();
        if total > 1 {
            answer.sentence =
                format!("{} (in {} of {total} repeats)", answer.sentence, of(Outcome::Fails).count());
        }
        return answer;
    }
    let Some(first) = answers.first() else {
        return Answer::inconclusive(Reason::ArmMissing, "no arm was planned");
    };
    if of(Outcome::Holds).count() == total {
        let mut answer = first.clone();
        if total > 1 {
            answer.sentence = format!("{} (in all {total} repeats)", answer.sentence);
            let all = answers.iter().flat_map(|one| one.evidence.iter().cloned());
            answer.evidence = all.collect();
        }
        return answer;
    }
    if matches!(question.kind, QuestionKind::Mitigation {})
        && let Some(answer) = chance::lucky(cases, answers)
    {
        return answer;
    }
    let reasons: Vec<Reason> = of(Outcome::Inconclusive).map(|answer| answer.reason).collect();
    let mut answer = of(Outcome::Inconclusive).next().unwrap_or(first).clone();
    let held = of(Outcome::Holds).count();
    if held > 0 && reasons.iter().all(|reason| reason.is_precondition()) {
        answer.sentence = format!(
            "the repeats disagree: it held in {held} of {total}, and in {} {}",
            total - held,
            answer.sentence
        );
        answer.reason = Reason::Flaky;
        answer.next = None;
    } else if total > 1 {
        answer.sentence = format!("{} (in {} of {total} repeats)", answer.sentence, reasons.len());
    }
    answer
}

fn runs(cases: &[Arms<'_>]) -> BTreeMap<Role, Vec<String>> {
    let mut runs: BTreeMap<Role, Vec<String>> = BTreeMap::new();
    for observed in cases.iter().flat_map(Arms::all) {
        let own = runs.entry(observed.arm.role.clone()).or_default();
        // one run of ordinary programs is for all repeats
        if !own.contains(&observed.run) {
            own.push(observed.run.clone());
        }
    }
    runs
}

/// What became of the attack in each arm: of several repeats the one that is worst for the defender.
fn outcomes(cases: &[Arms<'_>]) -> BTreeMap<Role, ArmOutcome> {
    let mut outcomes: BTreeMap<Role, ArmOutcome> = BTreeMap::new();
    for case in cases {
        for observed in case.all().filter(|observed| !observed.arm.role.is_benign()) {
            let attempted = case.attempted(observed).truth;
            let alerted = case.fired(&observed.arm.role).is_some_and(Fired::matched)
                || observed.watched.values().any(|watched| watched.alert.is_some());
            let outcome = match (attempted, observed.goal.truth) {
                (Truth::Yes, Truth::No) if !observed.goal_before => ArmOutcome::Prevented,
                _ if alerted => ArmOutcome::Alerted,
                (Truth::Yes, _) | (_, Truth::Yes) => ArmOutcome::Logged,
                _ => ArmOutcome::None,
            };
            let worst = outcomes.entry(observed.arm.role.clone()).or_insert(outcome);
            *worst = (*worst).max(outcome);
        }
    }
    outcomes
}
