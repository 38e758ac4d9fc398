//! The events that Detektr records, and their JSON.
//!
//! One [`Event`] is one fact that a sensor saw, with its outcome. The types here are the contract between
//! the sensors, the bundle and everything that reads a bundle; they do no I/O and know no other crate.
//! Field names are stable once released; `schema/event.schema.json` is generated from these types.
#![forbid(unsafe_code)]

mod bait;
mod detail;
mod event;
mod file;
pub mod glob;
mod ids;
mod internet;
mod kernel;
mod kind;
mod log;
mod network;
mod outcome;
mod path;
mod paths;
mod process;
mod text;
mod time;

pub use bait::{BaitExfiltrated, BaitRead};
pub use detail::Detail;
pub use event::{Event, Phase, SensorName, Syscall};
pub use file::{
    Access, Attributes, Create, Link, Memfd, Mount, Open, PathOnly, PivotRoot, Rename, Truncate, Umount,
    Utime, Write, Xattr,
};
pub use ids::ProcessId;
pub use internet::{Attribution, Body, Dns, DnsAnswer, End, Flow, FlowRef, Header, Http, Tls};
pub use kernel::{Bpf, IoUring, Kexec, Keyctl, ModuleLoad, SysctlWrite};
pub use kind::Kind;
pub use log::LogMessage;
pub use network::{Accept, Address, Bind, Connect, Listen, LocalEnd, Send, Socket};
pub use outcome::{Outcome, OutcomeResult, WALL};
pub use path::{FilePath, PathRoot, Provenance};
pub use process::{
    Actor, ArgumentRace, CapabilitySets, Chdir, Credentials, CredentialsChange, Exec, Exit, Fork,
    Interpreter, MemoryExec, MemoryWrite, Namespace, ProcessRef, ProcessRename, Ptrace, SeccompFilter,
    Session, Sha256, Signal,
};
pub use text::{Copied, Text, Unreadable};
pub use time::Timestamp;
