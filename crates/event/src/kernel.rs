//! Doors into the kernel.

use crate::network::Address;
use crate::path::FilePath;
use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `kernel.module_load`: a kernel module was to be loaded or removed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleLoad {
    /// The call (`init_module`, `finit_module`, `delete_module`).
    pub call: String,
    /// The module file, of `finit_module`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePath>,
    /// Parameters, or the module's name for `delete_module`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Copied>,
}

/// `kernel.bpf`: a `bpf(2)` command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bpf {
    /// Command by name (`BPF_PROG_LOAD`), else its number.
    pub command: String,
}

/// `kernel.io_uring`: a ring was set up, or an operation was submitted and completed through one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IoUring {
    /// `setup`, `register`, or the operation by name (`IORING_OP_OPENAT`).
    pub operation: String,
    /// The descriptor that the operation works on, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fd: Option<i32>,
    /// The path of an operation that takes or yields one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePath>,
    /// The second path of a rename or link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<FilePath>,
    /// The peer or name of a connect, bind or send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// The address family of a socket to be made (`AF_INET`), as in `network.socket`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// The result of the completion, where there was one: a count, a descriptor, or a negative errno.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
}

/// `kernel.keyctl`: `keyctl`, `add_key`, `request_key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keyctl {
    /// Operation by name (`KEYCTL_READ`, `add_key`, `request_key`), else its number.
    pub operation: String,
}

/// `kernel.kexec`: `kexec_load`, `kexec_file_load`, `reboot`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kexec {
    /// The call.
    pub call: String,
}

/// `kernel.sysctl_write`: a file below `/proc/sys` was opened for writing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SysctlWrite {
    /// The file.
    pub file: FilePath,
}
