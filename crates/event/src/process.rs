//! What processes do to themselves and to each other, and who did it.

use crate::ids::ProcessId;
use crate::path::FilePath;
use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// On whose behalf a process acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The artifact, or a process that descends from it.
    Artifact,
    /// Detektr's own launcher within the environment, before it executed the artifact.
    Environment,
}

/// The process behind an event. What changes only at an exec stands on `process.exec`; join by `id`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessRef {
    /// Unique identity of this program image of this process.
    pub id: ProcessId,
    /// Process number in the environment's pid namespace.
    pub pid: u32,
    /// Thread number in the environment's pid namespace.
    pub tid: u32,
    /// True path of the program it runs.
    pub exe: Copied,
    /// Effective user id in the environment's user namespace (4294967295 where no id there stands for it).
    pub euid: u32,
    /// On whose behalf.
    pub actor: Actor,
}

/// User and group ids of a process, in the environment's user namespace (4294967295 where no id there stands for
/// the process's).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Real user id.
    pub uid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Saved set-user-id.
    pub suid: u32,
    /// File-system user id.
    pub fsuid: u32,
    /// Real group id.
    pub gid: u32,
    /// Effective group id.
    pub egid: u32,
    /// Saved set-group-id.
    pub sgid: u32,
    /// File-system group id.
    pub fsgid: u32,
    /// Capability sets.
    pub capabilities: CapabilitySets,
}

/// Capability sets as bit masks (bit N is capability number N of `linux/capability.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapabilitySets {
    /// Inheritable.
    pub inheritable: u64,
    /// Permitted.
    pub permitted: u64,
    /// Effective.
    pub effective: u64,
    /// Bounding.
    pub bounding: u64,
    /// Ambient.
    pub ambient: u64,
}

/// `process.fork`: a process or thread was born. `process` is the one that made it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fork {
    /// Identity of the child's process (the maker's own for a thread, and where the attempt failed).
    pub child: ProcessId,
    /// Process number of the child in the environment's pid namespace (0: the attempt failed).
    pub pid: u32,
    /// Thread number of the child in the environment's pid namespace (0: the attempt failed).
    pub tid: u32,
    /// `clone(2)` flags by name (`CLONE_VM`, `CLONE_THREAD`, …).
    pub flags: Vec<String>,
    /// Whether it is a thread of the maker's process.
    pub thread: bool,
    /// Whether the kernel made it to work for io_uring.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub io_worker: bool,
}

/// The sha256 of a file's content, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Sha256 {
    /// Why there is none.
    Absent {
        /// The reason, for people.
        absent: String,
    },
    /// 64 lower-case hexadecimal digits.
    Hash(String),
}

/// How the kernel found the program behind a script.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interpreter {
    /// Path of the interpreter that the kernel started.
    pub path: Copied,
}

/// `process.exec`: a program was executed, or the attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// The file that was asked for (for a script: the script).
    pub file: FilePath,
    /// The interpreter, where `file` is a script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<Interpreter>,
    /// Arguments; the last may be truncated.
    pub argv: Vec<Copied>,
    /// Environment strings `NAME=VALUE`.
    pub env: Vec<Copied>,
    /// Where not all arguments or environment strings arrived: why. Absent where they are whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
    /// True path of the working directory.
    pub cwd: FilePath,
    /// Identity of the parent process at this moment, where it is one of the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessId>,
    /// Process number of the parent in the environment's pid namespace (0: outside).
    pub ppid: u32,
    /// Ids and capabilities after the exec.
    pub credentials: Credentials,
    /// Where stdin, stdout and stderr lead (`/path`, `pipe:[INODE]`, `socket:[INODE]`); absent where closed.
    pub stdio: [Option<Copied>; 3],
    /// Hash of the executed file.
    pub sha256: Sha256,
    /// The file lived in memory only (`memfd_create`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub memfd: bool,
    /// The file had been deleted, or never had a name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The thread that called was not the leader of its group.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_thread: bool,
}

/// `process.exit`: a process, or one thread of it, ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exit {
    /// Exit code, of a process that ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// Signal by name, of one that was killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// Whether a core dump was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub core: bool,
    /// Only one thread ended, and the process lives on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thread: bool,
    /// CPU time in nanoseconds that all threads of the process took over its life, of a process that ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ns: Option<u64>,
}

/// `process.credentials`: ids or capabilities changed, or were asked to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsChange {
    /// The call (`setuid`, `capset`, `setgroups`, …), or `execve` where a setuid file or file capabilities did it.
    pub call: String,
    /// Before.
    pub old: Credentials,
    /// After (equal to `old` where it failed).
    pub new: Credentials,
    /// Numbers that the call asked for, in its own order (4294967295: leave as it is).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<u32>,
}

/// `process.namespace`: `unshare`, `setns`, or a clone into new namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Namespace {
    /// The call (`unshare`, `setns`, `clone`, `clone3`).
    pub call: String,
    /// Namespace flags by name (`CLONE_NEWUSER`, …).
    pub flags: Vec<String>,
}

/// `process.ptrace`: one process traced, or tried to trace, another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ptrace {
    /// Request by name (`PTRACE_ATTACH`).
    pub request: String,
    /// Process number of the target as the call gave it (0: none).
    pub target: i64,
}

/// `process.memory_write`: one process wrote into another's memory, or opened it for writing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryWrite {
    /// The way (`process_vm_writev`, `/proc/PID/mem`, `ptrace`).
    pub via: String,
    /// Process number of the target as the call gave it, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<i64>,
    /// Bytes written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// `process.memory_exec`: memory became executable that is or may have been writable, or that no file with a name
/// backs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryExec {
    /// The call (`mmap`, `mprotect`, `pkey_mprotect`).
    pub call: String,
    /// Start address.
    pub address: u64,
    /// Length in bytes.
    pub length: u64,
    /// Protection by name (`PROT_READ`, …); `?` for the first 32-bit `mmap`, whose arguments were not read.
    pub protection: Vec<String>,
    /// File behind it, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FilePath>,
}

/// `process.signal`: a signal was sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Signal by name (`SIGKILL`), `0` for the null signal.
    pub signal: String,
    /// The call that sent it (`kill`, `tgkill`, …), or `kernel`.
    pub call: String,
    /// Target as the call gave it: a process number, 0, negative for a group, or a descriptor
    /// (`pidfd_send_signal`). Of the kernel's own signals the process number in the environment.
    pub target: i64,
}

/// `process.session`: a new session or process group.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The call (`setsid`, `setpgid`).
    pub call: String,
}

/// `process.rename`: the short name of a thread changed (`prctl(PR_SET_NAME)`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessRename {
    /// The new name, at most 15 bytes.
    pub name: Copied,
}

/// `process.chdir`, `process.chroot`: the working or the root directory changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chdir {
    /// The new directory.
    pub directory: FilePath,
}

/// `process.seccomp`: the artifact installed a seccomp filter (or strict mode) of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeccompFilter {
    /// `strict` or `filter`.
    pub mode: String,
    /// Filter flags by name (`SECCOMP_FILTER_FLAG_TSYNC`, …).
    pub flags: Vec<String>,
    /// Number of BPF instructions, where it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<u16>,
}

/// `process.argument_race`: a string that a call took differed between its entry and its return.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentRace {
    /// The call.
    pub call: String,
    /// The string at entry.
    pub at_entry: Copied,
    /// The string at return.
    pub at_return: Copied,
}
