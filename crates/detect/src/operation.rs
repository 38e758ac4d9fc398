//! What was done or tried, in a form that is the same in every arm: how the same attack's operations are found again
//! where they fail, or take another outcome.

use crate::stable::Stable;
use detektr_event::{Access, Address, Detail, Event};
use std::fmt;

/// An operation as it is aligned across arms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// What was done.
    pub act: Act,
    /// To what: a path, an address, a name; what differs from run to run is replaced.
    pub object: String,
}

/// Kinds of operations. Events that are one act with another outcome (an open that would have created a file, and
/// the creation) are of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the words say it")]
pub enum Act {
    Read,
    Write,
    Remove,
    Rename,
    Make,
    Attribute,
    Mount,
    Execute,
    MapCode,
    Fork,
    Credentials,
    Namespace,
    Process,
    Signal,
    Socket,
    Connect,
    Listen,
    Kernel,
    Other,
}

impl Act {
    /// As a verb with its preposition.
    pub fn verb(self) -> &'static str {
        match self {
            Act::Read => "reading",
            Act::Write => "writing",
            Act::Remove => "removing",
            Act::Rename => "renaming",
            Act::Make => "making",
            Act::Attribute => "changing the attributes of",
            Act::Mount => "mounting on",
            Act::Execute => "executing",
            Act::MapCode => "mapping code of",
            Act::Fork => "starting a process",
            Act::Credentials => "taking rights by",
            Act::Namespace => "entering namespaces by",
            Act::Process => "acting on a process by",
            Act::Signal => "sending",
            Act::Socket => "making a socket of",
            Act::Connect => "connecting to",
            Act::Listen => "listening on",
            Act::Kernel => "asking the kernel for",
            Act::Other => "doing",
        }
    }

    /// Whether every program does it merely to run, so that it says nothing of what this one is after.
    pub fn is_ordinary(self) -> bool {
        matches!(self, Act::Read | Act::MapCode | Act::Fork | Act::Other)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.act.verb(), self.object)
    }
}

/// The operation of an event; none where it tells of no act on anything. `stable` replaces what differs from run to run.
pub fn key(event: &Event, stable: &Stable) -> Option<Key> {
    let act = act(&event.detail)?;
    let object = object(&event.detail, stable);
    Some(Key { act, object })
}

fn act(detail: &Detail) -> Option<Act> {
    Some(match detail {
        Detail::FileOpen { file } => match file.access {
            Access::Write | Access::ReadWrite => Act::Write,
            Access::Read | Access::Path if file.flags.iter().any(|f| f == "O_CREAT" || f == "O_TRUNC") => {
                Act::Write
            }
            Access::Read | Access::Path => Act::Read,
        },
        Detail::FileCreate { .. } | Detail::FileWrite { .. } | Detail::FileTruncate { .. } => Act::Write,
        Detail::FileUnlink { .. } | Detail::FileRmdir { .. } => Act::Remove,
        Detail::FileRename { .. } => Act::Rename,
        Detail::FileMkdir { .. }
        | Detail::FileMknod { .. }
        | Detail::FileLink { .. }
        | Detail::FileSymlink { .. }
        | Detail::FileMemfdCreate { .. } => Act::Make,
        Detail::FileChmod { .. }
        | Detail::FileChown { .. }
        | Detail::FileUtime { .. }
        | Detail::FileXattr { .. } => Act::Attribute,
        Detail::FileMount { .. } | Detail::FileUmount { .. } | Detail::FilePivotRoot { .. } => Act::Mount,
        Detail::FileStat { .. } | Detail::FileReadlink { .. } | Detail::FileAccess { .. } => Act::Read,
        Detail::ProcessExec { .. } => Act::Execute,
        Detail::ProcessMemoryExec { .. } => Act::MapCode,
        Detail::ProcessFork { .. } => Act::Fork,
        Detail::ProcessCredentials { .. } => Act::Credentials,
        Detail::ProcessNamespace { .. } | Detail::ProcessChroot { .. } => Act::Namespace,
        Detail::ProcessPtrace { .. } | Detail::ProcessMemoryWrite { .. } => Act::Process,
        Detail::ProcessSignal { .. } => Act::Signal,
        Detail::NetworkSocket { .. } | Detail::NetworkRawSocket { .. } => Act::Socket,
        Detail::NetworkConnect { .. } | Detail::NetworkSend { .. } => Act::Connect,
        Detail::NetworkBind { .. } | Detail::NetworkListen { .. } | Detail::NetworkAccept { .. } => {
            Act::Listen
        }
        Detail::KernelModuleLoad { .. }
        | Detail::KernelBpf { .. }
        | Detail::KernelKeyctl { .. }
        | Detail::KernelKexec { .. }
        | Detail::KernelIoUring { .. }
        | Detail::KernelSysctlWrite { .. } => Act::Kernel,
        Detail::ProcessSession { .. } | Detail::ProcessRename { .. } | Detail::ProcessChdir { .. } => {
            Act::Other
        }
        Detail::ProcessExit { .. }
        | Detail::ProcessSeccomp { .. }
        | Detail::ProcessArgumentRace { .. }
        | Detail::LogMessage { .. }
        | Detail::BaitRead { .. }
        | Detail::BaitExfiltrated { .. }
        // what was said in a conversation that a call above began
        | Detail::NetworkDns { .. }
        | Detail::NetworkHttp { .. }
        | Detail::NetworkTls { .. }
        | Detail::NetworkFlow { .. } => return None,
    })
}

fn object(detail: &Detail, stable: &Stable) -> String {
    if let Some(path) = detail.paths().first() {
        return stable.path(&path.lossy());
    }
    match detail {
        Detail::ProcessCredentials { credentials } => format!("{} {:?}", credentials.call, credentials.asked),
        Detail::ProcessNamespace { namespace } => format!("{} {}", namespace.call, namespace.flags.join("|")),
        Detail::ProcessPtrace { ptrace } => ptrace.request.clone(),
        Detail::ProcessMemoryWrite { memory_write } => memory_write.via.clone(),
        Detail::ProcessSignal { signal } => signal.signal.clone(),
        Detail::NetworkSocket { network } | Detail::NetworkRawSocket { network } => {
            format!("{} {} {}", network.domain, network.socket_type, network.protocol)
        }
        Detail::NetworkConnect { network } => stable.text(&address(&network.address)),
        Detail::NetworkBind { network } => stable.text(&address(&network.address)),
        Detail::NetworkSend { network } => stable.text(&address(&network.address)),
        Detail::FileMemfdCreate { file } => format!("memfd {}", file.name.lossy()),
        Detail::KernelModuleLoad { module_load } => module_load.call.clone(),
        Detail::KernelBpf { bpf } => bpf.command.clone(),
        Detail::KernelIoUring { io_uring } => io_uring.operation.clone(),
        Detail::KernelKexec { .. } => "kexec or reboot".into(),
        Detail::KernelSysctlWrite { .. } => "sysctl".into(),
        _ => String::new(),
    }
}

/// An address as facts write it.
pub fn address(address: &Address) -> String {
    match address {
        Address::Inet { address, port } => format!("{address}:{port}"),
        Address::Inet6 { address, port, .. } => format!("[{address}]:{port}"),
        Address::Unix { path, abstract_name: true } => format!("unix:@{}", path.lossy()),
        Address::Unix { path, .. } => format!("unix:{}", path.lossy()),
        Address::Netlink { .. } => "netlink".into(),
        _ => "another address".into(),
    }
}
