//! How one repeat answers a question.

use super::Reason;
use crate::facts::Observed;
use crate::plan::Role;
use crate::verdict::{Link, Outcome};

/// Most events that a link names.
const NAMED: usize = 16;

/// One repeat's answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    pub(super) reason: Reason,
    pub(super) sentence: String,
    pub(super) next: Option<String>,
    pub(super) notes: Vec<String>,
    pub(super) evidence: Vec<Link>,
}

impl Answer {
    fn new(outcome: Outcome, reason: Reason, sentence: impl Into<String>) -> Self {
        Answer {
            outcome,
            reason,
            sentence: sentence.into(),
            next: None,
            notes: Vec::new(),
            evidence: Vec::new(),
        }
    }

    pub(super) fn holds(reason: Reason, sentence: impl Into<String>) -> Self {
        Answer::new(Outcome::Holds, reason, sentence)
    }

    pub(super) fn fails(reason: Reason, sentence: impl Into<String>) -> Self {
        Answer::new(Outcome::Fails, reason, sentence)
    }

    pub(super) fn inconclusive(reason: Reason, sentence: impl Into<String>) -> Self {
        Answer::new(Outcome::Inconclusive, reason, sentence)
    }

    /// The arms whose events it stands on.
    pub(super) fn rests_on(&self) -> impl Iterator<Item = &Role> {
        self.evidence.iter().map(|link| &link.arm)
    }

    /// With events that it stands on.
    pub(super) fn with(
        mut self,
        arm: &Observed,
        shows: &str,
        events: &[u64],
        what: impl Into<String>,
    ) -> Self {
        if !events.is_empty() {
            self.evidence.push(Link {
                arm: arm.arm.role.clone(),
                run: arm.run.clone(),
                shows: shows.into(),
                events: events.iter().copied().take(NAMED).collect(),
                what: what.into(),
            });
        }
        self
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }
}
