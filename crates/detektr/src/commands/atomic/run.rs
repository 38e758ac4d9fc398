//! `detektr atomic run TEST…`: each test is a detonation of its own, and it is told what came of it.

use super::seen::{Seen, seen};
use super::{SourceArgs, argument, every, named};
use crate::cli::Context;
use crate::commands::arms::EvidenceArgs;
use crate::commands::place::PlaceArgs;
use crate::commands::validate::unrunnable;
use crate::exit;
use crate::failure::Failure;
use crate::progress::Arms;
use crate::recording::with_sources;
use crate::signals::end_on_signals;
use crate::terminal::{Style, clean, shorten};
use detektr_detonate::Detonator;
use detektr_validate::atomic::{self, Options, Outcome, Prepared, Refusal, Refused, Test};
use detektr_validate::run::{self as arms, Located, Settings, Stage};
use detektr_validate::{Arm, Surroundings};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Run tests, and tell what each did
///
/// Each test is a detonation in an environment of its own, with the simulated internet; its sealed bundle stays. What a test needs
/// is looked for and got first, in the phase `setup`. The exit code is 0 where every test ran and its evidence is complete, 3 where
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
    place: PlaceArgs,
    #[command(flatten)]
    evidence: EvidenceArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UserArg {
    /// Root of the environment
    Root,
    /// Its ordinary user
    User,
}

/// A test that can be run, or why not.
type Ready = Result<Prepared, (Refusal, String)>;

/// A test and what came of it.
struct Told {
    test: Test,
    outcome: Outcome,
    refusal: Option<Refusal>,
    why: String,
    run: Option<(Located, Seen)>,
}

pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let source = args.source.open()?;
    let tests = if args.all { every(&source)? } else { named(&source, &args.tests)? };
    if tests.is_empty() {
        return Err(Failure::usage("detektr::atomic::nothing", "no test is selected")
            .help("`detektr atomic list --all` tells what there is"));
    }
    let store = context.store()?;
    store.prepare()?;
    let detonator = Detonator::new();
    let surroundings = args.place.surroundings(&detonator, true)?;
    let options = Options {
        arguments: args.arguments.clone(),
        root: args.user.map(|user| user == UserArg::Root),
        check_only: args.check_prereqs,
    };
    // every mistake is told before anything runs
    let mut prepared: Vec<(Test, Ready)> = Vec::new();
    for test in tests {
        let one = match test.prepare(&source, &options, &surroundings.rootfs) {
            Ok(one) => Ok(one),
            Err(Refused::Test(refusal, why)) => Err((refusal, why)),
            Err(Refused::Choice(what, help)) => {
                return Err(Failure::usage("detektr::atomic::argument", what).help(help));
            }
        };
        prepared.push((test, one));
    }
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(&cancel)?;
    let mut all = Vec::new();
    let ended = each(prepared, args, &surroundings, &detonator, &cancel, &mut all, context);
    // what was done is told, whatever ended the rest
    let interrupted = cancel.load(Ordering::Relaxed);
    if context.json {
        let tests: Vec<_> = all.iter().map(document).collect();
        context.out.document(&json!({"tests": tests, "interrupted": interrupted}))?;
    } else {
        summary(&all, interrupted, context)?;
    }
    ended?;
    Ok(exit_code(&all, interrupted))
}

/// Runs each test, and adds to `all` what came of it; an error ends them.
fn each(
    prepared: Vec<(Test, Ready)>,
    args: &Args,
    surroundings: &Surroundings,
    detonator: &Detonator,
    cancel: &Arc<AtomicBool>,
    all: &mut Vec<Told>,
    context: &mut Context,
) -> Result<(), Failure> {
    let home = context.store()?.home().to_owned();
    for (test, one) in prepared {
        let one = match one {
            Ok(one) => one,
            Err((refusal, why)) => {
                let outcome = Outcome::Refused;
                all.push(Told { test, outcome, refusal: Some(refusal), why, run: None });
                tell(all, context)?;
                continue;
            }
        };
        let (plan, inputs) = atomic::plan(&test, one, surroundings.clone());
        let live = Arms::new(context.json, &plan.name(), plan.arms.len());
        let progress = |arm: &Arm, stage: Stage| live.tell(arm, stage);
        let settings = Settings {
            home: home.clone(),
            key: args.evidence.key.clone(),
            jobs: 1,
            fresh: args.evidence.fresh,
            ring_bytes: None,
            cancel: cancel.clone(),
            progress: &progress,
        };
        let located = arms::run(&plan, &inputs, detonator, &settings).map_err(|e| unrunnable(&e))?;
        live.clear();
        let Some(located) = located.into_iter().next() else { break };
        let failed = |e: &dyn std::error::Error| Failure::failed("detektr::atomic", with_sources(e));
        let (outcome, why) = atomic::outcome(&plan, &located).map_err(|e| failed(&e))?;
        let seen = seen(&located)?;
        all.push(Told { test, outcome, refusal: None, why, run: Some((located, seen)) });
        tell(all, context)?;
    }
    Ok(())
}

fn document(told: &Told) -> serde_json::Value {
    let test = &told.test;
    let mut document = json!({
        "test": test.id(), "guid": test.guid, "technique": test.technique, "name": test.name,
        "result": told.outcome, "reason": told.refusal, "why": told.why,
    });
    if let Some((located, seen)) = &told.run {
        document["run"] = located.arm.run.clone().into();
        document["bundle"] = located.bundle.to_string_lossy().into();
        seen.write(&mut document);
    }
    document
}

/// The last test in a line, with what was seen below it.
fn tell(all: &[Told], context: &mut Context) -> std::io::Result<()> {
    let Some(told) = all.last().filter(|_| !context.json) else { return Ok(()) };
    let style = context.out.style;
    let shown = format!("{:<12}", told.outcome.name());
    let word = coloured(told.outcome, &shown, style);
    let (id, name) = (clean(&told.test.id()), clean(&told.test.name));
    let out = &mut context.out;
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
