//! `detektr rule matrix RULES`: every rule, held against executions of attack patterns and of their twins, and of tests of
//! Atomic Red Team.

mod chosen;
mod tell;

use super::files::Loaded;
use crate::cli::Context;
use crate::commands::arms::ArmsArgs;
use crate::commands::pattern::LibraryArgs;
use crate::commands::place::PlaceArgs;
use crate::commands::validate::unrunnable;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::progress::Many;
use crate::recording::with_sources;
use crate::replace::{replace, writable};
use crate::signals::end_on_signals;
use detektr_detonate::Detonator;
use detektr_validate::matrix::{self, Matrix, MatrixError, NotLoaded, Settings};
use detektr_validate::run::{RunError, Stage};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Hold Sigma rules against executed attacks: what proves each rule, what it misses, what was never exercised
///
/// Every variant of the patterns is detonated once, and every benign twin once; what was detonated before, under the same
/// circumstances, is used again. With --atomics every test of Atomic Red Team that lists Linux is detonated once too: it
/// counts where it was prepared, ended with exit code 0 and found every command, and it has no twin. A rule is proven by
/// variants of the techniques that it is tagged with. One that reached no goal, or whose evidence has a hole, proves and
/// misses nothing. For a variant that a proven rule misses, the smallest difference to one that proves it is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 every rule that was exercised matched, and none a twin; 1 a rule missed every variant of its \
                        technique that could be judged, or fires on a twin; 2 no rule can be loaded, or there is no such pattern or test; 3 \
                        something could not be told: a variant or a twin was not executed or is inconclusive, a file of rules \
                        could not be loaded, a rule's answer has a hole, a rule matched only what Detektr chose, no rule was exercised at all, or it was \
                        interrupted; 4 the environment or Detektr itself failed."
)]
pub struct Args {
    /// A rule file, or a folder of .yml and .yaml files
    rules: PathBuf,
    #[command(flatten)]
    library: LibraryArgs,
    /// Detonate the tests of a checkout of Atomic Red Team too
    #[arg(long, value_name = "DIR")]
    atomics: Option<PathBuf>,
    /// Only these patterns or techniques' tests (T1053.003), or single ones: ID#VARIANT, T1053.003#2; may be given several times
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    #[command(flatten)]
    place: PlaceArgs,
    #[command(flatten)]
    arms: ArmsArgs,
    /// Write the matrix as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write a layer for ATT&CK Navigator (format 4.5)
    #[arg(long, value_name = "FILE")]
    navigator: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args, context: &mut Context) -> Result<u8, Failure> {
    let loaded = Loaded::open(&args.rules)?;
    let library = args.library.library()?;
    let (variants, tests) = chosen::chosen(&library, args.atomics.as_deref(), &args.only)?;
    // what can't be written is told before anything runs
    writable([&args.html, &args.navigator].into_iter().flatten().map(PathBuf::as_path))?;
    let store = context.store()?;
    store.prepare()?;
    let detonator = Detonator::new();
    let surroundings = args.place.surroundings(&detonator, true)?;
    let mut exercises = matrix::patterns(variants, &surroundings);
    exercises.extend(tests.exercises(&surroundings)?);
    let cancel = Arc::new(AtomicBool::new(false));
    end_on_signals(&cancel)?;
    let live = Many::new(context.json, matrix::detonations(&exercises));
    let progress = |name: &str, stage: Stage| live.tell(name, stage);
    let settings = Settings {
        home: store.home().to_owned(),
        key: args.arms.key.clone(),
        jobs: args.arms.jobs(),
        fresh: args.arms.fresh,
        cancel: cancel.clone(),
        progress: &progress,
    };
    matrix::check(&exercises, &detonator, &settings).map_err(failed)?;
    let executions = matrix::run(&exercises, &loaded.rules, &detonator, &settings).map_err(failed)?;
    live.clear();
    let not_loaded = loaded.not_loaded.iter().map(|error| NotLoaded {
        file: error.file.clone(),
        what: error.what.clone(),
        remedy: error.remedy.clone(),
    });
    let interrupted = cancel.load(Ordering::Relaxed);
    let matrix = matrix::matrix(
        loaded.rules.rules(),
        not_loaded.collect(),
        &executions,
        surroundings.sensor,
        interrupted,
    );
    if let Some(path) = &args.html {
        write(path, &detektr_report::matrix_html(&matrix))?;
    }
    if let Some(path) = &args.navigator {
        write(path, &format!("{:#}\n", detektr_report::matrix_layer(&matrix)))?;
    }
    if context.json {
        context.out.document(&matrix)?;
    } else {
        tell::matrix(&matrix, &mut context.out)?;
        loaded.complain(&mut context.out)?;
    }
    Ok(exit_code(&matrix))
}

fn exit_code(matrix: &Matrix) -> u8 {
    match (matrix.fails(), matrix.is_open()) {
        (true, _) => exit::FAILS,
        (false, true) => exit::INCOMPLETE,
        (false, false) => exit::OK,
    }
}

fn failed(error: MatrixError) -> Failure {
    const CODE: &str = "detektr::rule::matrix";
    let text = with_sources(&error);
    match &error {
        MatrixError::Run { source: RunError::Detonate { source, .. }, .. } if source.is_usage() => {
            Failure::usage(CODE, text).help("mend what the message names; what was done before is kept")
        }
        MatrixError::Run { source: RunError::Detonate { .. }, .. } => Failure::failed(CODE, text)
            .help("`detektr doctor` tells what this host can't do; what was done before is kept"),
        MatrixError::Run { source, .. } => unrunnable(source),
        MatrixError::Unreadable(_) => {
            Failure::failed(CODE, text).help("run it again with --fresh: the evidence is damaged")
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    replace(path, text.as_bytes()).map_err(|e| {
        Failure::failed("detektr::rule::out", format!("can't write {}", shown(path)))
            .because(e)
            .help("name a file in a folder that you may write to")
    })
}
