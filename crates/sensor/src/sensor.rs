//! The one trait behind which every sensor stands.

use crate::raw::Raw;
use detektr_event::Kind;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;

/// What to watch. Numbers are known once the environment exists and before its first process runs.
#[derive(Debug)]
pub struct Target {
    /// Folder of the environment's cgroup v2 (absent where the host gave none).
    pub cgroup: Option<PathBuf>,
    /// A descriptor of the environment's pid namespace (`/proc/PID/ns/pid` of its init).
    pub pid_namespace: OwnedFd,
    /// Watch the optional calls (`--observe stat`) as well.
    pub observe_stat: bool,
    /// Size of the ring in bytes, a power of two.
    pub ring_bytes: u32,
}

/// Counts of one kind over one run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that the sensor's hooks set out to make.
    pub attempted: u64,
    /// Records that went into the ring (or channel).
    pub emitted: u64,
    /// Records lost.
    pub dropped: u64,
    /// Records that came out at the reader's end.
    pub received: u64,
}

/// Something that makes the stream incomplete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// A stable code: `ring_full`, `map_full`, `recursion_miss`, `sequence_gap`, `no_sentinel`, `sensor_lost`,
    /// `hook_missing`, `untraced_process`.
    pub reason: &'static str,
    /// A sentence for people, with the counts.
    pub detail: String,
}

/// How often and how long an environment was paused so that its sensor could catch up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pauses {
    /// Times.
    pub times: u64,
    /// Microseconds in all.
    pub us: u64,
}

/// What a sensor says at the end.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// By kind; must balance: attempted = emitted + dropped, emitted = received.
    pub ledger: BTreeMap<Kind, Counts>,
    /// What is known to be missing.
    pub holes: Vec<Hole>,
    /// The sentinel arrived: nothing was left in the ring.
    pub sentinel: bool,
    /// The environment had to wait for the sensor.
    pub pauses: Pauses,
    /// The artifact came to an AF_VSOCK socket by a way that could not be refused, and was killed for it.
    pub killed_for_vsock: bool,
}

/// What a sensor is and does, for the manifest.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// `ebpf` or `ptrace`.
    pub name: &'static str,
    /// Hooks in use (`tp_btf/sys_enter`, …), or the tracing ways (`seccomp-trace`, `every-call`).
    pub hooks: Vec<String>,
    /// What it declares that it can't do or see, one sentence each.
    pub limitations: Vec<String>,
    /// Time that loading took, microseconds (0 where there is none).
    pub load_us: u64,
    /// What a ring of io_uring can do under it.
    pub rings: Rings,
}

/// What a ring of io_uring can do under a sensor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rings {
    /// Nothing that leads out of the environment.
    #[default]
    Contained,
    /// Send content over AF_VSOCK before its process is killed for it. Why the kernel can't be made to refuse.
    Leak(String),
    /// Nothing: the sensor itself refuses them with ENOSYS.
    Refused,
}

/// A loaded sensor. One may watch several environments at once.
pub trait Sensor: Send {
    /// What it is.
    fn describe(&self) -> Description;

    /// A seccomp program that the launcher must install right before it executes the artifact, for a sensor
    /// that needs one (raw `struct sock_filter` values: code, jt, jf, k).
    fn launch_filter(&self, observe_stat: bool) -> Option<Vec<(u16, u8, u8, u32)>>;

    /// Makes beforehand what the first [`watch`](Sensor::watch) with such a ring would have to wait for.
    fn prepare(&mut self, _ring_bytes: u32) {}

    /// Begins to watch `target`; records go to `sink` in batches, in order. The launcher is not running yet.
    fn watch(&mut self, target: Target, sink: SyncSender<Vec<Raw>>)
    -> Result<Box<dyn Watching>, SensorError>;
}

/// A sensor that watches one environment.
pub trait Watching: Send {
    /// Takes charge of the paused launcher `pid` (host's numbering). Called once for each launched program,
    /// before it is released. The sensor first tells its birth (`Body::Birth`) where no hook has.
    fn adopt(&mut self, pid: u32) -> Result<(), SensorError>;

    /// Whether the sensor still works; an error ends the run as `sensor_lost`.
    fn health(&mut self) -> Result<(), SensorError>;

    /// All processes are gone: drain, close, and say what was seen. The sink is dropped before it returns.
    fn finish(self: Box<Self>) -> Closing;
}

/// Why a sensor can't work.
#[derive(Debug, thiserror::Error)]
pub enum SensorError {
    /// The host doesn't allow it.
    #[error("{what}: {why}")]
    Unavailable {
        /// What was tried.
        what: String,
        /// What the kernel said, and what would help.
        why: String,
    },
    /// It stopped working.
    #[error("the sensor stopped: {0}")]
    Lost(String),
}
