//! `detektr validate FILE|DIR…`: read, plan, run the arms, judge, tell. Every file is read and planned before
//! anything runs.

mod args;
mod github;
mod judged;
mod known;
mod last;
mod lists;
mod outputs;
mod partition;
mod places;
mod project;
mod select;
pub mod tell;

pub use args::Args;

use args::Rerun;

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::progress::Arms;
use crate::recording::with_sources;
use crate::signals::end_on_signals;
use crate::terminal::clean;
use detektr_detonate::{DetonateError, Detonator};
use detektr_evidence::{SigningKey, keys};
use detektr_validate::engine::{self, Reply};
use detektr_validate::evaluate::Judgement;
use detektr_validate::file::{AtomicSource, Choices, Sources};
use detektr_validate::judge::Reason;
use detektr_validate::result::{ArmRun, Inputs, ResultDocument};
use detektr_validate::run::{Located, RunError};
use detektr_validate::{Arm, Outcome, Plan, Surroundings, Verdict, evaluate, file, result, run as arms};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One validation: planned, and what its arms can be taken from.
pub struct Planned {
    plan: Plan,
    inputs: Inputs,
    /// The validation's file.
    file: PathBuf,
    /// The line in it of each question.
    lines: BTreeMap<String, usize>,
}

/// One validation with its answers.
pub struct Answered {
    /// The result's document.
    pub document: ResultDocument,
    /// Where it lies.
    pub path: PathBuf,
    /// The user ended it before all arms were run.
    pub interrupted: bool,
    /// The arms that took long.
    slow: Vec<lists::Slow>,
}

/// Runs the command.
pub fn run(mut args: Args, context: &mut Context) -> Result<u8, Failure> {
    project::apply(&mut args)?;
    let store = context.store()?;
    let known = known::KnownVerdicts::read(&args)?;
    outputs::check(&args, known.as_ref())?;
    let step = github::Step::here()?;
    let open = args.rerun.map(|Rerun::Last| last::open(store.home())).transpose()?;
    let files = select::files(&args.files)?;
    let detonator = Detonator::new();
    let runs = args.makes_environments();
    let surroundings = args.place.surroundings(&detonator, runs)?;
    let mut planned = match &open {
        Some(open) if open.is_empty() => Vec::new(),
        _ => plan_all(&files, &args, &surroundings, open.as_ref())?,
    };
    if let Some(partition) = args.partition {
        partition.retain(&mut planned);
    }
    if args.plan {
        return outputs::plans(planned.iter().map(|one| &one.plan), context);
    }
    refuse_engines(&planned, args.engines)?;
    store.prepare()?;
    let key = match &args.arms.key {
        Some(path) => keys::load(path),
        None => keys::load_or_create(store.home()),
    }
    .map_err(|e| {
        Failure::usage("detektr::key", with_sources(&e)).help("name an Ed25519 private key as PEM")
    })?;
    let results = args.out.clone().unwrap_or_else(|| store.home().join("results"));
    std::fs::create_dir_all(&results).map_err(|e| {
        Failure::usage("detektr::out", format!("can't make {}", shown(&results)))
            .because(e)
            .help("name a folder that you may write to")
    })?;
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(&cancel)?;

    let mut answered = Vec::new();
    let today = jiff::Zoned::now().date().to_string();
    let sealing = Sealing { today: &today, results: &results, key: &key, carry: args.out.is_some() };
    if args.arms_from.is_none() {
        for one in &planned {
            arms::check(
                &one.plan,
                &one.inputs,
                &detonator,
                &args.arms.settings(store.home(), &cancel, &|_, _| {}),
            )
            .map_err(|e| unrunnable(&e))?;
        }
    }
    for one in &mut planned {
        let live = Arms::new(context.json, &one.plan.name(), one.plan.arms.len());
        let mut located = match &args.arms_from {
            Some(folder) => arms::stored(&mut one.plan, folder, &store.runs()).map_err(|e| unrunnable(&e))?,
            None => {
                let progress = |arm: &Arm, stage| live.tell(arm, stage);
                arms::run(
                    &one.plan,
                    &one.inputs,
                    &detonator,
                    &args.arms.settings(store.home(), &cancel, &progress),
                )
                .map_err(|e| unrunnable(&e))?
            }
        };
        let (judgement, engines) = judged::judged(
            one,
            &mut located,
            &today,
            (&args, store.home()),
            &cancel,
            &|located, verdicts| {
                let progress = |arm: &Arm, stage| live.tell(arm, stage);
                let settings = args.arms.settings(store.home(), &cancel, &progress);
                arms::retry(&one.plan, &one.inputs, &detonator, &settings, located, verdicts)
            },
        )?;
        live.clear();
        let interrupted = cancel.load(Ordering::Relaxed);
        answered.push(answer(one, &located, (judgement, engines), &sealing, interrupted)?);
        if interrupted {
            break;
        }
    }
    let verdicts: Vec<Verdict> =
        answered.iter().flat_map(|one| one.document.verdicts.iter().cloned()).collect();
    let interrupted = cancel.load(Ordering::Relaxed);
    if args.arms_from.is_none() {
        last::note(store.home(), &planned, &verdicts, open.as_ref())?;
    }
    let known = known.map(|known| known.compare(&verdicts, interrupted)).transpose()?;
    let excused = |verdict: &Verdict| known.as_ref().is_some_and(|known| known.excused.excuses(verdict));
    let placed = places::placed(&verdicts, &planned, &excused);
    outputs::write(&args, &answered, &placed, known.as_ref())?;
    if context.json {
        outputs::document(&answered, &verdicts, known.as_ref(), context)?;
    } else {
        tell::all(&answered, known.as_ref(), step.as_ref(), context)?;
    }
    if let Some(step) = step {
        step.summarize(&placed, known.as_ref())?;
        match context.json {
            true => step.annotate(&placed, known.as_ref(), &mut std::io::stderr())?,
            false => step.annotate(&placed, known.as_ref(), &mut context.out)?,
        }
    }
    let counted: Vec<Verdict> = verdicts.iter().filter(|verdict| !excused(verdict)).cloned().collect();
    let gone = known.is_some_and(|known| !known.excused.gone.is_empty());
    Ok(exit_code(&counted, args.fail_on.as_deref(), interrupted || gone))
}

/// Reads and plans all files, before anything runs.
fn plan_all(
    files: &[PathBuf],
    args: &Args,
    surroundings: &Surroundings,
    open: Option<&BTreeSet<String>>,
) -> Result<Vec<Planned>, Failure> {
    let mut planned = Vec::new();
    let mut sources = match args.library.patterns.is_empty() {
        true => Sources::default(),
        false => Sources::with(args.library.library()?),
    };
    sources.atomics = args
        .atomics
        .as_ref()
        .map(|folder| AtomicSource { folder: folder.clone(), rootfs: surroundings.rootfs.clone() });
    let read = file::read_all(files, &sources).map_err(|e| Failure::foreign(exit::USAGE, e.into()))?;
    for (path, read) in files.iter().zip(read) {
        let choices = Choices {
            repeat: args.repeat,
            ablate: args.ablate,
            seed: args.seed,
            surroundings: surroundings.clone(),
            only: args.only.clone(),
            verdicts: open.cloned(),
        };
        for (plan, inputs) in file::plans(&read, &choices) {
            if args.require_benign && plan.benign.builtin {
                return Err(Failure::usage(
                    "detektr::validate::benign",
                    format!("{} names no twin, and --require-benign asks for one", shown(path)),
                )
                .help("add `benign: SCRIPT` with what must go on working"));
            }
            if !plan.questions.is_empty() {
                evaluate::check(&plan, &inputs).map_err(|problems| {
                    Failure::usage(
                        "detektr::validate::rules",
                        format!("{} can't be asked: {}", shown(path), problems.join("; ")),
                    )
                    .help("mend the rules (`detektr rule check` tells each with its place); install what an engine needs")
                })?;
                planned.push(Planned { plan, inputs, file: path.clone(), lines: read.lines.clone() });
            }
        }
    }
    if planned.is_empty() {
        return Err(Failure::usage("detektr::validate::nothing", "no question is selected")
            .help("`--plan` shows the questions of a file; `--only` takes their ids, with * and ?"));
    }
    if args.ablate && !planned.iter().any(|one| one.plan.ablate) {
        return Err(Failure::usage("detektr::validate::ablate", "there is no control to leave out")
            .help("`--ablate` asks which of the controls under `controls:` does the work"));
    }
    refuse_same_ids(&planned)?;
    Ok(planned)
}

/// A validation may come from anywhere, and its engines run on the host: only where that was allowed.
fn refuse_engines(planned: &[Planned], allowed: bool) -> Result<(), Failure> {
    let asked = planned.iter().find_map(|one| Some((one, engine::command_lines(&one.plan).next()?)));
    match asked.filter(|_| !allowed) {
        None => Ok(()),
        Some((one, line)) => Err(Failure::usage(
            "detektr::validate::engines",
            format!("{} names an engine that would run on this host: {}", shown(&one.file), clean(&line)),
        )
        .help("read what it is, and allow it with --engines; it runs as you, outside of any environment")),
    }
}

/// Two validations of one id would give verdicts of one id.
fn refuse_same_ids(planned: &[Planned]) -> Result<(), Failure> {
    let mut ids: Vec<String> = planned.iter().map(|one| one.plan.name()).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Failure::usage(
            "detektr::validate::id",
            format!("two of the files are the validation `{}`", pair[0]),
        )
        .help("give one of them another id: `id: NAME`")),
    }
}

/// How results are written.
struct Sealing<'a> {
    /// The day, by which accepted gaps expire.
    today: &'a str,
    /// The folder of their folders.
    results: &'a Path,
    key: &'a SigningKey,
    /// Whether their bundles lie beside them.
    carry: bool,
}

fn answer(
    one: &Planned,
    located: &[Located],
    (judgement, engines): (Judgement, Vec<Reply>),
    sealing: &Sealing<'_>,
    interrupted: bool,
) -> Result<Answered, Failure> {
    let Sealing { today, results, key, carry } = *sealing;
    let arms: Vec<ArmRun> = located.iter().map(|located| located.arm.clone()).collect();
    let document = ResultDocument {
        format: result::FORMAT.into(),
        id: result::id(&one.plan, &arms, &engines, today),
        evaluator: env!("CARGO_PKG_VERSION").into(),
        today: today.into(),
        plan: one.plan.clone(),
        arms,
        engines,
        verdicts: judgement.verdicts,
        ablation: judgement.ablation,
    };
    let unwritten = |e: std::io::Error| {
        Failure::failed("detektr::result", format!("can't write the result below {}", shown(results)))
            .because(e)
            .help("make room there, or name another folder with --out")
    };
    let carried = |to: &Path| if carry { outputs::carry(to, located) } else { Ok(()) };
    let path = result::write(results, &document, &one.inputs, key, carried).map_err(unwritten)?;
    let slow = lists::slow(&one.plan.name(), located);
    Ok(Answered { document, path, interrupted, slow })
}

/// Why an arm could not be run.
pub fn unrunnable(error: &RunError) -> Failure {
    let text = with_sources(error);
    match error {
        RunError::Detonate { source, .. } => {
            if let DetonateError::Refused(refusals) = &**source {
                let remedies: Vec<&str> = refusals.iter().map(|refusal| refusal.remedy.as_str()).collect();
                return Failure::usage("detektr::control", text).help(remedies.join("; "));
            }
            if source.is_usage() {
                Failure::usage("detektr::arm", text).help("mend what the message names; nothing was judged")
            } else {
                Failure::failed("detektr::arm", text).help("`detektr doctor` tells what this host can't do")
            }
        }
        RunError::Io { .. } => Failure::usage("detektr::home", text)
            .help("set DETEKTR_HOME to a folder that you may write to, with room in it"),
        RunError::Stored { .. } => Failure::usage("detektr::arms", text)
            .help("name a result's folder, or a folder of bundles, of the same attack, twin and controls"),
    }
}

/// 1 before 4 before 3: what fails is told even where something else could not be answered.
pub fn exit_code(verdicts: &[Verdict], fail_on: Option<&str>, interrupted: bool) -> u8 {
    let counts = |verdict: &&Verdict| {
        severity(verdict.severity.as_deref()) >= fail_on.map_or(0, |level| severity(Some(level)))
    };
    let failed = |v: &Verdict| v.unexpected.is_some() || (v.verdict == Outcome::Fails && !v.accepted);
    let broke = |v: &Verdict| {
        [Reason::EnvironmentFailed, Reason::SensorLost].iter().any(|reason| v.reason == reason.code())
    };
    if verdicts.iter().filter(counts).any(failed) {
        exit::FAILS
    } else if verdicts.iter().any(broke) {
        exit::FAILED
    } else if verdicts.iter().any(|v| v.verdict == Outcome::Inconclusive && !v.accepted) || interrupted {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}

/// The order of Sigma's levels; what has none counts as the highest, so that nothing fails unseen.
fn severity(level: Option<&str>) -> u8 {
    match level {
        Some("informational") => 1,
        Some("low") => 2,
        Some("medium") => 3,
        Some("high") => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(outcome: &str, reason: &str, severity: &str) -> Verdict {
        serde_json::from_value(json!({
            "id": "v/q/default", "validation": "v", "question": "q", "kind": "mitigation", "variant": "default",
            "verdict": outcome, "reason": reason, "sentence": "s", "arms": {}, "outcomes": {}, "evidence": [],
            "repeats": {"holds": 0, "fails": 0, "inconclusive": 0}, "severity": severity,
        }))
        .unwrap()
    }

    #[test]
    fn what_fails_goes_before_what_broke_and_that_before_what_cant_be_told() {
        let holds = verdict("holds", "prevented", "low");
        let fails = verdict("fails", "missed", "low");
        let open = verdict("inconclusive", "goal_not_reached", "low");
        let broke = [
            verdict("inconclusive", "environment_failed", "low"),
            verdict("inconclusive", "sensor_lost", "low"),
        ];
        let code = |all: &[&Verdict]| {
            let all: Vec<Verdict> = all.iter().map(|one| (*one).clone()).collect();
            exit_code(&all, None, false)
        };
        assert_eq!(code(&[&holds]), exit::OK);
        assert_eq!(code(&[&holds, &open]), exit::INCOMPLETE);
        for broke in &broke {
            assert_eq!(code(&[&holds, &open, broke]), exit::FAILED);
            assert_eq!(code(&[&fails, &open, broke]), exit::FAILS);
        }
        assert_eq!(exit_code(std::slice::from_ref(&holds), None, true), exit::INCOMPLETE);
        assert_eq!(exit_code(&[fails], Some("high"), false), exit::OK);
    }
}
