//! What a report says on top: what ran, how it ended, what it did, in a few words.

use detektr_evidence::Incomplete;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Severity {
    Informational,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

/// The one line on top.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Headline {
    /// What it did.
    pub sentence: String,
    /// How bad the worst of it is; absent where no behaviour was recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its file name, or the command's first word.
    pub name: String,
    /// What it is (`elf`, `script`, `command`, …).
    pub kind: String,
    /// Hash of the file; absent for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where it lay in the environment; absent for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How it was started, as a command line.
    pub command: String,
}

/// How the run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// The final state (`completed`, `timeout`, …).
    pub state: String,
    /// How the artifact's first process ended (`exit code 0`, `killed by SIGSEGV`), where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
    /// When it began, RFC 3339; absent where no phase was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// The steps, in order.
    pub phases: Vec<Phase>,
    /// Whether nothing is known to be missing.
    pub complete: bool,
    /// What is known to be missing.
    pub incomplete: Vec<Incomplete>,
}

/// One step of the run. Times are microseconds since the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Which.
    pub name: String,
    /// When it began; negative before the first event.
    pub start_us: i64,
    /// When it ended.
    pub end_us: i64,
}

/// One thing that it did, told as a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sentence {
    /// The sentence.
    pub text: String,
    /// What it is about: `processes`, `files`, `network`, `baits`, `refusals`, `rights`, `ending`.
    pub about: String,
    /// Numbers of events that show it, at most [`Sentence::LINKS`].
    pub events: Vec<u64>,
    /// Events that show it and are not named.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: u64,
}

impl Sentence {
    /// How many events one sentence, conversation, file or bait links to.
    pub const LINKS: usize = 500;
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
