//! Executing exercises: each attack once, each twin once for all of its family, and what the rules say of it.

use super::exercise::Exercise;
use super::technique::{relation, techniques};
use crate::atomic::lacked;
use crate::evaluate::{Unreadable, observe, telling};
use crate::facts::Observed;
use crate::plan::{Arm, Plan, Program, Role};
use crate::run::{self as arms, Located, RunError, Stage};
use detektr_detect::{RuleOutcome, RuleSet, RunContext};
use detektr_detonate::Detonator;
use detektr_event::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Matches that are kept of a rule in one run.
const MATCHES: usize = 3;

/// How to execute.
pub struct Settings<'a> {
    /// Detektr's data folder.
    pub home: PathBuf,
    /// Signs the bundles; the data folder's own key where absent.
    pub key: Option<PathBuf>,
    /// How many run at once, at least 1.
    pub jobs: usize,
    /// Execute all anew.
    pub fresh: bool,
    /// Set to end early: what is done is kept.
    pub cancel: Arc<AtomicBool>,
    /// Told what happens to which, from any thread.
    pub progress: &'a (dyn Fn(&str, Stage) + Sync),
}

/// Why the exercises could not be executed.
#[derive(Debug, thiserror::Error)]
pub enum MatrixError {
    /// One could not be run. What was done before is kept.
    #[error("{exercise} can't be executed")]
    Run {
        /// Which.
        exercise: String,
        /// Why.
        source: RunError,
    },
    /// Evidence can't be read to its end.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

/// What one run showed, and what the rules say of it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The facts.
    pub facts: Observed,
    /// It was executed before.
    pub reused: bool,
    /// What each rule says.
    pub said: Vec<RuleOutcome>,
    /// What makes those answers incomplete.
    pub holes: Vec<String>,
    /// Commands that a shell did not find; looked for only where there is no goal that tells whether it mattered.
    pub lacked: BTreeSet<String>,
}

/// What became of an exercise; what is missing was not executed.
#[derive(Clone, Debug)]
pub struct Execution<'e> {
    /// Which.
    pub exercise: &'e Exercise,
    /// The attack.
    pub attack: Option<Arc<Seen>>,
    /// Its twin.
    pub twin: Option<Arc<Seen>>,
}

/// One detonation: an arm of an exercise, which others may share.
struct Unit<'e> {
    exercise: &'e Exercise,
    arm: &'e Arm,
    name: String,
}

/// What tells detonations apart: the program by its content, how it runs, its seed, whether triggers follow, and what
/// its events are held against.
pub(super) fn identity(plan: &Plan, arm: &Arm) -> String {
    let program = plan.program(&arm.role);
    serde_json::json!([program, plan.files, arm.seed, plan.phases(), plan.goal]).to_string()
}

/// The plan with nothing but `arm`, and of its files those that run in it or lie beside what runs.
pub(super) fn alone(exercise: &Exercise, arm: &Arm) -> Plan {
    let mut plan = exercise.plan.clone();
    plan.arms = vec![arm.clone()];
    let program = plan.program(&arm.role).clone();
    if let Program::File(own) = &program.program {
        plan.files.retain(|file, _| file == own || program.files.values().any(|beside| beside == file));
    }
    plan
}

/// The detonations that are due, each once, and which of them every exercise needs.
fn units<'e>(exercises: &'e [Exercise]) -> (Vec<Unit<'e>>, BTreeMap<(usize, Role), usize>) {
    let mut all: Vec<Unit<'e>> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (at, exercise) in exercises.iter().enumerate().filter(|(_, exercise)| exercise.missing.is_none()) {
        for arm in &exercise.plan.arms {
            let key = identity(&alone(exercise, arm), arm);
            let place = *known.entry(key).or_insert_with(|| {
                let name = match arm.role {
                    Role::Baseline => exercise.id.clone(),
                    _ => format!("{} (twin)", exercise.family),
                };
                all.push(Unit { exercise, arm, name });
                all.len() - 1
            });
            places.insert((at, arm.role.clone()), place);
        }
    }
    (all, places)
}

/// How many detonations the exercises need.
pub fn detonations(exercises: &[Exercise]) -> usize {
    units(exercises).0.len()
}

/// Checks that the exercises can be executed here: one for each of whom they run as, for all else is the same.
///
/// # Errors
/// The first that would be refused. Nothing has run.
pub fn check(
    exercises: &[Exercise],
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<(), MatrixError> {
    let silent = |_: &Arm, _: Stage| {};
    let runs = exercises.iter().filter(|exercise| exercise.missing.is_none());
    let plans = runs.map(|exercise| (&exercise.plan, &exercise.inputs));
    arms::check_each(plans, detonator, &one(settings, &silent))
        .map_err(|(exercise, source)| MatrixError::Run { exercise, source })
}

fn one<'a>(settings: &Settings<'_>, progress: &'a (dyn Fn(&Arm, Stage) + Sync)) -> arms::Settings<'a> {
    arms::Settings {
        home: settings.home.clone(),
        key: settings.key.clone(),
        jobs: 1,
        fresh: settings.fresh,
        ring_bytes: None,
        cancel: settings.cancel.clone(),
        progress,
    }
}

/// Executes the exercises, and asks `rules` of each run. Where `cancel` was set, some were not executed.
///
/// # Errors
/// The first that could not be executed; those that were done by then stay in the data folder and are used again.
pub fn run<'e>(
    exercises: &'e [Exercise],
    rules: &RuleSet,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Vec<Execution<'e>>, MatrixError> {
    let (units, places) = units(exercises);
    let mut done: BTreeMap<usize, Arc<Seen>> = BTreeMap::new();
    let run = |index: usize| {
        let seen = execute(&units[index], rules, detonator, settings)?;
        Ok::<_, MatrixError>(seen.map(|seen| (index, Arc::new(seen))))
    };
    arms::pool::each(units.len(), settings.jobs, &settings.cancel, &run, |(index, seen)| {
        done.insert(index, seen);
    })?;
    let of = |at: usize, role: Role| done.get(places.get(&(at, role))?).cloned();
    let executions = exercises.iter().enumerate().map(|(at, exercise)| Execution {
        exercise,
        attack: of(at, Role::Baseline),
        twin: of(at, Role::BenignBaseline),
    });
    Ok(executions.collect())
}

/// Runs one detonation, or finds it run, and asks the rules.
fn execute(
    unit: &Unit<'_>,
    rules: &RuleSet,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Option<Seen>, MatrixError> {
    let plan = alone(unit.exercise, unit.arm);
    let progress = |_: &Arm, stage: Stage| (settings.progress)(&unit.name, stage);
    let located = arms::run(&plan, &unit.exercise.inputs, detonator, &one(settings, &progress))
        .map_err(|source| MatrixError::Run { exercise: unit.name.clone(), source })?;
    let Some(located) = located.first() else { return Ok(None) };
    ask(unit.exercise, &plan, located, rules)
}

fn ask(
    exercise: &Exercise,
    plan: &Plan,
    located: &Located,
    rules: &RuleSet,
) -> Result<Option<Seen>, MatrixError> {
    let Some((facts, bundle)) = observe(plan, located)? else { return Ok(None) };
    let reused = located.arm.reused;
    let Some(bundle) = bundle else {
        return Ok(Some(Seen {
            facts,
            reused,
            said: Vec::new(),
            holes: Vec::new(),
            lacked: BTreeSet::new(),
        }));
    };
    let unreadable = |source| Unreadable { run: located.arm.run.clone(), source };
    let manifest = bundle.manifest();
    let logs = manifest.ledger.0.contains_key(&Kind::LogMessage);
    let context = RunContext::of(manifest.artifact.path.as_ref(), logs);
    let context = RunContext { telling: telling(&facts), ..context };
    let events = bundle.events().map_err(|e| unreadable(io::Error::other(e)))?;
    let mut report = rules.run(&context, events).map_err(unreadable)?;
    report.rules.iter_mut().for_each(|said| prune(said, &exercise.technique));
    let lacked = match plan.goal {
        Some(_) => BTreeSet::new(),
        None => lacked(&bundle).map_err(unreadable)?,
    };
    Ok(Some(Seen { facts, reused, said: report.rules, holes: report.holes, lacked }))
}

/// What the matrix does not tell is not kept: of many matches the first, and why a rule is silent only where it was to
/// speak.
fn prune(said: &mut RuleOutcome, technique: &str) {
    said.matches.sort_by_key(|found| found.harness_only);
    said.matches.truncate(MATCHES);
    if relation(&techniques(&said.rule), technique).is_none() {
        said.nearest.clear();
        said.why_not = None;
    }
}
