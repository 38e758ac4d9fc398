//! `report.json`: all that a report of one run shows, made of its sealed bundle alone. Every text in it is clean (see
//! [`crate::clean`]) and bounded; what was cut says so. The raw bytes stay in the bundle.

mod behaviour;
mod events;
mod evidence;
mod files;
mod left;
mod network;
mod processes;
mod summary;

pub use behaviour::{AttackName, Behaviour, Confidence, Outcome};
pub use events::{EventOutcome, Events};
pub use evidence::{BundleFile, Control, Environment, Evidence, Fact, LedgerLine, Signature, Unexplained};
pub use files::{FileChange, FileState, Files, TextDiff};
pub use left::{Bait, Output, Persisted, Persistence, Stream};
pub use network::{Conversation, Exchange, Network};
pub use processes::{Process, Program};
pub use summary::{Artifact, Ending, Headline, Phase, Sentence, Severity};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The format that this version writes.
pub const FORMAT: &str = "detektr.report/1";

/// The report of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Format: `detektr.report/1`.
    pub format: String,
    /// Id of the run.
    pub run: String,
    /// Version of the program that recorded it.
    pub tool_version: String,
    /// What it did and how bad that is, in one line.
    pub headline: Headline,
    /// What was run.
    pub artifact: Artifact,
    /// How the run ended and whether its evidence is whole.
    pub ending: Ending,
    /// What it did, in sentences.
    pub sentences: Vec<Sentence>,
    /// What its acts mean, the gravest first.
    pub behaviours: Vec<Behaviour>,
    /// What makes the behaviours incomplete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub behaviours_incomplete: Vec<String>,
    /// Its processes, in the order of birth.
    pub processes: Vec<Process>,
    /// Processes that are not listed, for they are too many.
    pub processes_left_out: u64,
    /// Its events, as columns.
    pub events: Events,
    /// What it changed in the file system.
    pub files: Files,
    /// With whom it talked, or tried to.
    pub network: Network,
    /// What it installed to be started again; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<Persistence>,
    /// Values that were planted, and who touched them.
    pub baits: Vec<Bait>,
    /// What it wrote to its standard output and error.
    pub output: Output,
    /// What speaks for and against the completeness of the evidence.
    pub evidence: Evidence,
    /// Where it ran.
    pub environment: Environment,
    /// Who signed the evidence.
    pub signature: Signature,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
