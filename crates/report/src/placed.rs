//! A verdict with the place that it is shown at: the line of its rule, or of its question in the validation.

use crate::clean::clean;
use detektr_validate::{Outcome, Verdict};
use std::path::PathBuf;

/// A verdict and its place.
#[derive(Clone, Debug)]
pub struct Placed<'a> {
    /// The verdict.
    pub verdict: &'a Verdict,
    /// The file, relative to the top of the repository where it lies in there.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// It is known not to hold: the baseline says so.
    pub known: bool,
}

/// What a pipeline makes of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It holds.
    Holds,
    /// It fails, or is not what was expected.
    Fails,
    /// It can't be told.
    Open,
    /// It does not hold, and somebody has said that this is known.
    Known,
}

impl Placed<'_> {
    pub(crate) fn standing(&self) -> Standing {
        match (self.verdict.verdict, &self.verdict.unexpected) {
            (_, Some(_)) => Standing::Fails,
            (Outcome::Holds, None) => Standing::Holds,
            (Outcome::Fails, None) if self.verdict.accepted => Standing::Known,
            _ if self.known => Standing::Known,
            (Outcome::Fails, None) => Standing::Fails,
            (Outcome::Inconclusive, None) => Standing::Open,
        }
    }

    /// The file's name as text.
    pub(crate) fn name(&self) -> String {
        self.file.to_string_lossy().into_owned()
    }

    /// What is wrong, for people, in one line.
    pub(crate) fn message(&self) -> String {
        let verdict = self.verdict;
        let mut message = verdict.sentence.clone();
        if let Some(why) = &verdict.unexpected {
            message += &format!("; unexpected: {why}");
        }
        if let Some(next) = &verdict.next {
            message += &format!(". Next: {next}");
        }
        clean(&message)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use detektr_validate::Verdict;
    use serde_json::json;

    /// A verdict that an artifact had its hands in.
    pub(crate) fn verdict(id: &str, outcome: &str, reason: &str) -> Verdict {
        serde_json::from_value(json!({
            "id": id, "validation": "v", "question": "detection:a,b", "kind": "detection", "variant": "default",
            "verdict": outcome, "reason": reason, "sentence": "wrote /tmp/100%\n::set-env name=x::y", "next": "look",
            "arms": {}, "outcomes": {}, "evidence": [], "severity": "high",
            "repeats": {"holds": 0, "fails": 0, "inconclusive": 0},
        }))
        .unwrap()
    }
}
