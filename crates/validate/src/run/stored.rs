//! Arms taken from bundles that exist: nothing is run, no privilege is needed.

use super::{Located, RunError, is_run};
use crate::plan::{Arm, Attack, Plan, Program, Role};
use crate::result::{ArmRun, ResultDocument, SealedResult};
use detektr_evidence::{Bundle, Manifest, sha256_hex};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A bundle that may be an arm.
struct Candidate {
    path: PathBuf,
    manifest: Manifest,
    manifest_sha256: String,
}

impl Candidate {
    /// It as `arm`. Its folder may be named otherwise than the run.
    fn located(&self, arm: &Arm) -> Located {
        let arm = ArmRun {
            arm: arm.clone(),
            run: self.manifest.run.clone(),
            manifest_sha256: self.manifest_sha256.clone(),
            reused: true,
            retried: Vec::new(),
        };
        Located { arm, bundle: self.path.clone() }
    }
}

/// Finds the arms of `plan` among the bundles of `from`: a result (its own bundles, or else those in `runs`, the
/// data folder's), or a folder of bundles. Bundles of one seed are one repeat. The plan's seeds become those of the
/// bundles; an arm that no bundle fits is missing from what comes back.
///
/// # Errors
/// Where `from` can't be read, or holds no bundle of the plan's attack.
pub fn stored(plan: &mut Plan, from: &Path, runs: &Path) -> Result<Vec<Located>, RunError> {
    let candidates = candidates(from, runs)?;
    let mut repeats: BTreeMap<u64, Vec<&Candidate>> = BTreeMap::new();
    for candidate in &candidates {
        repeats.entry(candidate.manifest.seed).or_default().push(candidate);
    }
    repeats.retain(|_, runs| runs.iter().any(|run| is_of(&plan.attack, plan, &run.manifest)));
    if repeats.is_empty() {
        let what = "no bundle of this attack is there".to_owned();
        return Err(RunError::Stored { path: from.to_owned(), what });
    }
    // other validations may have the same attack: the seeds of most arms first, then in the order in which they were
    // run, which their names tell
    let fitting = |runs: &[&Candidate]| {
        let roles = plan.arms.iter().filter(|arm| arm.repeat == 0);
        roles.filter(|arm| runs.iter().any(|run| is_arm(arm, plan, &run.manifest))).count()
    };
    let mut repeats: Vec<(u64, Vec<&Candidate>)> = repeats.into_iter().collect();
    repeats.sort_by_key(|(_, runs)| {
        (std::cmp::Reverse(fitting(runs)), runs.iter().map(|run| run.manifest.run.clone()).min())
    });
    // ordinary programs have no part in a repeat
    let ordinary = |arm: &Arm| candidates.iter().find(|run| is_arm(arm, plan, &run.manifest));
    let arms: Vec<Arm> = plan
        .arms
        .iter()
        .map(|arm| match (&arm.role, repeats.get(arm.repeat as usize)) {
            (Role::Ordinary, _) => match ordinary(arm) {
                Some(run) => Arm { seed: run.manifest.seed, ..arm.clone() },
                None => arm.clone(),
            },
            (_, Some((seed, _))) => Arm { seed: *seed, ..arm.clone() },
            (_, None) => arm.clone(),
        })
        .collect();
    let mut found = Vec::new();
    for arm in &arms {
        if arm.role == Role::Ordinary {
            if let Some(candidate) = ordinary(arm) {
                found.push(candidate.located(arm));
            }
            continue;
        }
        let Some((_, runs)) = repeats.get(arm.repeat as usize) else { continue };
        if let Some(candidate) = runs.iter().find(|run| is_arm(arm, plan, &run.manifest)) {
            found.push(candidate.located(arm));
        }
    }
    plan.arms = arms;
    Ok(found)
}

/// Whether a bundle is that of `arm`: its program, with just its controls.
fn is_arm(arm: &Arm, plan: &Plan, manifest: &Manifest) -> bool {
    is_of(plan.program(&arm.role), plan, manifest) && plan.has_controls_of(&arm.role, manifest)
}

/// Whether a bundle is of `program`.
fn is_of(program: &Attack, plan: &Plan, manifest: &Manifest) -> bool {
    let artifact = &manifest.artifact;
    let words = |words: &[String]| {
        artifact.argv.iter().map(|word| word.lossy().into_owned()).eq(words.iter().cloned())
    };
    match &program.program {
        Program::File(name) => {
            let digest = plan.files.get(name).map(|file| &file.sha256);
            digest.is_some() && artifact.sha256.as_ref() == digest
        }
        Program::Builtin(name) => crate::builtin::script(name).map(sha256_hex) == artifact.sha256,
        Program::Command(command) => {
            let all: Vec<String> = command.iter().chain(&program.args).cloned().collect();
            artifact.sha256.is_none() && words(&all)
        }
    }
}

fn candidates(from: &Path, runs: &Path) -> Result<Vec<Candidate>, RunError> {
    let unreadable = |error: std::io::Error| RunError::Stored {
        path: from.to_owned(),
        what: format!("can't be read: {error}"),
    };
    if from.join("result.json").exists() {
        let result = SealedResult::open(from)
            .map_err(|error| RunError::Stored { path: from.to_owned(), what: error.to_string() })?;
        let paths = of_result(&result.document, &result, runs);
        return Ok(paths.into_iter().filter_map(open).collect());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(from).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let bundle = path.join("manifest.json").exists() || path.to_string_lossy().ends_with(".tar.zst");
        found.extend(bundle.then(|| open(path)).flatten());
    }
    Ok(found)
}

fn of_result(document: &ResultDocument, result: &SealedResult, runs: &Path) -> Vec<PathBuf> {
    document.arms.iter().map(|arm| result.carried(&arm.run).unwrap_or_else(|| runs.join(&arm.run))).collect()
}

/// A folder's bundle that can't be read is no arm; judging says that an arm is missing.
fn open(path: PathBuf) -> Option<Candidate> {
    let bundle = Bundle::open(&path).ok()?;
    let manifest = bundle.manifest().clone();
    let manifest_sha256 = bundle.manifest_sha256().ok()?;
    // a bundle may come from anywhere, and folders are named by its run
    is_run(&manifest.run).then_some(())?;
    Some(Candidate { path, manifest, manifest_sha256 })
}

#[cfg(test)]
mod tests {
    use super::is_run;

    #[test]
    fn what_leads_elsewhere_is_no_run() {
        assert!(is_run("20261128-085424-1ec49b"));
        for wrong in ["", ".", "..", "../x", "a/b", "a\0", "ü"] {
            assert!(!is_run(wrong), "{wrong:?}");
        }
    }
}
