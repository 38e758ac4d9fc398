//! Behaviours, as they were derived from the same events.

use super::{link, processes, text};
use crate::clean::clean;
use crate::model::{AttackName, Behaviour, Confidence, Outcome, Severity};
use crate::tree::Tree;
use detektr_detect::{self as detect, Finding, Level, Reached};

pub(super) fn behaviour(finding: &Finding, tree: &Tree) -> Behaviour {
    let mut events = Vec::new();
    finding.events.iter().for_each(|seq| link(&mut events, &mut 0, *seq));
    let mut by: Vec<u32> = Vec::new();
    for actor in &finding.processes {
        let at = tree.position(actor.id.process()).and_then(processes::position);
        by.extend(at.filter(|at| !by.contains(at)));
    }
    Behaviour {
        id: clean(&finding.id),
        title: text(finding.title.as_bytes()),
        tactic: finding.tactic.as_ref().map(name),
        techniques: finding.techniques.iter().map(name).collect(),
        sentence: text(finding.sentence.as_bytes()),
        severity: match finding.level {
            Level::Informational => Severity::Informational,
            Level::Low => Severity::Low,
            Level::Medium => Severity::Medium,
            Level::High => Severity::High,
            Level::Critical => Severity::Critical,
        },
        confidence: match finding.confidence {
            detect::Confidence::Low => Confidence::Low,
            detect::Confidence::Medium => Confidence::Medium,
            detect::Confidence::High => Confidence::High,
        },
        outcome: match finding.outcome {
            Reached::Attempted => Outcome::Attempted,
            Reached::Blocked => Outcome::Blocked,
            Reached::Succeeded => Outcome::Succeeded,
        },
        processes: by,
        events,
        count: finding.count,
    }
}

fn name(name: &detect::AttackName) -> AttackName {
    AttackName { id: clean(&name.id), name: name.name.as_deref().map(clean) }
}
