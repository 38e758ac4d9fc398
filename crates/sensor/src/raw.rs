//! What a sensor hands to the decoder: what happened, before anything is said of its meaning.
//!
//! Both sensors speak these types, so that `decode` says once what a call means, whoever saw it. Process and
//! thread numbers are those of the sensor's own pid namespace; the tracker translates.

use detektr_event::{CapabilitySets, Copied, Sha256};

/// The calling convention of a system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Abi {
    /// Native 64-bit.
    X86_64,
    /// 32-bit (`int 0x80`, and the 32-bit `syscall` and `sysenter`).
    I386,
    /// x32: native entry with bit 30 of the number set (the bit is cleared in `RawCall::nr`).
    X32,
}

/// One record of a sensor.
#[derive(Clone, Debug)]
pub struct Raw {
    /// When, in nanoseconds since boot (CLOCK_BOOTTIME), taken at the act.
    pub boot_ns: u64,
    /// Process number (thread group), sensor's pid namespace.
    pub tgid: u32,
    /// Thread number, sensor's pid namespace.
    pub tid: u32,
    /// Effective user id, host's numbering; `None` where the sensor can't know it.
    pub euid: Option<u32>,
    /// What happened.
    pub body: Body,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Body {
    /// `tgid`/`tid` of the record made a process or thread.
    Birth(Birth),
    /// A successful exec, told by the kernel.
    Exec(Box<RawExec>),
    /// A failed exec, or one that never returned.
    FailedExec(Box<RawFailedExec>),
    /// A thread ended.
    Exit(RawExit),
    /// A system call of `calls::CALLS`, returned, skipped or unfinished.
    Call(Box<RawCall>),
    /// What was written to and read from one open file, at its close.
    Io(Box<RawIo>),
    /// A signal that no call of the environment sent: the kernel's own (`SIGSEGV`, `SIGPIPE`, …). The record's
    /// process is the target.
    KernelSignal {
        /// Signal number.
        signal: i32,
        /// `si_code`.
        code: i32,
        /// Detektr's own wall sent it.
        walled: bool,
    },
    /// An io_uring operation (completed, or submitted and never completed).
    Uring(Box<RawUring>),
    /// A task was moved into or out of the environment's cgroup by somebody.
    CgroupMove {
        /// Whether it is inside now.
        inside: bool,
    },
}

/// A birth.
#[derive(Clone, Debug)]
pub struct Birth {
    /// Child's process number, sensor's pid namespace.
    pub tgid: u32,
    /// Child's thread number, sensor's pid namespace.
    pub tid: u32,
    /// Child's process number in the environment's pid namespace.
    pub env_tgid: u32,
    /// Child's thread number in the environment's pid namespace.
    pub env_tid: u32,
    /// Start time of the child's process, nanoseconds since boot.
    pub start_ns: u64,
    /// `clone(2)` flags, as the kernel used them (without the exit signal).
    pub flags: u64,
    /// Made by the kernel to work for io_uring.
    pub io_worker: bool,
}

/// A kernel object seen through a descriptor, a `struct path`, or `/proc/PID/{fd,cwd,exe}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawObject {
    /// Absolute path from the root of the mount namespace that the mount belongs to. For what has no path:
    /// `pipe:[INODE]`, `socket:[INODE]`, `anon_inode:NAME`, `memfd:NAME`.
    pub path: Copied,
    /// `st_dev`, kernel form (major << 20 | minor).
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// `st_mode`, file type included.
    pub mode: u32,
    /// File-system type by name.
    pub fs: String,
    /// Inode number of the mount namespace it was reached in (0: none, as for pipes and sockets).
    pub mount_namespace: u64,
    /// The process's own root directory, where it is not the namespace's.
    pub root: Option<Copied>,
    /// Has no name any more, or never had one.
    pub unlinked: bool,
    /// Lives in memory only (memfd).
    pub memfd: bool,
    /// Read from `/proc` beside the act, rather than from the kernel's object at the act.
    pub from_procfs: bool,
}

/// Credentials, host's numbering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawCredentials {
    /// real, effective, saved, file-system user id
    pub uids: [u32; 4],
    /// real, effective, saved, file-system group id
    pub gids: [u32; 4],
    /// Capability sets.
    pub capabilities: CapabilitySets,
}

/// A successful exec.
#[derive(Clone, Debug)]
pub struct RawExec {
    /// Thread number of the caller before the exec (it becomes the leader).
    pub old_tid: u32,
    /// The name that was asked for (`bprm->filename`).
    pub filename: Copied,
    /// The interpreter by name, where it differs from `filename` (`bprm->interp`).
    pub interpreter: Option<Copied>,
    /// The binary that now runs (`mm->exe_file`): for a script, the interpreter's.
    pub exe: RawObject,
    /// Arguments.
    pub argv: Vec<Copied>,
    /// Environment.
    pub env: Vec<Copied>,
    /// Why argv or env are not whole, where they aren't.
    pub incomplete: Option<String>,
    /// Working directory.
    pub cwd: RawObject,
    /// Parent's process number, sensor's pid namespace.
    pub ppid: u32,
    /// Parent's process number, environment's pid namespace (0: outside).
    pub env_ppid: u32,
    /// Credentials before, where the sensor knows them.
    pub old_credentials: Option<RawCredentials>,
    /// Credentials after.
    pub credentials: RawCredentials,
    /// Where descriptors 0, 1 and 2 lead.
    pub stdio: [Option<RawObject>; 3],
    /// Hash of the executed file, where the sensor made it.
    pub sha256: Option<Sha256>,
}

/// A failed, skipped or unfinished exec.
#[derive(Clone, Debug)]
pub struct RawFailedExec {
    /// The call itself (`execve` or `execveat`); `taken` as in `calls` (path, and base for execveat).
    pub call: RawCall,
    /// Arguments.
    pub argv: Vec<Copied>,
    /// Environment.
    pub env: Vec<Copied>,
    /// Why they are not whole, where they aren't.
    pub incomplete: Option<String>,
    /// Working directory.
    pub cwd: RawObject,
    /// Credentials.
    pub credentials: RawCredentials,
    /// Where descriptors 0, 1 and 2 lead.
    pub stdio: [Option<RawObject>; 3],
    /// Parent's process number, sensor's pid namespace.
    pub ppid: u32,
    /// Parent's process number, environment's pid namespace (0: outside).
    pub env_ppid: u32,
}

/// A thread's end.
#[derive(Clone, Copy, Debug)]
pub struct RawExit {
    /// Wait status as of `wait(2)`: exit code << 8, or signal number (| 0x80 with core dump).
    pub status: i32,
    /// It was the last thread of its process.
    pub process_ended: bool,
    /// CPU time of all threads that the process had, in nanoseconds, where it ended and this is known.
    pub cpu_ns: Option<u64>,
}

/// A system call.
#[derive(Clone, Debug)]
pub struct RawCall {
    /// Number in the table of `abi`.
    pub nr: u32,
    /// Calling convention.
    pub abi: Abi,
    /// Argument registers at entry (zero-extended for ia32).
    pub args: [u64; 6],
    /// How it ended.
    pub ret: Returned,
    /// When it was entered, nanoseconds since boot (the record's own time is that of the return).
    pub entry_ns: u64,
    /// What was taken, in the order of the call's `CallSpec::takes`.
    pub taken: Vec<Taken>,
    /// Detektr's own wall against AF_VSOCK answered it: refused, or its caller was killed for it.
    pub walled: bool,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// It was entered and returned this.
    Value(i64),
    /// It was never entered, only seen to return this (see `Outcome::skipped`).
    Skipped(i64),
    /// It was entered and never returned.
    Never,
}

/// One thing taken from the process or the kernel for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing could be, or nothing was there (a null pointer, a failed call's result).
    Nothing,
    /// A string, at entry, and at return where it then differed.
    String {
        /// At entry.
        entry: Copied,
        /// At return, only where it differs.
        at_return: Option<Copied>,
    },
    /// A kernel object.
    Object(RawObject),
    /// Bytes (an address, a fixed structure).
    Bytes(Vec<u8>),
    /// Bytes that were there, and could not be read.
    Unreadable(detektr_event::Unreadable),
    /// Credentials before and after.
    Credentials(RawCredentials, RawCredentials),
}

/// The summary of one open file.
#[derive(Clone, Debug)]
pub struct RawIo {
    /// The file.
    pub object: RawObject,
    /// Bytes and calls that wrote.
    pub written: u64,
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes read.
    pub read: u64,
    /// A shared writable mapping was made.
    pub mapped: bool,
}

/// An io_uring operation.
#[derive(Clone, Debug)]
pub struct RawUring {
    /// `IORING_OP_*` number.
    pub opcode: u8,
    /// `sqe.fd`.
    pub fd: i32,
    /// Result, where it completed.
    pub result: Option<i32>,
    /// Path (or name) of an operation that takes one, as given.
    pub path: Option<Copied>,
    /// Second path of a rename or link, as given.
    pub path2: Option<Copied>,
    /// Base of `path`.
    pub base: Option<RawObject>,
    /// Base of `path2`.
    pub base2: Option<RawObject>,
    /// The open file that the operation works on or yields.
    pub object: Option<RawObject>,
    /// Raw address of a connect, bind or send.
    pub address: Option<Vec<u8>>,
    /// Address family of a socket to be made, as the kernel copied it.
    pub domain: Option<i32>,
    /// Its submitter was killed for it by Detektr's own wall.
    pub walled: bool,
}
