//! Files of other systems (a unit, a manifest) brought to the measures that there are: what each part came to, and what
//! is wrong with it, at its place.

use super::Measure;
use serde::{Deserialize, Serialize};

/// What a file comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Translation {
    /// What is put on.
    pub measures: Vec<Measure>,
    /// What became of each part, in the order in which they were read.
    pub told: Vec<Told>,
}

/// What is wrong with a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// What became of one part of a file that a control was read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its name (`ProtectSystem`).
    pub name: String,
    /// Its value.
    pub value: String,
    /// What became of it.
    pub state: Treatment,
    /// Why, or how, in a few words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// What became of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Treatment {
    /// It is in force.
    Applied,
    /// It changes nothing for what runs here.
    NotApplicable,
    /// It can't be enforced, and was left out as the file said.
    Ignored,
}

impl Told {
    /// In one line, for people.
    pub fn line(&self) -> String {
        let state = match self.state {
            Treatment::Applied => "applied",
            Treatment::NotApplicable => "not applicable",
            Treatment::Ignored => "ignored",
        };
        let why = if self.why.is_empty() { String::new() } else { format!(" ({})", self.why) };
        format!("{}={}: {state}{why}", self.name, self.value)
    }
}
