//! Running the arms of a plan: each is one detonation; those that were run before are used again.

pub mod pool;
mod request;
mod retry;
mod reuse;
mod stored;

pub use request::neutral_name;
pub use retry::retry;
pub use stored::stored;

use crate::plan::{Arm, Plan};
use crate::result::{ArmRun, Inputs};
use detektr_detonate::{DetonateError, Detonator, Progress};
use detektr_evidence::sha256_hex;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How to run the arms.
pub struct Settings<'a> {
    /// Detektr's data folder.
    pub home: PathBuf,
    /// Signs the bundles; the data folder's own key where absent.
    pub key: Option<PathBuf>,
    /// How many arms run at once, at least 1.
    pub jobs: usize,
    /// Run every arm anew.
    pub fresh: bool,
    /// Size of the sensor's ring in bytes, a power of two; the sensor's own where absent.
    pub ring_bytes: Option<u32>,
    /// Set to end early: running arms are ended and don't count, done ones are kept.
    pub cancel: Arc<AtomicBool>,
    /// Told what happens, from any thread.
    pub progress: &'a (dyn Fn(&Arm, Stage) + Sync),
}

/// What happens to an arm.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// It begins.
    Begins,
    /// It runs.
    Runs(Progress),
    /// It is done.
    Done,
    /// It was run before, under the same circumstances.
    Reused,
}

/// An arm that was run, and where its bundle lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The arm and its run.
    pub arm: ArmRun,
    /// Its bundle.
    pub bundle: PathBuf,
}

/// Why an arm could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The detonation was refused or failed.
    #[error("arm {arm}, repeat {repeat}")]
    Detonate {
        /// The arm's part.
        arm: String,
        /// Its repeat.
        repeat: u32,
        /// Why.
        source: Box<DetonateError>,
    },
    /// Stored bundles don't fit.
    #[error("{}: {what}", path.display())]
    Stored {
        /// Where they were looked for.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file of Detektr's own can't be read or written.
    #[error("can't use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunError {
    fn of(arm: &Arm, source: DetonateError) -> Self {
        RunError::Detonate { arm: arm.role.to_string(), repeat: arm.repeat, source: Box::new(source) }
    }
}

/// Checks that every arm of `plan` can be run here: programs, root file system, controls.
///
/// # Errors
/// The first arm that would be refused. Nothing has run.
pub fn check(
    plan: &Plan,
    inputs: &Inputs,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<(), RunError> {
    let scratch = request::Scratch::new(&settings.home, inputs)?;
    // repeats differ in their seed alone
    for arm in plan.arms.iter().filter(|arm| arm.repeat == 0) {
        let checked = detonator.check(&scratch.request(plan, arm, settings));
        checked.map_err(|source| RunError::of(arm, source))?;
    }
    Ok(())
}

/// The same for many plans, which have all but their programs in common: one is checked for each of whom the attacks run as.
///
/// # Errors
/// The name of the first plan that would be refused, and why. Nothing has run.
pub fn check_each<'p>(
    plans: impl IntoIterator<Item = (&'p Plan, &'p Inputs)>,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<(), (String, RunError)> {
    let mut users = BTreeSet::new();
    for (plan, inputs) in plans.into_iter().filter(|(plan, _)| users.insert(plan.attack.root)) {
        check(plan, inputs, detonator, settings).map_err(|error| (plan.name(), error))?;
    }
    Ok(())
}

/// Runs the arms of `plan`; what comes back is in the order of the plan. Where `cancel` was set, arms are missing.
///
/// # Errors
/// The first arm that could not be run; the arms that were done by then stay in the data folder and are used again.
pub fn run(
    plan: &Plan,
    inputs: &Inputs,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Vec<Located>, RunError> {
    these(&plan.arms, plan, inputs, detonator, settings)
}

/// The same for some `arms` of the plan.
fn these(
    arms: &[Arm],
    plan: &Plan,
    inputs: &Inputs,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Vec<Located>, RunError> {
    let scratch = request::Scratch::new(&settings.home, inputs)?;
    let circumstances = reuse::Circumstances::of(plan, &settings.home)?;
    let run = |index: usize| one(plan, &arms[index], &scratch, &circumstances, detonator, settings);
    let mut done = Vec::new();
    pool::each(arms.len(), settings.jobs, &settings.cancel, &run, |located| done.push(located))?;
    Ok(done)
}

/// Runs one arm, or finds it run; nothing where the user ended it.
fn one(
    plan: &Plan,
    arm: &Arm,
    scratch: &request::Scratch,
    circumstances: &reuse::Circumstances,
    detonator: &Detonator,
    settings: &Settings<'_>,
) -> Result<Option<Located>, RunError> {
    let runs = settings.home.join("runs");
    let key = circumstances.key(plan, arm);
    if !settings.fresh
        && let Some(found) = key.as_deref().and_then(|key| reuse::find(&settings.home, key))
    {
        (settings.progress)(arm, Stage::Reused);
        return located(arm, &runs.join(&found), true).map(Some);
    }
    (settings.progress)(arm, Stage::Begins);
    let request = scratch.request(plan, arm, settings);
    let outcome = detonator
        .detonate(&request, &mut |now| (settings.progress)(arm, Stage::Runs(now)))
        .map_err(|source| RunError::of(arm, source))?;
    if settings.cancel.load(Ordering::Relaxed) {
        return Ok(None);
    }
    if let Some(key) = key.filter(|_| outcome.complete) {
        reuse::note(&settings.home, &key, &outcome.run)?;
    }
    (settings.progress)(arm, Stage::Done);
    located(arm, &outcome.bundle, false).map(Some)
}

/// Whether `id` can be that of a run, so that a folder can be named by it.
fn is_run(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_".contains(&c))
}

fn located(arm: &Arm, bundle: &Path, reused: bool) -> Result<Located, RunError> {
    let path = bundle.join("manifest.json");
    let bytes = std::fs::read(&path).map_err(|source| RunError::Io { path, source })?;
    let run = bundle.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let arm =
        ArmRun { arm: arm.clone(), run, manifest_sha256: sha256_hex(&bytes), reused, retried: Vec::new() };
    Ok(Located { arm, bundle: bundle.to_owned() })
}
