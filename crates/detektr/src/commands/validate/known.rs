//! The baseline of a run: read before anything runs, compared afterwards, written where that is asked.

use super::Args;
use crate::exit;
use crate::failure::{Failure, shown};
use crate::replace::{hold, replace};
use detektr_validate::Verdict;
use detektr_validate::baseline::{Baseline, Comparison};
use std::path::{Path, PathBuf};

/// The baseline that is written where none is named.
const DEFAULT: &str = "detektr-baseline.yaml";

/// A baseline and its file.
pub struct KnownVerdicts {
    path: PathBuf,
    baseline: Baseline,
    update: bool,
    whole: bool,
}

/// The verdicts of a run beside those that are known.
pub struct Compared {
    /// The baseline's file.
    pub path: PathBuf,
    /// The differences from what was known when the run began.
    pub differences: Comparison,
    /// The file was written: it is what is known from now on.
    pub updated: bool,
    /// By what verdicts are excused: what is known now.
    pub excused: Comparison,
}

impl KnownVerdicts {
    /// The baseline that `args` name, if any.
    pub fn read(args: &Args) -> Result<Option<Self>, Failure> {
        let update = args.update_baseline;
        let path = match &args.baseline {
            Some(path) => path.clone(),
            None if update => PathBuf::from(DEFAULT),
            None => return Ok(None),
        };
        let baseline = if update { read(&path)? } else { read_known(&path)? };
        Ok(Some(KnownVerdicts { path, baseline, update, whole: args.whole() }))
    }

    /// The file, where it is written in the end.
    pub fn written(&self) -> Option<&Path> {
        self.update.then_some(&self.path)
    }

    /// Compares `verdicts`, and writes them where that is asked. A run that was interrupted writes nothing.
    pub fn compare(self, verdicts: &[Verdict], interrupted: bool) -> Result<Compared, Failure> {
        let whole = self.whole && !interrupted;
        let differences = self.baseline.compare(verdicts, whole);
        let updated = self.update && !interrupted;
        let excused = if updated {
            update(&self.path, verdicts, whole)?.compare(verdicts, whole)
        } else {
            differences.clone()
        };
        Ok(Compared { path: self.path, differences, updated, excused })
    }
}

/// Takes `verdicts` up into what stands in the file by now, for another run may have done so meanwhile: each part of a
/// partition keeps what the others found.
fn update(path: &Path, verdicts: &[Verdict], whole: bool) -> Result<Baseline, Failure> {
    let unwritten = |why: String| {
        Failure::failed("detektr::baseline", format!("can't write the baseline {}", shown(path)))
            .because(why)
            .help("name a file in a folder that you may write to; several folders of validations may have one each")
    };
    let _alone = hold(path).map_err(|e| unwritten(e.to_string()))?;
    let now = read(path)?.updated(verdicts, whole);
    replace(path, now.text().map_err(unwritten)?.as_bytes()).map_err(|e| unwritten(e.to_string()))?;
    Ok(now)
}

/// The baseline in a file that need not be there yet.
fn read(path: &Path) -> Result<Baseline, Failure> {
    if matches!(path.try_exists(), Ok(false)) { Ok(Baseline::default()) } else { read_known(path) }
}

/// One that has to be there.
fn read_known(path: &Path) -> Result<Baseline, Failure> {
    Baseline::read(path).map_err(|e| Failure::foreign(exit::USAGE, e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn verdict(outcome: &str, reason: &str) -> Verdict {
        serde_json::from_value(json!({
            "id": "v/q/default", "validation": "v", "question": "q", "kind": "mitigation", "variant": "default",
            "verdict": outcome, "reason": reason, "sentence": "s", "arms": {}, "outcomes": {}, "evidence": [],
            "repeats": {"holds": 0, "fails": 0, "inconclusive": 0},
        }))
        .unwrap()
    }

    #[test]
    fn runs_of_parts_that_end_at_once_lose_nothing_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.yaml");
        let fails = |id: String| Verdict { id, ..verdict("fails", "missed") };
        // all have read it before the first writes
        let together = std::sync::Barrier::new(8);
        std::thread::scope(|scope| {
            for part in 0..8 {
                let (path, together) = (&path, &together);
                scope.spawn(move || {
                    let (baseline, path) = (read(path).unwrap(), path.clone());
                    together.wait();
                    let known = KnownVerdicts { path, baseline, update: true, whole: false };
                    known.compare(&[fails(format!("v/q{part}/default"))], false).unwrap();
                });
            }
        });
        let all: Vec<Verdict> = (0..8).map(|part| fails(format!("v/q{part}/default"))).collect();
        let known = read(&path).unwrap().compare(&all, true);
        assert!(all.iter().all(|one| known.excuses(one)), "{known:?}");
    }

    #[test]
    fn an_interrupted_run_writes_no_baseline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known.yaml");
        let known =
            || KnownVerdicts { path: path.clone(), baseline: Baseline::default(), update: true, whole: true };
        let fails = [verdict("fails", "missed")];
        let compared = known().compare(&fails, true).unwrap();
        assert!(!compared.updated && !path.exists() && !compared.excused.excuses(&fails[0]));
        let compared = known().compare(&fails, false).unwrap();
        assert!(compared.updated && path.exists() && compared.excused.excuses(&fails[0]));
        assert_eq!(compared.differences.new.len(), 1);
    }
}
