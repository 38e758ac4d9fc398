//! What the run left and touched beside files: persistence, baits, output.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What was installed so that something starts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// The trigger phases that ran, each in a few words.
    pub phases: Vec<String>,
    /// What was installed, proven entries first.
    pub entries: Vec<Persisted>,
    /// Entries that are not listed.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub left_out: u64,
}

/// One installed entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persisted {
    /// The way to be started (`cron`, `systemd_service`, …).
    pub mechanism: String,
    /// Its ATT&CK technique.
    pub technique: String,
    /// Where it lies.
    pub path: String,
    /// The lines that matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// What it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<String>,
    /// As whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `proven`, `installed` or `removed`.
    pub status: String,
    /// What started it, or why it was not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Numbers of the events that made it.
    pub made_by: Vec<u64>,
    /// Numbers of the events that prove that it ran.
    pub proven_by: Vec<u64>,
}

/// A value that was planted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bait {
    /// Its name.
    pub name: String,
    /// What it pretends to be.
    pub kind: String,
    /// Where it lay: a path, or `$NAME`.
    pub place: String,
    /// Numbers of the events in which it was read, at most [`Sentence::LINKS`].
    pub reads: Vec<u64>,
    /// Numbers of the events in which its value was seen leaving.
    pub exfiltrated: Vec<u64>,
}

/// What the artifact wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Standard output.
    pub stdout: Stream,
    /// Standard error.
    pub stderr: Stream,
}

/// One output stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Bytes that were written, as far as they were read.
    pub seen: u64,
    /// Bytes in the bundle.
    pub kept: u64,
    /// The first lines.
    pub lines: Vec<String>,
    /// Whether more is in the bundle than these lines.
    pub cut: bool,
}
