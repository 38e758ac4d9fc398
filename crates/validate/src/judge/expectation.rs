//! What the file expects, against what was found.

use crate::plan::{Expect, Question};
use crate::verdict::{Outcome, Verdict};

/// Marks a gap that is accepted, and says what was not expected. Days compare as text, year first.
pub(super) fn apply(question: &Question, today: &str, verdict: &mut Verdict) {
    if question.expect == Expect::Holds {
        return;
    }
    let because = question.because.as_deref().unwrap_or("no reason is given");
    match (verdict.verdict, question.until.as_deref()) {
        (Outcome::Holds, _) => {
            verdict.unexpected = Some(format!(
                "it holds, and the file expects that it fails ({because}): take the expectation out of the file"
            ));
        }
        (_, Some(until)) if today > until => {
            verdict.unexpected = Some(format!("the gap was accepted until {until} ({because})"));
        }
        (Outcome::Fails, _) => verdict.accepted = true,
        (Outcome::Inconclusive, _) => {}
    }
}
