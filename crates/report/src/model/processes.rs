//! Processes and their programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One process, over all programs that it ran. Times are microseconds since the first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its identity: `START-PID`.
    pub id: String,
    /// Number in the environment.
    pub pid: u32,
    /// Position of its parent in `processes`; absent for a first process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u32>,
    /// Short name of its last program.
    pub name: String,
    /// Its last command line.
    pub command: String,
    /// Programs that it executed, in order.
    pub programs: Vec<Program>,
    /// When it was first seen.
    pub born_us: u64,
    /// Number of the event that told of its birth.
    pub born: u64,
    /// When it ended; absent where that was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_us: Option<u64>,
    /// How it ended (`exit 0`, `SIGKILL`); absent where that was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// Its effective user id, as last told.
    pub euid: u32,
    /// Whether it is the artifact or descends from it; else it is Detektr's own launcher.
    pub artifact: bool,
    /// Threads made beside the first.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub threads: u64,
    /// Events that it made.
    pub events: u64,
    /// Those of them that were no success.
    pub failures: u64,
}

/// One program that a process executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Number of the event.
    pub event: u64,
    /// The file.
    pub path: String,
    /// Its command line.
    pub command: String,
    /// Hash of the file, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// `memory` for a program that lived in memory only, `deleted` for one whose file had been deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}
