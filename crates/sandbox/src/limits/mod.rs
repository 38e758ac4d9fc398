//! What an environment may use, and by which mechanism each bound is kept.

pub(crate) mod cgroup;
pub(crate) mod rlimit;
pub(crate) mod watch;

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The bounds of one run. Wall time and output are kept by the caller, who holds clock and pipes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time.
    pub wall: Duration,
    /// Processors.
    pub cpus: f64,
    /// Memory of all processes together, bytes.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Size of any one file, bytes.
    pub file_size: u64,
    /// What may be written to disk in all, bytes.
    pub disk: u64,
    /// Standard output and standard error, bytes each.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            wall: Duration::from_secs(60),
            cpus: 2.0,
            memory: 1 << 30,
            processes: 1024,
            file_size: 1 << 30,
            disk: 1 << 30,
            output: 10 << 20,
        }
    }
}

/// A bound that was hit, so that the run was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Memory.
    Memory,
    /// Processes.
    Processes,
    /// Disk.
    Disk,
    /// Output.
    Output,
}

/// How one bound is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// `memory`, `processes`, `cpus`, `file_size`, `disk`.
    pub limit: String,
    /// `cgroup v2`, `cgroup v1`, `rlimit`, `watch`, `none`.
    pub mechanism: String,
    /// What that means, where it is less than a bound that can't be passed.
    pub note: Option<String>,
}
