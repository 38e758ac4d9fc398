//! What a question is answered with.

use crate::plan::Role;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The security holds.
    Holds,
    /// It doesn't.
    Fails,
    /// The evidence doesn't say; the reason tells why.
    Inconclusive,
}

/// What became of the attack in one arm, in the words of the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArmOutcome {
    /// It was attempted and did not reach its goal.
    Prevented,
    /// A rule fired on it.
    Alerted,
    /// It was seen, and no rule fired.
    Logged,
    /// Nothing of it was seen.
    None,
}

/// The verdict of one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Stable id: validation, question and variant, joined by `/`; never a position.
    pub id: String,
    /// The validation's id.
    pub validation: String,
    /// The question's id.
    pub question: String,
    /// `control`, `detection` or `mitigation`.
    pub kind: String,
    /// The variant of the attack; `default` where there is one only.
    pub variant: String,
    /// The answer.
    pub verdict: Outcome,
    /// A stable code; `docs/verdicts.md` tells each and what to do.
    pub reason: String,
    /// One sentence that a person understands.
    pub sentence: String,
    /// The one next step, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Further remarks by code (`benign:builtin`, `masked_by:NAME`, `matched_harness_only`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The runs of each arm that was used, by repeat.
    pub arms: BTreeMap<Role, Vec<String>>,
    /// What became of the attack in each arm; of several repeats the worst.
    pub outcomes: BTreeMap<Role, ArmOutcome>,
    /// How each repeat answered.
    pub repeats: Repeats,
    /// The events that the answer stands on.
    pub evidence: Vec<Link>,
    /// Severity, where the question or its rule has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// A gap that the file accepts: `fails` was expected, and is not past its date.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// What was expected is not what was found, or its date has passed: why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unexpected: Option<String>,
}

impl Verdict {
    /// The id of the verdict of a question about a variant.
    pub fn id_of(validation: &str, question: &str, variant: &str) -> String {
        format!("{validation}/{question}/{variant}")
    }
}

/// How many repeats gave which answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repeats {
    /// The security held.
    pub holds: u32,
    /// It didn't.
    pub fails: u32,
    /// The evidence didn't say.
    pub inconclusive: u32,
}

/// Events of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The arm.
    pub arm: Role,
    /// The run.
    pub run: String,
    /// What they show: `attempt`, `denied`, `alert`, `goal`, `match`, `broken_twin`.
    pub shows: String,
    /// Event numbers.
    pub events: Vec<u64>,
    /// What it was, for people (`open of /etc/cron.d/upd: EROFS`).
    pub what: String,
}
