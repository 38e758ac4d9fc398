//! From bundles to verdicts: every arm's evidence is checked and reduced to facts, the rules are run over it, and the
//! judge has its say. The same bundles and files give the same verdicts anywhere.

use crate::engine::{self, Reply};
use crate::facts::{Left, Observed, Trust};
use crate::judge::{Detections, Fired, Match, Part, ablate, judge};
use crate::plan::{In, Plan, Question, QuestionKind, Role, Rules};
use crate::result::Inputs;
use crate::run::Located;
use crate::verdict::Verdict;
use detektr_detect::{RuleOutcome, RuleReport, RuleSet, RunContext};
use detektr_event::Kind;
use detektr_evidence::{Bundle, verify};
use std::collections::BTreeMap;
use std::io::{self, Read};

/// Checks what can be checked before anything runs: every rule and every engine of every question can be asked.
///
/// # Errors
/// Everything that is wrong with them, one sentence each.
pub fn check(plan: &Plan, inputs: &Inputs) -> Result<(), Vec<String>> {
    let mut problems: Vec<String> =
        plan.questions.iter().filter_map(|question| rules(question, inputs)?.err()).flatten().collect();
    problems.extend(engine::check(plan).err().into_iter().flatten());
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Why evidence can't be judged.
#[derive(Debug, thiserror::Error)]
#[error("the bundle of run {run} can't be read to its end")]
pub struct Unreadable {
    /// The run.
    pub run: String,
    /// Why.
    pub source: io::Error,
}

/// What the evidence answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// One verdict per question, in their order.
    pub verdicts: Vec<Verdict>,
    /// The part that each control plays, where that was asked.
    pub ablation: Vec<Part>,
}

/// Judges `plan` by the bundles of its arms, and by what its engines answered about them ([`engine::ask`]). `today`
/// (YYYY-MM-DD) decides about dates.
///
/// # Errors
/// Where a bundle that is sealed can't be read to its end. One that is missing, damaged or not the one that was run
/// is no error: the verdicts say so.
pub fn evaluate(
    plan: &Plan,
    inputs: &Inputs,
    located: &[Located],
    replies: &[Reply],
    today: &str,
) -> Result<Judgement, Unreadable> {
    let asked: Vec<(&Question, Option<RuleSet>)> = plan
        .questions
        .iter()
        .filter_map(|question| Some((question, rules(question, inputs)?.ok())))
        .collect();
    let mut observed = Vec::new();
    let mut fired = Detections::new();
    for one in located {
        let Some((facts, bundle)) = observe(plan, one)? else { continue };
        let arm = &one.arm.arm;
        let telling = telling(&facts);
        for question in &plan.questions {
            let QuestionKind::Detection { rules: Rules { monitor: Some(name), .. }, .. } = &question.kind
            else {
                continue;
            };
            if let Some(watched) = facts.watched.get(name) {
                fired.insert((question.id.clone(), arm.clone()), Fired::told(name, watched));
            }
        }
        observed.push(facts);
        let Some(bundle) = bundle else { continue };
        let unreadable = |source| Unreadable { run: one.arm.run.clone(), source };
        let manifest = bundle.manifest();
        let events = || bundle.events().map_err(|e| unreadable(io::Error::other(e)));
        for (question, answer) in engine::fired(plan, &arm.role, &bundle, replies).map_err(unreadable)? {
            fired.insert((question.to_owned(), arm.clone()), answer);
        }
        for (question, rules) in asked.iter().filter(|(question, _)| reads(question, &arm.role)) {
            let answer = match rules {
                Some(rules) => {
                    let logs = manifest.ledger.0.contains_key(&Kind::LogMessage);
                    let context = RunContext::of(manifest.artifact.path.as_ref(), logs);
                    let context = RunContext { telling: telling.clone(), ..context };
                    fired_by(&rules.run(&context, events()?).map_err(unreadable)?)
                }
                None => {
                    Fired::not_loaded("it was usable when the validation was planned, and is not any more")
                }
            };
            fired.insert((question.id.clone(), arm.clone()), answer);
        }
    }
    Ok(Judgement { verdicts: judge(plan, &observed, &fired, today), ablation: ablate(plan, &observed) })
}

/// What one arm shows, and its bundle, where its seal is good; nothing where there is no bundle.
///
/// # Errors
/// Where it can't be read to its end.
pub(crate) fn observe(plan: &Plan, one: &Located) -> Result<Option<(Observed, Option<Bundle>)>, Unreadable> {
    let Ok(bundle) = Bundle::open(&one.bundle) else { return Ok(None) };
    let arm = &one.arm.arm;
    let unreadable = |source| Unreadable { run: one.arm.run.clone(), source };
    let trust = sealed(one);
    if trust.is_err() {
        let nothing = std::iter::empty::<Result<_, io::Error>>();
        let left = Left { changes: &[], persistence: None, content: &|_| None, monitor: &|_| None };
        let facts = Observed::read(plan, arm, bundle.manifest(), nothing, &left, trust);
        return Ok(Some((facts.map_err(unreadable)?, None)));
    }
    let changes = bundle.changes().map_err(|e| unreadable(io::Error::other(e)))?;
    let persistence = bundle.persistence().map_err(|e| unreadable(io::Error::other(e)))?;
    let content = |sha256: &str| bundle.beginning(sha256);
    let monitor = |number| {
        let mut output = Vec::new();
        // the sandbox's own bound is that of its file
        bundle.monitor(number).ok()?.read_to_end(&mut output).ok()?;
        Some(output)
    };
    let left =
        Left { changes: &changes, persistence: persistence.as_ref(), content: &content, monitor: &monitor };
    let events = bundle.events().map_err(|e| unreadable(io::Error::other(e)))?;
    let facts = Observed::read(plan, arm, bundle.manifest(), events, &left, trust).map_err(unreadable)?;
    Ok(Some((facts, Some(bundle))))
}

/// The rules of a question, where it has some.
fn rules(question: &Question, inputs: &Inputs) -> Option<Result<RuleSet, Vec<String>>> {
    let QuestionKind::Detection { rules, .. } = &question.kind else { return None };
    if rules.monitor.is_some() || rules.command.is_some() {
        return None;
    }
    let empty = Vec::new();
    let files = rules.files.iter().map(|name| (name.as_str(), inputs.get(name).unwrap_or(&empty).as_slice()));
    Some(
        RuleSet::load(files).map_err(|errors| errors.iter().map(|e| format!("{e} ({})", e.remedy)).collect()),
    )
}

/// Whether the answer to `question` reads the arm of `role`.
pub(crate) fn reads(question: &Question, role: &Role) -> bool {
    match &question.kind {
        QuestionKind::Detection { arm: In::Baseline, .. } => {
            matches!(role, Role::Baseline | Role::BenignBaseline | Role::Ordinary)
        }
        QuestionKind::Detection { arm: In::Treatment, .. } => {
            matches!(role, Role::Treatment | Role::Benign | Role::BenignBaseline | Role::Ordinary)
        }
        _ => false,
    }
}

/// Whether the bundle is the one that was run, unaltered.
pub(crate) fn sealed(one: &Located) -> Trust {
    let manifest = Bundle::open(&one.bundle).and_then(|bundle| bundle.manifest_sha256());
    if manifest.is_ok_and(|sha256| sha256 != one.arm.manifest_sha256) {
        return Err("its manifest is not the one that the result names".into());
    }
    let verification = verify(&one.bundle, None);
    match verification.problems.first() {
        None if verification.is_good() => Ok(()),
        None => Err("its seal can't be checked".into()),
        Some(problem) => Err(problem.detail.clone()),
    }
}

/// The events that a missed rule is explained on rather than on others: what denied the attack's operations on its
/// goal, the goal itself, and the other operations on it.
pub(crate) fn telling(arm: &Observed) -> BTreeMap<u64, u8> {
    let mut telling = BTreeMap::new();
    let mut add = |event: u64, weight: u8| {
        let now = telling.entry(event).or_insert(weight);
        *now = weight.max(*now);
    };
    for operation in arm.toward.iter().filter_map(|key| arm.operations.get(key)) {
        for denial in &operation.denied {
            add(denial.event, if denial.enforcer.is_some() { 3 } else { 1 });
        }
        operation.succeeded.into_iter().for_each(|event| add(event, 1));
    }
    arm.goal.events.iter().for_each(|event| add(*event, 2));
    telling
}

/// What a judge asks of the rules' report.
fn fired_by(report: &RuleReport) -> Fired {
    let matches = report.rules.iter().flat_map(|outcome| {
        outcome.matches.iter().map(|found| Match {
            rule: outcome.rule.title.clone(),
            events: found.events.clone(),
            fields: found.fields.clone(),
            harness_only: found.harness_only,
        })
    });
    let of = |text: fn(&RuleOutcome) -> Option<String>| report.rules.iter().find_map(text);
    Fired {
        not_loaded: None,
        failed: None,
        deaf: None,
        matches: matches.collect(),
        undecided: of(|outcome| {
            let needed = outcome.undecided.as_ref().or(outcome.no_telemetry.as_ref())?;
            Some(format!("`{}` can't be decided: {needed}", outcome.rule.title))
        }),
        why_not: of(|outcome| {
            let why = outcome.why_not.as_ref()?;
            Some(format!("`{}`: {}", outcome.rule.title, why.sentence))
        }),
        holes: report.holes.clone(),
        level: report
            .rules
            .iter()
            .filter_map(|outcome| outcome.rule.level.clone())
            .max_by_key(|level| rank(level)),
    }
}

/// The order of Sigma's levels.
fn rank(level: &str) -> usize {
    ["informational", "low", "medium", "high", "critical"]
        .iter()
        .position(|known| *known == level)
        .unwrap_or(0)
}
