//! `report.json`: all that a report of one run shows, made of its sealed bundle alone. Every text in it is clean (see
//! [`crate::clean`]) and bounded; what was cut says so. The raw bytes stay in the bundle.

use detektr_evidence::{Incomplete, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    #[serde(default, skip_serializing_if = "is_zero")]
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

/// The events as columns of the same length, and tables that they point into by position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Events of the run.
    pub total: u64,
    /// Events that are not listed, by kind: past the bound only those are that something else here names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Table of kinds.
    pub kinds: Vec<String>,
    /// Table of outcomes.
    pub outcomes: Vec<EventOutcome>,
    /// Table of texts: what an event was done to or with.
    pub texts: Vec<String>,
    /// Column: number of the event, as the difference to the one listed before it.
    pub seq: Vec<u64>,
    /// Column: microseconds since the event listed before it (since the first event of the run). Negative where
    /// events of several processors arrived in another order than they happened.
    pub time: Vec<i64>,
    /// Column: position in `kinds`.
    pub kind: Vec<u32>,
    /// Column: position in `processes` plus one; 0 for none that is listed.
    pub process: Vec<u32>,
    /// Column: position in `outcomes`.
    pub outcome: Vec<u32>,
    /// Column: position in `texts`.
    pub text: Vec<u32>,
}

/// An entry of the table of outcomes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventOutcome {
    /// `success`, `failure` or `unfinished`.
    pub result: String,
    /// For people: nothing for a success, else the error and who refused.
    pub text: String,
    /// Whether a control or a wall is known to have caused it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enforced: bool,
}

/// What changed in the file system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Whether the file system was compared before and after.
    pub compared: bool,
    /// Paths that are not there before.
    pub created: u64,
    /// Paths whose content is another.
    pub modified: u64,
    /// Paths that are gone.
    pub removed: u64,
    /// Paths of which only mode, owner, time or attributes are others.
    pub metadata: u64,
    /// The changes; past the bound they are only counted.
    pub changes: Vec<FileChange>,
}

/// One changed path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// The path inside the environment.
    pub path: String,
    /// `created`, `modified`, `removed` or `metadata`.
    pub change: String,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileState>,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileState>,
    /// Numbers of events that changed it, at most [`Sentence::LINKS`].
    pub events: Vec<u64>,
    /// The difference of its text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff: Option<TextDiff>,
    /// Why there is no difference of its text, or what of it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a path was or is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileState {
    /// `file`, `directory`, `symlink`, …
    #[serde(rename = "type")]
    pub file_type: String,
    /// Permission bits in octal, with setuid, setgid and sticky.
    pub mode: String,
    /// Owner and group, `UID:GID`.
    pub owner: String,
    /// Length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Hash of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What a symbolic link holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Names of extended attributes of note.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub xattrs: Vec<String>,
}

/// The difference of two texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextDiff {
    /// Lines, each with one letter before it: `+` added, `-` removed, a space for context, `@` a place.
    pub lines: Vec<String>,
    /// Lines that are not shown, for they are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut: u64,
}

/// With whom the run talked, or tried to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Conversations, in the order of their beginning; past the bound they are only counted.
    pub conversations: Vec<Conversation>,
    /// Conversations that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// What was said to the simulated internet, in its order; past the bound it is only counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// Exchanges that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub exchanges_left_out: u64,
}

/// A question, a request, a handshake or a whole conversation, as the simulated internet saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Number of the event.
    pub event: u64,
    /// `dns`, `http`, `tls` or `flow`.
    pub kind: String,
    /// Number of the conversation within the run.
    pub flow: u64,
    /// What was said, in one line.
    pub what: String,
    /// Position of the process in `processes`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// Headers, fingerprints, first bytes: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What one process did with one peer or address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// `connect`, `send`, `bind`, `accept` or `raw socket`.
    pub act: String,
    /// The peer, or the own address.
    pub address: String,
    /// `inet`, `inet6`, `unix`, `netlink`, …
    pub family: String,
    /// Position of the process in `processes`, where it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// Acts that took effect.
    pub succeeded: u64,
    /// Acts that did not, by how they ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    /// Bytes sent by calls that name the peer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent: u64,
    /// Numbers of its events, at most [`Sentence::LINKS`].
    pub events: Vec<u64>,
}

/// What was installed so that something starts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// The trigger phases that ran, each in a few words.
    pub phases: Vec<String>,
    /// What was installed, proven entries first.
    pub entries: Vec<Persisted>,
    /// Entries that are not listed.
    #[serde(default, skip_serializing_if = "is_zero")]
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

/// What speaks for and against the completeness of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What became of every record, by kind.
    pub ledger: Vec<LedgerLine>,
    /// The sensor's end mark arrived.
    pub sentinel: bool,
    /// The comparison of the file system, in a sentence; absent where it was not made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fsdiff: Option<String>,
    /// The kernel's process accounting, in a sentence; absent where it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<String>,
    /// The packets that passed the environment's network device, in a sentence; absent where none were watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<String>,
    /// What one account tells and the other can't explain.
    pub unexplained: Vec<Unexplained>,
    /// Name, size and hash of the bundle's files, contents of changed files left out.
    pub files: Vec<BundleFile>,
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the columns are those of the bundle's ledger")]
pub struct LedgerLine {
    pub kind: String,
    pub attempted: u64,
    pub emitted: u64,
    pub dropped: u64,
    pub received: u64,
    pub written: u64,
    /// Whether nothing went astray unnoticed.
    pub balances: bool,
}

/// What one account tells and the other can't explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unexplained {
    /// Whose word stands alone.
    pub side: Side,
    /// What it is about.
    pub detail: String,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BundleFile {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// Hash of its content.
    pub sha256: String,
}

/// Where it ran and how it was watched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// As the sandbox describes it: names and values.
    pub facts: Vec<Fact>,
    /// The sensor.
    pub sensor: String,
    /// What the sensor declares that it can't see or do.
    pub limitations: Vec<String>,
    /// What is less than the whole, one sentence each.
    pub gaps: Vec<String>,
    /// Controls that were put on it.
    pub controls: Vec<Control>,
    /// The seed of its names and baits.
    pub seed: String,
}

/// A name and what it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A control that was put on the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// Its name.
    pub name: String,
    /// What was done, one sentence each.
    pub applied: Vec<String>,
}

/// Who signed the evidence. The bundle was verified before the report was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// Id of the key. Whose key it is, the reader decides.
    pub signer: String,
    /// SHA-256 of the manifest, which the signature covers.
    pub manifest_sha256: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
