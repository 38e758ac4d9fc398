//! Atomic Red Team as it is: its definitions are read from a checkout of the original, a test is chosen, its arguments are
//! filled in, and what comes out is an attack like any other. Nothing of the original is part of Detektr.

mod choose;
mod fill;
mod lacked;
mod outcome;
mod prepare;
mod read;
mod system;
#[cfg(test)]
mod tests;

pub use choose::{AtomicError, Atomics, is_name};
pub use lacked::lacked;
pub use outcome::{Outcome, outcome, plan};
pub use prepare::{ATOMICS, Options, Prepared, Refusal, Refused};
pub use read::read;
pub use system::System;

/// A test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The technique's id, as the original has it.
    pub technique: String,
    /// Its position in the technique's file, from 1.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// Its id, which never changes.
    pub guid: String,
    /// What it does.
    pub description: String,
    /// For which systems it is, as the original says.
    pub platforms: Vec<String>,
    /// What can be chosen.
    pub arguments: Vec<Argument>,
    /// What runs the commands of its dependencies, where that is not what runs the test.
    pub dependency_executor: Option<String>,
    /// What it needs.
    pub dependencies: Vec<Dependency>,
    /// What runs, and how.
    pub executor: Executor,
    /// The file that it was read from.
    pub source: String,
}

impl Test {
    /// `T1053.003#2`.
    pub fn id(&self) -> String {
        format!("{}#{}", self.technique, self.number)
    }
}

/// Something that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Its type, in the original's words.
    pub kind: String,
    /// Its value where nobody chooses.
    pub default: String,
}

/// Something that a test needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What it is.
    pub description: String,
    /// Ends with code 0 where it is there.
    pub prereq: String,
    /// Brings it about.
    pub get_prereq: String,
}

/// What a test runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Executor {
    /// `sh`, `bash`, `manual`, …
    pub name: String,
    /// It must run as root.
    pub elevated: bool,
    /// The commands; none for what a person does.
    pub command: String,
    /// What undoes them. It is told and never run: the environment is thrown away.
    pub cleanup: String,
    /// What a person does.
    pub steps: String,
}
