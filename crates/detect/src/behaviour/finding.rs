//! What is told of a behaviour.

use detektr_event::{Copied, ProcessId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a behaviour matters where nothing else is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// What ordinary programs do too; told because it says what a program is about.
    Informational,
    /// Unusual, and mostly harmless.
    Low,
    /// Deserves a look.
    Medium,
    /// Ordinary software does not do this.
    High,
    /// Harm was done or is about to be.
    Critical,
}

impl Level {
    /// The word, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Informational => "informational",
            Level::Low => "low",
            Level::Medium => "medium",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

/// How sure it is that the events mean what the sentence says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Other readings are likely.
    Low,
    /// Other readings are possible.
    Medium,
    /// The events leave little doubt.
    High,
}

impl Confidence {
    /// The word, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// How far a behaviour came; the farthest of all times that it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    /// It was tried and failed for a reason of its own.
    Attempted,
    /// It was tried and refused.
    Blocked,
    /// It took effect.
    Succeeded,
}

impl Reached {
    /// The word, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Reached::Attempted => "attempted",
            Reached::Blocked => "blocked",
            Reached::Succeeded => "succeeded",
        }
    }
}

/// A name of MITRE ATT&CK (v19.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttackName {
    /// `T1053.003`, `TA0003`.
    pub id: String,
    /// Its name; absent where this version of Detektr does not know the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One process that took part.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// Its identity, as in the events.
    pub id: ProcessId,
    /// Its number in the environment.
    pub pid: u32,
    /// True path of its program.
    pub exe: Copied,
}

/// One behaviour that a run showed, with the events that prove it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The behaviour's stable id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What happened, for people. It holds text of the artifact's: escape it where it is shown.
    pub sentence: String,
    /// How much it matters.
    pub level: Level,
    /// How sure it is.
    pub confidence: Confidence,
    /// How far it came.
    pub outcome: Reached,
    /// The tactic; absent where the behaviour names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tactic: Option<AttackName>,
    /// The techniques.
    pub techniques: Vec<AttackName>,
    /// The processes that did it, in the order of their first event; the first hundred.
    pub processes: Vec<Actor>,
    /// Numbers of the events that prove it came that far, ascending; the first thousand.
    pub events: Vec<u64>,
    /// How many times it was seen to come that far.
    pub count: u64,
}
