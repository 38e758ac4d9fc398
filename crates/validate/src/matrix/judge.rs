//! From executions to the matrix: a pure function.

use super::difference::miss;
use super::model::{
    FORMAT, Hit, INCOMPLETE, Matrix, Miss, NotLoaded, Open, RuleRow, State, Status, Totals, Twin, VariantRow,
};
use super::run::{Execution, Seen};
use super::technique::{Relation, relation, techniques};
use crate::facts::Observed;
use crate::plan::Sensor;
use crate::truth::Truth;
use detektr_detect::{RuleOutcome, RuleRef};
use std::collections::{BTreeMap, BTreeSet};

/// What `executions` say of `rules`.
pub fn matrix<'r>(
    rules: impl Iterator<Item = &'r RuleRef>,
    not_loaded: Vec<NotLoaded>,
    executions: &[Execution<'_>],
    sensor: Sensor,
    interrupted: bool,
) -> Matrix {
    let states: Vec<(State, String)> = executions.iter().map(attack_state).collect();
    let twins = twins(executions);
    let mut rows: Vec<RuleRow> = rules.map(|rule| row(rule, executions, &states, &twins)).collect();
    rows.sort_by(|a, b| (a.status, &a.title, &a.id).cmp(&(b.status, &b.title, &b.id)));
    let mut variants: Vec<VariantRow> = executions
        .iter()
        .zip(&states)
        .map(|(execution, (state, why))| {
            let found =
                rows.iter().filter(|row| row.proven.iter().any(|hit| hit.variant == execution.exercise.id));
            let facts = execution.attack.as_ref().map(|seen| &seen.facts);
            VariantRow {
                id: execution.exercise.id.clone(),
                technique: execution.exercise.technique.clone(),
                tactic: execution.exercise.tactic.clone(),
                state: *state,
                why: why.clone(),
                run: facts.map(|facts| facts.run.clone()),
                goal: facts.map(|facts| facts.goal.events.clone()).unwrap_or_default(),
                reused: execution.attack.as_ref().is_some_and(|seen| seen.reused),
                found_by: found.map(|row| row.title.clone()).collect(),
            }
        })
        .collect();
    variants.sort_by(|a, b| a.id.cmp(&b.id));
    let mut told: Vec<Twin> = twins
        .iter()
        .map(|(name, (seen, state, why))| Twin {
            id: (*name).to_owned(),
            state: *state,
            why: why.clone(),
            run: seen.map(|seen| seen.facts.run.clone()),
            reused: seen.is_some_and(|seen| seen.reused),
            fired: rows
                .iter()
                .filter(|row| row.false_positives.iter().any(|hit| hit.variant == *name))
                .map(|row| row.title.clone())
                .collect(),
        })
        .collect();
    told.sort_by(|a, b| a.id.cmp(&b.id));
    let totals = totals(&rows, &variants, &told, not_loaded.len());
    Matrix {
        format: FORMAT.into(),
        detektr: env!("CARGO_PKG_VERSION").into(),
        sensor,
        interrupted,
        totals,
        rules: rows,
        variants,
        twins: told,
        not_loaded,
    }
}

fn totals(rows: &[RuleRow], variants: &[VariantRow], twins: &[Twin], not_loaded: usize) -> Totals {
    let status = |wanted: Status| rows.iter().filter(|row| row.status == wanted).count();
    let state = |wanted: State| variants.iter().filter(|variant| variant.state == wanted).count();
    let new = |run: &Option<String>, reused: bool| run.is_some() && !reused;
    Totals {
        rules: rows.len(),
        proven: status(Status::Proven),
        partly: status(Status::Partly),
        missed: status(Status::Missed),
        harness_only: status(Status::HarnessOnly),
        needs_telemetry: status(Status::NeedsTelemetry),
        inconclusive: status(Status::Inconclusive),
        never_exercised: status(Status::NeverExercised),
        false_positive: rows.iter().filter(|row| !row.false_positives.is_empty()).count(),
        not_loaded,
        variants: variants.len(),
        variants_ready: state(State::Ready),
        variants_found: variants
            .iter()
            .filter(|variant| variant.state == State::Ready && !variant.found_by.is_empty())
            .count(),
        variants_inconclusive: state(State::Inconclusive),
        variants_not_run: state(State::NotRun) + state(State::NotRunnable),
        twins: twins.len(),
        detonated: variants.iter().filter(|one| new(&one.run, one.reused)).count()
            + twins.iter().filter(|one| new(&one.run, one.reused)).count(),
    }
}

/// Whether an attack did what it is there for, with evidence from which something follows.
fn attack_state(execution: &Execution<'_>) -> (State, String) {
    if let Some(missing) = &execution.exercise.missing {
        return (State::NotRunnable, missing.clone());
    }
    let Some(seen) = &execution.attack else { return (State::NotRun, "it was not executed".into()) };
    let facts = &seen.facts;
    let open = |why: &str| (State::Inconclusive, why.to_owned());
    match unusable(facts) {
        Some(why) => (State::Inconclusive, why),
        None if execution.exercise.plan.goal.is_none() => carried_out(seen),
        None if facts.goal_before => open("its goal is true before anything ran"),
        None => match facts.goal.truth {
            Truth::No => open("it did not reach its goal"),
            Truth::Unknown => open("whether it reached its goal can't be told"),
            Truth::Yes => (State::Ready, String::new()),
        },
    }
}

/// Whether an attack that has no goal was carried out: it ran, ended with exit code 0, and found every command. Any
/// other end leaves open how much of it was done.
fn carried_out(seen: &Seen) -> (State, String) {
    let facts = &seen.facts;
    let why = if facts.executed.truth != Truth::Yes {
        let denied =
            facts.not_started.as_ref().map(|denial| format!("its own start was refused: {}", denial.how));
        denied.unwrap_or_else(|| "it never started".into())
    } else if let Some(limit) = &facts.limit {
        format!("it did not come to its end: it was stopped at the limit `{limit}`")
    } else if facts.works != Truth::Yes {
        "it does not end with exit code 0".into()
    } else if !seen.lacked.is_empty() {
        let names: Vec<&str> = seen.lacked.iter().map(String::as_str).collect();
        format!("it did not find {}", names.join(", "))
    } else {
        return (State::Ready, String::new());
    };
    (State::Inconclusive, why)
}

fn unusable(facts: &Observed) -> Option<String> {
    let unusable =
        facts.unusable.as_ref().map(|unusable| format!("its evidence can't be used: {}", unusable.what));
    unusable.or_else(|| facts.missing.clone())
}

type Twins<'e> = BTreeMap<&'e str, (Option<&'e Seen>, State, String)>;

/// The twins by the family that they belong to.
fn twins<'e>(executions: &'e [Execution<'e>]) -> Twins<'e> {
    let mut twins = Twins::new();
    for execution in executions.iter().filter(|execution| execution.exercise.has_twin()) {
        let name = execution.exercise.family.as_str();
        let told = match (&execution.twin, &execution.exercise.missing) {
            (Some(seen), _) => {
                let (state, why) = twin_state(seen);
                (Some(&**seen), state, why)
            }
            (None, Some(missing)) => (None, State::NotRunnable, missing.clone()),
            (None, None) => (None, State::NotRun, "it was not executed".into()),
        };
        // a variant that can't run here leaves the twin to the others
        let better = twins.get(name).is_none_or(|(seen, ..)| seen.is_none());
        if better {
            twins.insert(name, told);
        }
    }
    twins
}

/// Whether the rules' silence on a twin says something.
fn twin_state(seen: &Seen) -> (State, String) {
    let facts = &seen.facts;
    let open = |why: &str| (State::Inconclusive, why.to_owned());
    let hole = || seen.holes.first().map(|hole| format!("what the rules say of it is incomplete: {hole}"));
    match (unusable(facts).or_else(hole), facts.goal.truth, facts.works) {
        (Some(why), ..) => (State::Inconclusive, why),
        (None, Truth::Yes, _) => open("it reaches the goal as well"),
        (None, Truth::Unknown, _) => open("whether it reaches the goal can't be told"),
        (None, Truth::No, Truth::Yes) => (State::Ready, String::new()),
        (None, Truth::No, _) => open("it does not end with exit code 0"),
    }
}

/// What a rule says of one run.
enum Said<'s> {
    Match(Hit),
    Harness(String),
    Undecided(String),
    NoTelemetry(String),
    Hole(String),
    Silent(&'s RuleOutcome),
}

fn said<'s>(rule: &RuleRef, name: &str, seen: &'s Seen) -> Said<'s> {
    let Some(outcome) = seen.said.iter().find(|outcome| outcome.rule.id == rule.id) else {
        return Said::Hole("the rule was not asked".into());
    };
    let hit = |found: &detektr_detect::Match| Hit {
        variant: name.to_owned(),
        run: seen.facts.run.clone(),
        events: found.events.clone(),
        fields: found.fields.clone(),
    };
    match outcome.matches.first() {
        Some(found) if !found.harness_only => Said::Match(hit(found)),
        Some(found) => {
            let fields: Vec<String> =
                found.fields.iter().take(3).map(|(name, value)| format!("{name}={value}")).collect();
            Said::Harness(format!(
                "it matches only the name or the start of the attack's file, which Detektr chose: {}",
                fields.join(", ")
            ))
        }
        None => match (&outcome.no_telemetry, &outcome.undecided, seen.holes.first()) {
            (Some(needed), ..) => Said::NoTelemetry(needed.clone()),
            (None, Some(needed), _) => Said::Undecided(needed.clone()),
            (None, None, Some(hole)) => Said::Hole(hole.clone()),
            (None, None, None) => Said::Silent(outcome),
        },
    }
}

fn row(
    rule: &RuleRef,
    executions: &[Execution<'_>],
    states: &[(State, String)],
    twins: &Twins<'_>,
) -> RuleRow {
    let tagged = techniques(rule);
    let mut row = RuleRow {
        id: rule.id.clone(),
        title: rule.title.clone(),
        file: rule.file.clone(),
        level: rule.level.clone(),
        techniques: tagged.iter().cloned().collect(),
        status: Status::NeverExercised,
        sentence: String::new(),
        proven: Vec::new(),
        missed: Vec::new(),
        open: Vec::new(),
        silent: Vec::new(),
        elsewhere: Vec::new(),
        false_positives: Vec::new(),
        telemetry: None,
    };
    let mut proven: Vec<(Hit, &Seen)> = Vec::new();
    let mut missed: Vec<(&str, &Seen, &RuleOutcome)> = Vec::new();
    let mut needed = BTreeSet::new();
    for (execution, (state, why)) in executions.iter().zip(states) {
        let name = execution.exercise.id.as_str();
        let relation = relation(&tagged, &execution.exercise.technique);
        let answer = execution.attack.as_deref().map(|seen| (seen, said(rule, name, seen)));
        if let Some((_, Said::NoTelemetry(what))) = &answer {
            needed.insert(what.clone());
        }
        let mut open = |reason: &str, sentence: String| {
            if relation.is_some() {
                row.open.push(Open { variant: name.to_owned(), reason: reason.into(), sentence });
            }
        };
        let Some((seen, answer)) = answer.filter(|_| *state == State::Ready) else {
            open(state.name(), why.clone());
            continue;
        };
        match (answer, relation) {
            (Said::Match(hit), Some(_)) => proven.push((hit, seen)),
            (Said::Match(hit), None) => row.elsewhere.push(hit),
            (Said::Harness(why), _) => open("harness_only", why),
            (Said::Silent(_) | Said::Undecided(_), Some(Relation::Kin)) => row.silent.push(name.to_owned()),
            (Said::Undecided(what) | Said::NoTelemetry(what), _) => open("needs_telemetry", what),
            (Said::Hole(why), _) => open(INCOMPLETE, why),
            (Said::Silent(outcome), Some(Relation::Same)) => missed.push((name, seen, outcome)),
            (Said::Silent(_), None) => {}
        }
    }
    row.missed =
        missed.iter().map(|(name, seen, outcome)| miss(name, seen, outcome, &proven)).collect::<Vec<Miss>>();
    row.proven = proven.into_iter().map(|(hit, _)| hit).collect();
    for (name, (seen, ..)) in twins {
        // only what certainly is no attack can be a false positive
        let Some(seen) =
            seen.filter(|seen| unusable(&seen.facts).is_none() && seen.facts.goal.truth == Truth::No)
        else {
            continue;
        };
        if let Said::Match(hit) = said(rule, name, seen) {
            row.false_positives.push(hit);
        }
    }
    // a run that can't be used, such as one that could not be prepared, was asked nothing
    let mut answers = executions
        .iter()
        .filter_map(|one| one.attack.as_deref())
        .filter_map(|seen| seen.said.iter().find(|outcome| outcome.rule.id == rule.id));
    let nowhere = answers.all(|outcome| outcome.no_telemetry.is_some());
    settle(&mut row, if nowhere { needed.into_iter().next() } else { None });
    row
}

/// Status and sentence, from all else.
fn settle(row: &mut RuleRow, nowhere: Option<String>) {
    let open =
        |reason: &str| row.open.iter().find(|open| open.reason == reason).map(|open| open.sentence.clone());
    let count = |n: usize| if n == 1 { "1 variant".to_owned() } else { format!("{n} variants") };
    let techniques = row.techniques.join(", ");
    let (hits, misses) = (row.proven.len(), row.missed.len());
    let (status, sentence) = if let Some(needed) = nowhere {
        row.telemetry = Some(needed.clone());
        (Status::NeedsTelemetry, needed)
    } else if hits > 0 && misses == 0 {
        (Status::Proven, format!("it finds {}", count(hits)))
    } else if hits > 0 {
        (Status::Partly, format!("it finds {} of {} that were judged", hits, count(hits + misses)))
    } else if let Some(first) = row.missed.first() {
        let all = format!(
            "it finds none of {} of {techniques}: {}: {}",
            count(misses),
            first.variant,
            first.sentence
        );
        (Status::Missed, all)
    } else if let Some(why) = open("harness_only") {
        (Status::HarnessOnly, why)
    } else if let Some(needed) = open("needs_telemetry") {
        row.telemetry = Some(needed.clone());
        (Status::NeedsTelemetry, needed)
    } else if let Some(first) = row.open.first() {
        let why = format!(
            "none of its {} could be judged: {}: {}",
            count(row.open.len()),
            first.variant,
            first.sentence
        );
        (Status::Inconclusive, why)
    } else if row.techniques.is_empty() {
        (Status::NeverExercised, "it is tagged with no technique".into())
    } else if let Some(first) = row.silent.first() {
        let why = format!(
            "only techniques above or below {techniques} were exercised ({first}), and it is silent on them"
        );
        (Status::NeverExercised, why)
    } else {
        (Status::NeverExercised, format!("there is no variant of {techniques}"))
    };
    row.status = status;
    row.sentence = sentence;
}
