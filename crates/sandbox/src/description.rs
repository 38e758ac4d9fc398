//! What an environment turned out to be, for the manifest.

use crate::controls::Applied;
use crate::limits::Bound;
use crate::network::DeviceKind;
use serde::{Deserialize, Serialize};

/// Which mechanism keeps what, and what could not be had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `namespaces`.
    pub backend: String,
    /// `root`: made with real root. `user`: made by an ordinary user.
    pub host_privilege: String,
    /// `range`: the environment has ids of its own. `subordinate`: they are of those that `/etc/subuid` and
    /// `/etc/subgid` give to the caller. `single`: only the caller's own id is mapped.
    pub id_mapping: String,
    /// First host id of the range; of subordinate user ids, the first one.
    pub id_base: Option<u32>,
    /// `host` or `dir`.
    pub rootfs: String,
    /// Each mounted tree: where, and how its ids came to be.
    pub mounts: Vec<MountDescription>,
    /// How each limit is kept.
    pub limits: Vec<Bound>,
    /// Namespaces of the artifact.
    pub namespaces: Vec<String>,
    /// Kernel process accounting runs.
    pub accounting: bool,
    /// The processes stand in a watched cgroup of version 2.
    pub cgroup: bool,
    /// The network device, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_device: Option<DeviceKind>,
    /// What each control came to, by its name.
    #[serde(default, skip_serializing_if = "Applied::is_empty")]
    pub controls: Applied,
    /// Detektr's own system call filter.
    pub seccomp: String,
    /// What is less than the whole, one sentence each.
    pub gaps: Vec<String>,
}

/// One mounted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountDescription {
    /// Where, inside.
    pub mount_point: String,
    /// `idmapped`, `plain`, or `given` (nothing of the host's beneath).
    pub ids: String,
}
