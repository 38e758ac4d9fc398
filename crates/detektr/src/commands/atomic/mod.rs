//! `detektr atomic`: tests of Atomic Red Team, read from a checkout of the original: what there is, what one does, and
//! running them, each in an environment of its own.

mod list;
mod run;
mod seen;
mod show;

use crate::cli::Context;
use crate::exit;
use crate::failure::{Failure, shown};
use detektr_validate::atomic::{AtomicError, Atomics, System, Test};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// List, show and run tests of Atomic Red Team
///
/// The definitions are read from a checkout of the original, which is no part of Detektr.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    List(list::Args),
    Show(show::Args),
    Run(Box<run::Args>),
}

/// Where the definitions are.
#[derive(Debug, clap::Args)]
struct SourceArgs {
    /// A checkout of Atomic Red Team, its folder `atomics`, or any folder of techniques
    #[arg(long, value_name = "DIR")]
    atomics: PathBuf,
}

impl SourceArgs {
    fn open(&self) -> Result<Atomics, Failure> {
        open(&self.atomics)
    }
}

/// The tests of `folder`.
pub(super) fn open(folder: &Path) -> Result<Atomics, Failure> {
    Atomics::open(folder).map_err(unusable)
}

/// Every test that lists Linux.
pub(super) fn every(source: &Atomics) -> Result<Vec<Test>, Failure> {
    let mut tests = source.all().map_err(unusable)?;
    tests.retain(|test| System::of(test) != System::Other);
    Ok(tests)
}

/// The tests that `names` mean, each once; of a whole technique those that list Linux.
pub(super) fn named(source: &Atomics, names: &[String]) -> Result<Vec<Test>, Failure> {
    let mut tests: Vec<Test> = Vec::new();
    for name in names {
        let mut named = source.named(name).map_err(unusable)?;
        if named.len() > 1 {
            named.retain(|test| System::of(test) != System::Other);
        }
        // one that is named twice runs once
        named.retain(|test| !tests.iter().any(|other| other.id() == test.id()));
        tests.extend(named);
    }
    Ok(tests)
}

impl Args {
    /// Whether it runs anything.
    pub fn makes_environments(&self) -> bool {
        matches!(self.action, Action::Run(_))
    }
}

/// Runs the command.
pub fn run(args: Args, context: &mut Context) -> Result<u8, Failure> {
    match args.action {
        Action::List(args) => list::run(&args, context),
        Action::Show(args) => show::run(&args, context),
        Action::Run(args) => run::run(&args, context),
    }
}

fn unusable(error: AtomicError) -> Failure {
    match error {
        AtomicError::File(e) => Failure::foreign(exit::USAGE, e.into()),
        AtomicError::Folder { folder, source } => {
            Failure::usage("detektr::atomic::folder", format!("can't read {}", shown(&folder)))
                .because(source)
                .help("name a checkout of Atomic Red Team that you may read: --atomics DIR")
        }
        empty @ AtomicError::Empty { .. } => Failure::usage("detektr::atomic::folder", empty.to_string())
            .help("name a checkout of Atomic Red Team, or its folder `atomics`: --atomics DIR"),
        AtomicError::Unknown { what, help } => Failure::usage("detektr::atomic::unknown", what).help(help),
    }
}

/// `NAME=VALUE` of `--arg`.
fn argument(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("write NAME=VALUE".into()),
    }
}

/// The system that a test is for, by its name in JSON, with what shows it.
fn system(test: &Test) -> (&'static str, String) {
    match System::of(test) {
        System::Linux => ("linux", String::new()),
        System::FreeBsd(why) => ("freebsd", why),
        System::Other => ("other", format!("it is for {}", test.platforms.join(", "))),
    }
}

/// A test for `--json`.
fn document(test: &Test) -> Value {
    let arguments: Vec<Value> = test
        .arguments
        .iter()
        .map(|one| {
            json!({
                "name": one.name, "description": one.description, "type": one.kind, "default": one.default,
            })
        })
        .collect();
    let dependencies: Vec<Value> = test
        .dependencies
        .iter()
        .map(|one| {
            json!({
                "description": one.description, "prereq_command": one.prereq,
                "get_prereq_command": one.get_prereq,
            })
        })
        .collect();
    let executor = &test.executor;
    json!({
        "test": test.id(), "guid": test.guid, "technique": test.technique, "number": test.number,
        "name": test.name, "description": test.description, "platforms": test.platforms,
        "system": system(test).0, "executor": executor.name, "elevation_required": executor.elevated,
        "arguments": arguments, "dependencies": dependencies, "command": executor.command,
        "steps": executor.steps, "cleanup_command": executor.cleanup, "source": test.source,
    })
}
