//! What acts mean.

use super::Severity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was tried, and took no effect.
    Attempted,
    /// It took effect.
    Succeeded,
    /// A control or a wall stopped it.
    Blocked,
}

/// A meaning that was derived from the events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// Its stable id.
    pub id: String,
    /// Its name.
    pub title: String,
    /// The ATT&CK tactic; absent where it names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tactic: Option<AttackName>,
    /// ATT&CK techniques and sub-techniques.
    pub techniques: Vec<AttackName>,
    /// What happened, for people.
    pub sentence: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure it is that the events mean that.
    pub confidence: Confidence,
    /// How it ended.
    pub outcome: Outcome,
    /// Positions of the processes in `processes`.
    pub processes: Vec<u32>,
    /// Numbers of the events that prove it, ascending; the first ones.
    pub events: Vec<u64>,
    /// How many times it was seen to come that far.
    pub count: u64,
}

/// A name of MITRE ATT&CK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttackName {
    /// `T1053.003`, `TA0003`.
    pub id: String,
    /// Its name; absent where the id is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How sure something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Confidence {
    Low,
    Medium,
    High,
}
