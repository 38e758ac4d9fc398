//! `manifest.json`: what ran, where, how it was watched, how it ended, and the hash of every other file.

use crate::ledger::Ledger;
use crate::witness::Witnesses;
use detektr_event::{Phase, Text, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format that this version writes and reads.
pub const FORMAT: &str = "detektr.bundle/1";

/// The manifest of one detonation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the bundle: `detektr.bundle/1`.
    pub format: String,
    /// Id of the run.
    pub run: String,
    /// Version of the program that wrote it.
    pub tool_version: String,
    /// What was run.
    pub artifact: Artifact,
    /// The seed of the run's names and baits: the same gives the same.
    #[serde(default)]
    pub seed: u64,
    /// The controls that were put on the environment, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<AppliedControl>,
    /// What became of the programs that watched, in the order of their controls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monitors: Vec<Monitored>,
    /// Where it ran, as the sandbox describes it.
    pub environment: serde_json::Value,
    /// How it was watched.
    pub sensor: Sensor,
    /// Nanoseconds to add to an event's `boot_ns` to get its `time`.
    pub boot_to_wall_ns: i64,
    /// The steps, in order.
    pub phases: Vec<PhaseSpan>,
    /// How the detonation ended.
    pub state: State,
    /// How the artifact's first process ended, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// Whether nothing is known to be missing: `incomplete` is empty.
    pub complete: bool,
    /// What is known to be missing.
    pub incomplete: Vec<Incomplete>,
    /// What became of every record, by kind.
    pub ledger: Ledger,
    /// The sensor's end mark arrived: nothing was left in its ring.
    pub sentinel: bool,
    /// What the independent observers say.
    pub witnesses: Witnesses,
    /// Values planted in the environment.
    pub baits: Vec<Bait>,
    /// What was kept of the artifact's output. Filled by the seal.
    pub output: Output,
    /// Number of events in `events.ndjson.zst`. Filled by the seal.
    pub events: u64,
    /// Every file of the bundle but the manifest and the attestation. Filled by the seal.
    pub files: BTreeMap<String, FileEntry>,
    /// How long the steps of Detektr itself took, microseconds by name.
    pub timing_us: BTreeMap<String, u64>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// Its file name, or the command's first word.
    pub name: Text,
    /// Hash of the file; absent for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// What it is (`elf`, `script`, `command`, …).
    pub kind: String,
    /// Where it was placed in the environment; absent for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// How it was started.
    pub argv: Vec<Text>,
}

/// A control that was put on the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppliedControl {
    /// Its name.
    pub name: String,
    /// SHA-256 of its definition.
    pub sha256: String,
    /// What was done, one sentence each.
    pub applied: Vec<String>,
    /// What its rules for what leaves did, read back at the end; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<EgressEffects>,
}

/// What became of a control's rules for what leaves over the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EgressEffects {
    /// Whether the rules were there to the end.
    pub rules: RulesState,
    /// The rules that refuse, and what they counted.
    pub refused: Vec<RefusedPackets>,
    /// How many rules refuse without a counter, so that nothing can be told of them.
    pub uncounted: u64,
}

/// Whether rules were there to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RulesState {
    /// As they were loaded.
    Kept,
    /// Somebody inside changed them.
    Changed,
    /// Somebody inside took away every one that refuses and counts.
    Removed,
}

/// What one rule refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefusedPackets {
    /// Family, table and chain, its place there and its comment.
    pub rule: String,
    /// Packets.
    pub packets: u64,
    /// Bytes of these.
    pub bytes: u64,
}

/// A program that watched the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitored {
    /// The control that it is.
    pub control: String,
    /// How it ended, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<Exit>,
    /// It ended before the artifact did.
    pub early: bool,
    /// It saw all of the artifact: it went on until it had nothing more to do, or ran to its end afterwards.
    pub whole: bool,
    /// What was kept of its output, in the bundle's file `monitor-N`, N being its place in this list from 0. Filled
    /// by the seal.
    #[serde(default)]
    pub output: OutputSpan,
}

/// How it was watched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sensor {
    /// `ebpf` or `ptrace`.
    pub name: String,
    /// Hooks in use.
    pub hooks: Vec<String>,
    /// What it declares that it can't see or do.
    pub limitations: Vec<String>,
    /// Time that loading took, microseconds.
    pub load_us: u64,
    /// Size of its ring in bytes, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ring_bytes: Option<u64>,
    /// How the environment had to wait for it; absent where it never had to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
}

/// How often and how long all processes of the environment were paused so that the sensor lost nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Paused {
    /// Times.
    pub times: u64,
    /// Microseconds in all.
    pub us: u64,
}

/// One step of the detonation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseSpan {
    /// Which.
    pub phase: Phase,
    /// When it began.
    pub start: Timestamp,
    /// When it ended.
    pub end: Timestamp,
}

/// How a detonation ended: exactly one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The last process ended by itself.
    Completed,
    /// The time was up.
    Timeout,
    /// The artifact's first process was ended by a signal of its own making.
    Crashed,
    /// Detektr or the user ended it (a limit, Ctrl-C).
    Killed,
    /// The sensor stopped working.
    SensorLost,
    /// The environment could not be made or broke.
    EnvironmentFailed,
}

impl State {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            State::Completed => "completed",
            State::Timeout => "timeout",
            State::Crashed => "crashed",
            State::Killed => "killed",
            State::SensorLost => "sensor_lost",
            State::EnvironmentFailed => "environment_failed",
        }
    }
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Exit {
    /// By itself.
    Code {
        /// Its exit code.
        code: u8,
    },
    /// By a signal.
    Signal {
        /// The signal by name.
        signal: String,
    },
}

/// Something that is missing from the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Incomplete {
    /// A stable code (`ring_full`, `fsdiff_unexplained`, …).
    pub reason: String,
    /// A sentence for people.
    pub detail: String,
}

/// A value planted so that touching it tells something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bait {
    /// Its name within this run.
    pub name: String,
    /// What it pretends to be (`ssh_key`, `cloud_credentials`, …).
    pub kind: String,
    /// Where it lies: a path in the environment, or the name of a variable.
    pub place: BaitPlace,
    /// The value itself, random for this run.
    pub value: Text,
    /// SHA-256 of the value.
    pub sha256: String,
}

/// Where a bait lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BaitPlace {
    /// A file of the environment.
    Path(Text),
    /// An environment variable.
    Variable(Text),
    /// An answer of the simulated internet.
    Url(Text),
}

/// What was kept of the artifact's output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Standard output.
    pub stdout: OutputSpan,
    /// Standard error.
    pub stderr: OutputSpan,
}

/// How much of one output stream was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutputSpan {
    /// Bytes that the artifact wrote, as far as they were read.
    pub seen: u64,
    /// Bytes in the bundle's file; less than `seen` where the bound was reached.
    pub kept: u64,
    /// The most that would be kept.
    pub bound: u64,
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Hash of its content.
    pub sha256: String,
    /// Length in bytes.
    pub size: u64,
}

impl Manifest {
    /// What Detektr's own wall ended the artifact for (`AF_VSOCK`), where it did.
    pub fn wall_reached(&self) -> Option<&str> {
        self.environment.get("wall_reached")?.as_str()
    }

    /// The bound at which everything was killed (`memory`, `disk` and their like), where one was reached.
    pub fn limit_reached(&self) -> Option<&str> {
        self.environment.get("limit_reached")?.as_str()
    }

    /// A manifest of `run` of `artifact` with everything else empty; `state` is `environment_failed` until
    /// somebody knows better.
    pub fn new(run: impl Into<String>, tool_version: impl Into<String>, artifact: Artifact) -> Self {
        Manifest {
            format: FORMAT.into(),
            run: run.into(),
            tool_version: tool_version.into(),
            artifact,
            seed: 0,
            controls: Vec::new(),
            monitors: Vec::new(),
            environment: serde_json::Value::Null,
            sensor: Sensor::default(),
            boot_to_wall_ns: 0,
            phases: Vec::new(),
            state: State::EnvironmentFailed,
            exit: None,
            complete: true,
            incomplete: Vec::new(),
            ledger: Ledger::default(),
            sentinel: false,
            witnesses: Witnesses::default(),
            baits: Vec::new(),
            output: Output::default(),
            events: 0,
            files: BTreeMap::new(),
            timing_us: BTreeMap::new(),
        }
    }

    /// Notes that something is missing (once for each reason and detail).
    pub fn mark_incomplete(&mut self, reason: impl Into<String>, detail: impl Into<String>) {
        let hole = Incomplete { reason: reason.into(), detail: detail.into() };
        if !self.incomplete.contains(&hole) {
            self.incomplete.push(hole);
        }
        self.complete = false;
    }

    /// The reasons for incompleteness that follow from the manifest's own content. The seal adds those that
    /// `incomplete` doesn't name yet, so that no manifest claims more than it shows.
    pub fn implied_holes(&self) -> Vec<Incomplete> {
        let mut holes = Vec::new();
        let mut hole =
            |reason: &str, detail: String| holes.push(Incomplete { reason: reason.into(), detail });
        match self.state {
            State::SensorLost => hole("sensor_lost", "the sensor stopped before the run ended".into()),
            State::EnvironmentFailed => hole("environment_failed", "the environment failed".into()),
            State::Completed | State::Timeout | State::Crashed | State::Killed => {
                if !self.sentinel {
                    hole("no_sentinel", "the sensor's end mark did not arrive".into());
                }
            }
        }
        for (kind, counts) in self.ledger.lossy() {
            hole("events_dropped", format!("{} of {} {kind} records lost", counts.dropped, counts.attempted));
        }
        for (kind, c) in self.ledger.unbalanced() {
            let detail = format!(
                "{kind}: attempted {}, emitted {}, dropped {}, received {}",
                c.attempted, c.emitted, c.dropped, c.received
            );
            hole("ledger_unbalanced", detail);
        }
        holes.extend(self.witnesses.holes());
        holes
    }
}
