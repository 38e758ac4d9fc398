//! What one arm's evidence says, reduced to what a judge asks: did the artifact run, was the goal reached, what was
//! done and what was denied, by whom.

mod beside;
mod condition;
mod read;
mod watched;

pub use read::{Left, Trust};
pub use watched::Watched;

use crate::plan::Arm;
use crate::truth::Truth;
use detektr_detect::operation::Key;
use std::collections::BTreeMap;

/// A truth with the events that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The truth.
    pub truth: Truth,
    /// Numbers of the events that show it; none where nothing was seen.
    pub events: Vec<u64>,
}

impl Seen {
    /// It is so, by these events.
    pub fn yes(events: Vec<u64>) -> Seen {
        Seen { truth: Truth::Yes, events }
    }

    /// Nothing shows it: then it is not so if nothing can be missing.
    pub fn absent(complete: bool) -> Seen {
        Seen { truth: if complete { Truth::No } else { Truth::Unknown }, events: Vec::new() }
    }
}

/// An operation that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// The event.
    pub event: u64,
    /// The error by name, or how else it ended.
    pub how: String,
    /// Who is credited.
    pub enforcer: Option<String>,
    /// The kernel skipped the call, as a filter makes it do.
    pub skipped: bool,
}

/// An operation of the attack, however often it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// The first event in which it succeeded.
    pub succeeded: Option<u64>,
    /// The first times that it was denied.
    pub denied: Vec<Denial>,
}

/// Why an arm's evidence can't be used at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// A reason code.
    pub reason: &'static str,
    /// What is wrong, for people.
    pub what: String,
}

/// What one arm's evidence says.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The arm.
    pub arm: Arm,
    /// Its run.
    pub run: String,
    /// Why it can't be used.
    pub unusable: Option<Unusable>,
    /// What is missing, where something is: then nothing follows from absence.
    pub missing: Option<String>,
    /// The artifact's own code ran.
    pub executed: Seen,
    /// The artifact's own exec was denied.
    pub not_started: Option<Denial>,
    /// The goal was reached (`executed`, where there is no goal).
    pub goal: Seen,
    /// The goal's condition is true before anything ran.
    pub goal_before: bool,
    /// What the file says an attempt is.
    pub attempt: Option<Seen>,
    /// Everything that was done or denied.
    pub operations: BTreeMap<Key, Operation>,
    /// Those that act on what the goal is about.
    pub toward: Vec<Key>,
    /// There were more operations than are remembered.
    pub forgotten: bool,
    /// It ended by itself with exit code 0.
    pub works: Truth,
    /// It did something beyond starting and ending.
    pub busy: bool,
    /// How many different programs were executed.
    pub programs: usize,
    /// What the programs that watched told, by control.
    pub watched: BTreeMap<String, Watched>,
    /// The bound that ended it.
    pub limit: Option<String>,
}
