//! Controls: preventive measures that are put on an environment exactly as a system would put them, so that taking
//! them away again shows whether they were the cause. One file a measure; each says how it is applied, and refuses
//! beforehand what this host can't enforce.

pub(crate) mod apply;
mod bounds;
pub mod capabilities;
pub mod container;
mod covers;
pub mod egress;
mod hardening;
pub mod landlock;
pub mod monitor;
mod mounts;
pub mod paths;
mod rlimits;
pub mod seccomp;
pub(crate) mod sysctl;
pub mod systemd;
mod translation;

pub use egress::Egress;
pub(crate) use hardening::Steps;
pub use hardening::{Hardening, check};
pub use landlock::Landlock;
pub use monitor::Monitor;
pub use paths::PathRule;
pub use rlimits::Rlimit;
pub use translation::{Problem, Told, Translation, Treatment};

use crate::profile::ProfileLimits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A named control: one or more measures that are put on, or left out, together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Its name; what an event's `enforcer` tells.
    pub name: String,
    /// What it consists of.
    pub measures: Vec<Measure>,
    /// What became of each part of the system's own file that it was read from (a unit's directives).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<Told>,
}

impl Control {
    /// A control of these measures.
    pub fn new(name: impl Into<String>, measures: Vec<Measure>) -> Control {
        Control { name: name.into(), measures, told: Vec::new() }
    }

    /// The parts of its file that it leaves out.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.told.iter().filter(|told| told.state == Treatment::Ignored).map(|told| told.name.as_str())
    }

    /// The program by which it watches, where it does.
    pub fn monitor(&self) -> Option<&Monitor> {
        self.measures.iter().find_map(|measure| match measure {
            Measure::Monitor(monitor) => Some(monitor),
            _ => None,
        })
    }

    /// SHA-256 of its JSON (keys in the order of the types, those of a seccomp profile sorted): two controls of one
    /// digest do the same.
    pub fn sha256(&self) -> String {
        let json = serde_json::to_vec(self).expect("a control is JSON");
        Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// One measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// A seccomp profile in the format of OCI runtimes and Docker, as parsed JSON.
    Seccomp(serde_json::Value),
    /// Paths that can't be written to (systemd's `ReadOnlyPaths=`, a read-only bind mount).
    ReadOnly(Vec<PathBuf>),
    /// Paths from which nothing can be executed (`MS_NOEXEC`).
    Noexec(Vec<PathBuf>),
    /// Paths whose setuid and setgid bits and file capabilities do nothing (`MS_NOSUID`).
    Nosuid(Vec<PathBuf>),
    /// Paths hidden behind an empty read-only file or folder (OCI's `maskedPaths`).
    Masked(Vec<PathBuf>),
    /// Capabilities that processes may have.
    Capabilities(Capabilities),
    /// `PR_SET_NO_NEW_PRIVS`.
    NoNewPrivs,
    /// Another user than the attack's.
    User(User),
    /// Files, TCP ports and neighbours that programs are restricted to.
    Landlock(Landlock),
    /// Access to paths, of which one may lie within another.
    Paths(Vec<PathRule>),
    /// Resource limits.
    Rlimits(Vec<Rlimit>),
    /// Permissions that new files don't get.
    Umask(u32),
    /// Kernel parameters of the environment's own namespaces, by name.
    Sysctl(BTreeMap<String, String>),
    /// What may leave over the network.
    Egress(Egress),
    /// Tighter bounds. A bound that is looser than the environment's own is refused.
    Limits(ProfileLimits),
    /// A program that watches.
    Monitor(Monitor),
}

/// Capabilities by their names in `capabilities(7)` (`CAP_SYS_ADMIN`), as container runtimes take them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Removed from all sets, bounding included; `ALL` removes every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
    /// Kept (or put back) after `drop`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
    /// Raised in the ambient set, so that a program of an ordinary user has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ambient: Vec<String>,
}

/// Whom to run as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum User {
    /// Root of the environment.
    Root,
    /// The run's ordinary user.
    User,
    /// User and group by number, inside.
    Ids {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
    },
}

/// Why a control can't be enforced on this host, or says something impossible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("control `{control}` can't be enforced here: {reason}")]
pub struct Refusal {
    /// Name of the control.
    pub control: String,
    /// A stable code (`seccomp_action`, `single_id_map`, …).
    pub code: String,
    /// What is in the way, for people.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// What was really put on, by control; part of the environment's description in the manifest.
pub type Applied = BTreeMap<String, Vec<String>>;
