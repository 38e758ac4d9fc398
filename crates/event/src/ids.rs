//! Identities that stay unique when the kernel's numbers are used again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One program image of one process: the start time of the process, its number, and how many times it has
/// executed a program since. Never a bare pid, which the kernel uses again.
///
/// Text form: `START-PID-EXECS`, START in nanoseconds since boot in hexadecimal, the others decimal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ProcessId(String);

impl ProcessId {
    /// The identity of process `tgid`, started at `start_ns` since boot, after `execs` successful execs.
    pub fn new(start_ns: u64, tgid: u32, execs: u32) -> Self {
        ProcessId(format!("{start_ns:x}-{tgid}-{execs}"))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Start time of the process in nanoseconds since boot; 0 where it is not known.
    pub fn start_ns(&self) -> u64 {
        let start = self.0.split('-').next().unwrap_or_default();
        u64::from_str_radix(start, 16).unwrap_or(0)
    }

    /// What stays the same over execs: `START-PID`.
    pub fn process(&self) -> &str {
        self.0.rsplit_once('-').map_or(&self.0, |(process, _)| process)
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
