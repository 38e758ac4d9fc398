//! One recorded fact.

use crate::detail::Detail;
use crate::kind::Kind;
use crate::outcome::Outcome;
use crate::process::ProcessRef;
use crate::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step of a detonation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The environment is made; only Detektr's launcher runs.
    Setup,
    /// The artifact runs.
    Execute,
    /// Login shells are started.
    Login,
    /// Scheduled jobs are started.
    Schedule,
    /// What a boot starts is started.
    Reboot,
}

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SensorName {
    /// BPF programs on kernel tracepoints.
    Ebpf,
    /// The ptrace tracer.
    Ptrace,
    /// Detektr itself, from what it sees outside of any sensor.
    Detektr,
}

impl SensorName {
    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            SensorName::Ebpf => "ebpf",
            SensorName::Ptrace => "ptrace",
            SensorName::Detektr => "detektr",
        }
    }
}

/// The raw system call behind an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syscall {
    /// Number, in the table of `arch`.
    pub nr: u32,
    /// `x86_64`, `i386` (ia32) or `x32`.
    pub arch: String,
    /// The six argument registers at entry.
    pub args: [u64; 6],
}

/// One recorded fact, with its outcome. JSON: one object; see `docs/events.md`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// Position in the stream of its detonation, gapless from 1. Given when it is written.
    pub seq: u64,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// When, in nanoseconds since boot, taken by the sensor at the act itself.
    pub boot_ns: u64,
    /// In which step of the detonation.
    pub phase: Phase,
    /// Who saw it.
    pub sensor: SensorName,
    /// Who did it; absent for what no process of the environment did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<ProcessRef>,
    /// How it ended.
    pub outcome: Outcome,
    /// Kind and content.
    #[serde(flatten)]
    pub detail: Detail,
    /// The raw call, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscall: Option<Syscall>,
}

impl Event {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.detail.kind()
    }
}
