//! `detektr atomic run TEST…`: each test is a detonation of its own, and it is told what came of it.

use super::seen::{Seen, seen};
use super::{SourceArgs, argument, every, named};
use crate::cli::Context;
use crate::commands::arms::ArmsArgs;
use crate::commands::place::PlaceArgs;
use crate::commands::trigger::TriggerArgs;
use crate::commands::validate::unrunnable;
use crate::exit;
use crate::failure::Failure;
use crate::progress::Many;
use crate::recording::with_sources;
use crate::signals::end_on_signals;
use crate::terminal::{Out, Style, clean, in_json, shorten};
use crate::units;
use detektr_detonate::Detonator;
use detektr_validate::atomic::{self, Options, Outcome, Refusal, Refused, Test};
use detektr_validate::result::Inputs;
use detektr_validate::run::{self as arms, Located, Settings, Stage, pool};
use detektr_validate::{Arm, Plan};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Run tests, and tell what each did
///
/// Each test is a detonation in an environment of its own, with the simulated internet; its sealed bundle stays. What a test needs
/// is looked for and got first, in the phase `setup`; what it installs is started again at the end. The exit code is 0 where every test ran and its evidence is complete, 3 where
/// one did not, or its evidence is not, 2 and 4 as everywhere.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: SourceArgs,
    /// A technique (each of its tests for Linux), TECHNIQUE#NUMBER, TECHNIQUE#PART-OF-A-NAME, or a guid
    #[arg(value_name = "TEST", required_unless_present = "all")]
    tests: Vec<String>,
    /// Every test that lists Linux
    #[arg(long, conflicts_with = "tests")]
    all: bool,
    /// Choose a value for an argument; may be given several times
    #[arg(long = "arg", value_name = "NAME=VALUE", value_parser = argument)]
    arguments: Vec<(String, String)>,
    /// Whom the tests run as [default: root where a test requires elevation, else user]
    #[arg(long, value_enum)]
    user: Option<UserArg>,
    /// Only look whether what the tests need is there: nothing is got, and no test runs
    #[arg(long)]
    check_prereqs: bool,
    #[command(flatten)]
    trigger: TriggerArgs,
    /// End each test after this time, what it needs included: 30s, 2m, 1m30s [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    timeout: Option<Duration>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    arms: ArmsArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UserArg {
    /// Root of the environment
    Root,
    /// Its ordinary user
    User,
}

/// A test and what runs, or why nothing does.
type Ready = (Test, Result<(Plan, Inputs), (Refusal, String)>);

/// A test and what came of it.
struct Told {
    test: Test,
    outcome: Outcome,
    refusal: Option<Refusal>,
    why: String,
    run: Option<(Located, Seen)>,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let detonator = Detonator::new();
    let ready = ready(args, &detonator)?;
    let store = context.store()?;
    store.prepare()?;
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(&cancel)?;
    let live = Many::new(context.json, ready.iter().filter(|(_, plan)| plan.is_ok()).count());
    let plans = ready.iter().filter_map(|(_, plan)| plan.as_ref().ok()).map(|(plan, inputs)| (plan, inputs));
    arms::check_each(plans, &detonator, &args.arms.settings(store.home(), &cancel, &|_, _| {}))
        .map_err(|(_, e)| unrunnable(&e))?;
    let one = |index: usize| {
        let (test, plan) = &ready[index];
        let progress = |_: &Arm, stage: Stage| live.tell(&test.id(), stage);
        let settings = Settings { jobs: 1, ..args.arms.settings(store.home(), &cancel, &progress) };
        told(test, plan.as_ref(), &detonator, &settings)
    };
    let mut all = Vec::new();
    let mut written = Ok(());
    let ended = pool::each(ready.len(), args.arms.jobs(), &cancel, &one, |told| {
        if !context.json && written.is_ok() {
            written = live.aside(|| tell(&told, &mut context.out));
        }
        all.push(told);
    });
    live.clear();
    written?;
    let interrupted = cancel.load(Ordering::Relaxed);
    if context.json {
        // of a failure that is the one document
        ended?;
        let tests: Vec<_> = all.iter().map(document).collect();
        context.out.document(&json!({"tests": tests, "interrupted": interrupted}))?;
    } else {
        // what was done is told, whatever ended the rest
        summary(&all, interrupted, context)?;
        ended?;
    }
    Ok(exit_code(&all, interrupted))
}

/// The tests that `args` name, and what runs. Every mistake is told before anything does.
fn ready(args: &Args, detonator: &Detonator) -> Result<Vec<Ready>, Failure> {
    let source = args.source.open()?;
    let tests = if args.all { every(&source)? } else { named(&source, &args.tests)? };
    if tests.is_empty() {
        return Err(Failure::usage("detektr::atomic::nothing", "no test is selected")
            .help("`detektr atomic list --all` tells what there is"));
    }
    let triggers = args.trigger.phases(args.place.profile()?.trigger.as_deref())?;
    let triggers = if args.check_prereqs { Default::default() } else { triggers };
    let mut surroundings = args.place.surroundings(detonator, true)?;
    surroundings.limits.wall = args.timeout.unwrap_or(surroundings.limits.wall);
    let options = Options {
        arguments: args.arguments.clone(),
        root: args.user.map(|user| user == UserArg::Root),
        check_only: args.check_prereqs,
    };
    let one = |test: Test| match test.prepare(&source, &options, &surroundings.rootfs) {
        Ok(prepared) => {
            let plan = atomic::plan(&test, prepared, surroundings.clone(), triggers.clone());
            Ok((test, Ok(plan)))
        }
        Err(Refused::Test(refusal, why)) => Ok((test, Err((refusal, why)))),
        Err(Refused::Choice(what, help)) => Err(Failure::usage("detektr::atomic::argument", what).help(help)),
    };
    tests.into_iter().map(one).collect()
}

/// Runs one test, or says why not; nothing where the user ended it.
fn told(
    test: &Test,
    plan: Result<&(Plan, Inputs), &(Refusal, String)>,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Option<Told>, Failure> {
    let test = test.clone();
    let (plan, inputs) = match plan {
        Ok(plan) => plan,
        Err((refusal, why)) => {
            let (outcome, why) = (Outcome::Refused, why.clone());
            return Ok(Some(Told { test, outcome, refusal: Some(*refusal), why, run: None }));
        }
    };
    let located = arms::run(plan, inputs, detonator, settings).map_err(|e| unrunnable(&e))?;
    let Some(located) = located.into_iter().next() else { return Ok(None) };
    let failed = |e: &dyn std::error::Error| Failure::failed("detektr::atomic", with_sources(e));
    let (outcome, why) = atomic::outcome(plan, &located).map_err(|e| failed(&e))?;
    let seen = seen(&located)?;
    Ok(Some(Told { test, outcome, refusal: None, why, run: Some((located, seen)) }))
}

fn document(told: &Told) -> serde_json::Value {
    let test = &told.test;
    let mut document = json!({
        "test": test.id(), "guid": test.guid, "technique": test.technique, "name": test.name,
        "result": told.outcome, "reason": told.refusal, "why": told.why,
    });
    if let Some((located, seen)) = &told.run {
        document["run"] = located.arm.run.clone().into();
        document["bundle"] = json!(in_json(&located.bundle));
        seen.write(&mut document);
    }
    document
}

/// A test in a line, with what was seen below it.
fn tell(told: &Told, out: &mut Out) -> std::io::Result<()> {
    let style = out.style;
    let shown = format!("{:<12}", told.outcome.name());
    let word = coloured(told.outcome, &shown, style);
    let (id, name) = (clean(&told.test.id()), clean(&told.test.name));
    match &told.run {
        None => writeln!(out, "  {word} {id:<14} {name}"),
        Some((located, seen)) => {
            writeln!(out, "  {word} {id:<14} {name}  {}  {}", clean(&located.arm.run), seen.end())
        }
    }?;
    if !told.why.is_empty() {
        writeln!(out, "      {}", shorten(&clean(&told.why), 200))?;
    }
    match &told.run {
        Some((_, seen)) => seen.lines(out),
        None => Ok(()),
    }
}

fn coloured(outcome: Outcome, text: &str, style: Style) -> String {
    match outcome {
        Outcome::Executed | Outcome::Prepared => style.green(text),
        Outcome::Failed | Outcome::NotExecuted => style.red(text),
        Outcome::NotPrepared | Outcome::Refused => style.yellow(text),
    }
}

fn summary(all: &[Told], interrupted: bool, context: &mut Context) -> std::io::Result<()> {
    let count = |wanted: Outcome| all.iter().filter(|told| told.outcome == wanted).count();
    let kinds = [
        Outcome::Executed,
        Outcome::Prepared,
        Outcome::NotPrepared,
        Outcome::NotExecuted,
        Outcome::Refused,
        Outcome::Failed,
    ];
    let counts: Vec<String> = kinds
        .into_iter()
        .filter(|kind| count(*kind) > 0)
        .map(|kind| format!("{} {}", count(kind), kind.name()))
        .collect();
    let incomplete = all.iter().filter(|told| told.outcome == Outcome::Executed && !told.complete()).count();
    let holes =
        if incomplete > 0 { format!("; {incomplete} with incomplete evidence") } else { String::new() };
    let cut = if interrupted { "; interrupted: what is done is kept" } else { "" };
    writeln!(context.out, "{} tests: {}{holes}{cut}", all.len(), counts.join(", "))
}

impl Told {
    fn complete(&self) -> bool {
        self.run.as_ref().is_some_and(|(_, seen)| seen.complete())
    }
}

fn exit_code(all: &[Told], interrupted: bool) -> u8 {
    let good = |told: &Told| matches!(told.outcome, Outcome::Executed | Outcome::Prepared) && told.complete();
    if all.iter().any(|told| told.outcome == Outcome::Failed) {
        exit::FAILED
    } else if interrupted || !all.iter().all(good) {
        exit::INCOMPLETE
    } else {
        exit::OK
    }
}
