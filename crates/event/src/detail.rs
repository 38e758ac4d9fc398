//! What an event tells beside who and when: one variant a kind.

use crate::kind::Kind;
use crate::{bait, file, internet, kernel, log, network, process};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The kind of an event and what that kind carries. In JSON `kind` names the variant; the content stands beside
/// it under the family's name for files, network, log and baits (`"file": {…}`), else under the kind's own
/// second word (`"exec": {…}`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind")]
#[expect(missing_docs, reason = "each variant is told by the type that it carries")]
pub enum Detail {
    #[serde(rename = "process.fork")]
    ProcessFork { fork: process::Fork },
    #[serde(rename = "process.exec")]
    ProcessExec { exec: Box<process::Exec> },
    #[serde(rename = "process.exit")]
    ProcessExit { exit: process::Exit },
    #[serde(rename = "process.credentials")]
    ProcessCredentials { credentials: Box<process::CredentialsChange> },
    #[serde(rename = "process.namespace")]
    ProcessNamespace { namespace: process::Namespace },
    #[serde(rename = "process.ptrace")]
    ProcessPtrace { ptrace: process::Ptrace },
    #[serde(rename = "process.memory_write")]
    ProcessMemoryWrite { memory_write: process::MemoryWrite },
    #[serde(rename = "process.memory_exec")]
    ProcessMemoryExec { memory_exec: process::MemoryExec },
    #[serde(rename = "process.signal")]
    ProcessSignal { signal: process::Signal },
    #[serde(rename = "process.session")]
    ProcessSession { session: process::Session },
    #[serde(rename = "process.rename")]
    ProcessRename { rename: process::ProcessRename },
    #[serde(rename = "process.chdir")]
    ProcessChdir { chdir: process::Chdir },
    #[serde(rename = "process.chroot")]
    ProcessChroot { chroot: process::Chdir },
    #[serde(rename = "process.seccomp")]
    ProcessSeccomp { seccomp: process::SeccompFilter },
    #[serde(rename = "process.argument_race")]
    ProcessArgumentRace { argument_race: process::ArgumentRace },
    #[serde(rename = "file.open")]
    FileOpen { file: file::Open },
    #[serde(rename = "file.create")]
    FileCreate { file: file::Create },
    #[serde(rename = "file.write")]
    FileWrite { file: file::Write },
    #[serde(rename = "file.rename")]
    FileRename { file: Box<file::Rename> },
    #[serde(rename = "file.unlink")]
    FileUnlink { file: file::PathOnly },
    #[serde(rename = "file.mkdir")]
    FileMkdir { file: file::Attributes },
    #[serde(rename = "file.rmdir")]
    FileRmdir { file: file::PathOnly },
    #[serde(rename = "file.mknod")]
    FileMknod { file: file::Attributes },
    #[serde(rename = "file.link")]
    FileLink { file: Box<file::Link> },
    #[serde(rename = "file.symlink")]
    FileSymlink { file: Box<file::Link> },
    #[serde(rename = "file.chmod")]
    FileChmod { file: file::Attributes },
    #[serde(rename = "file.chown")]
    FileChown { file: file::Attributes },
    #[serde(rename = "file.truncate")]
    FileTruncate { file: file::Truncate },
    #[serde(rename = "file.utime")]
    FileUtime { file: file::Utime },
    #[serde(rename = "file.xattr")]
    FileXattr { file: file::Xattr },
    #[serde(rename = "file.mount")]
    FileMount { file: file::Mount },
    #[serde(rename = "file.umount")]
    FileUmount { file: file::Umount },
    #[serde(rename = "file.pivot_root")]
    FilePivotRoot { file: Box<file::PivotRoot> },
    #[serde(rename = "file.memfd_create")]
    FileMemfdCreate { file: file::Memfd },
    #[serde(rename = "file.stat")]
    FileStat { file: file::PathOnly },
    #[serde(rename = "file.readlink")]
    FileReadlink { file: file::PathOnly },
    #[serde(rename = "file.access")]
    FileAccess { file: file::PathOnly },
    #[serde(rename = "network.socket")]
    NetworkSocket { network: network::Socket },
    #[serde(rename = "network.raw_socket")]
    NetworkRawSocket { network: network::Socket },
    #[serde(rename = "network.bind")]
    NetworkBind { network: network::Bind },
    #[serde(rename = "network.listen")]
    NetworkListen { network: network::Listen },
    #[serde(rename = "network.connect")]
    NetworkConnect { network: network::Connect },
    #[serde(rename = "network.accept")]
    NetworkAccept { network: network::Accept },
    #[serde(rename = "network.send")]
    NetworkSend { network: network::Send },
    #[serde(rename = "network.dns")]
    NetworkDns { network: Box<internet::Dns> },
    #[serde(rename = "network.http")]
    NetworkHttp { network: Box<internet::Http> },
    #[serde(rename = "network.tls")]
    NetworkTls { network: Box<internet::Tls> },
    #[serde(rename = "network.flow")]
    NetworkFlow { network: Box<internet::Flow> },
    #[serde(rename = "kernel.module_load")]
    KernelModuleLoad { module_load: kernel::ModuleLoad },
    #[serde(rename = "kernel.bpf")]
    KernelBpf { bpf: kernel::Bpf },
    #[serde(rename = "kernel.io_uring")]
    KernelIoUring { io_uring: Box<kernel::IoUring> },
    #[serde(rename = "kernel.keyctl")]
    KernelKeyctl { keyctl: kernel::Keyctl },
    #[serde(rename = "kernel.kexec")]
    KernelKexec { kexec: kernel::Kexec },
    #[serde(rename = "kernel.sysctl_write")]
    KernelSysctlWrite { sysctl_write: kernel::SysctlWrite },
    #[serde(rename = "log.message")]
    LogMessage { log: log::LogMessage },
    #[serde(rename = "bait.read")]
    BaitRead { bait: bait::BaitRead },
    #[serde(rename = "bait.exfiltrated")]
    BaitExfiltrated { bait: bait::BaitExfiltrated },
}

impl Detail {
    /// The kind alone.
    pub fn kind(&self) -> Kind {
        match self {
            Detail::ProcessFork { .. } => Kind::ProcessFork,
            Detail::ProcessExec { .. } => Kind::ProcessExec,
            Detail::ProcessExit { .. } => Kind::ProcessExit,
            Detail::ProcessCredentials { .. } => Kind::ProcessCredentials,
            Detail::ProcessNamespace { .. } => Kind::ProcessNamespace,
            Detail::ProcessPtrace { .. } => Kind::ProcessPtrace,
            Detail::ProcessMemoryWrite { .. } => Kind::ProcessMemoryWrite,
            Detail::ProcessMemoryExec { .. } => Kind::ProcessMemoryExec,
            Detail::ProcessSignal { .. } => Kind::ProcessSignal,
            Detail::ProcessSession { .. } => Kind::ProcessSession,
            Detail::ProcessRename { .. } => Kind::ProcessRename,
            Detail::ProcessChdir { .. } => Kind::ProcessChdir,
            Detail::ProcessChroot { .. } => Kind::ProcessChroot,
            Detail::ProcessSeccomp { .. } => Kind::ProcessSeccomp,
            Detail::ProcessArgumentRace { .. } => Kind::ProcessArgumentRace,
            Detail::FileOpen { .. } => Kind::FileOpen,
            Detail::FileCreate { .. } => Kind::FileCreate,
            Detail::FileWrite { .. } => Kind::FileWrite,
            Detail::FileRename { .. } => Kind::FileRename,
            Detail::FileUnlink { .. } => Kind::FileUnlink,
            Detail::FileMkdir { .. } => Kind::FileMkdir,
            Detail::FileRmdir { .. } => Kind::FileRmdir,
            Detail::FileMknod { .. } => Kind::FileMknod,
            Detail::FileLink { .. } => Kind::FileLink,
            Detail::FileSymlink { .. } => Kind::FileSymlink,
            Detail::FileChmod { .. } => Kind::FileChmod,
            Detail::FileChown { .. } => Kind::FileChown,
            Detail::FileTruncate { .. } => Kind::FileTruncate,
            Detail::FileUtime { .. } => Kind::FileUtime,
            Detail::FileXattr { .. } => Kind::FileXattr,
            Detail::FileMount { .. } => Kind::FileMount,
            Detail::FileUmount { .. } => Kind::FileUmount,
            Detail::FilePivotRoot { .. } => Kind::FilePivotRoot,
            Detail::FileMemfdCreate { .. } => Kind::FileMemfdCreate,
            Detail::FileStat { .. } => Kind::FileStat,
            Detail::FileReadlink { .. } => Kind::FileReadlink,
            Detail::FileAccess { .. } => Kind::FileAccess,
            Detail::NetworkSocket { .. } => Kind::NetworkSocket,
            Detail::NetworkRawSocket { .. } => Kind::NetworkRawSocket,
            Detail::NetworkBind { .. } => Kind::NetworkBind,
            Detail::NetworkListen { .. } => Kind::NetworkListen,
            Detail::NetworkConnect { .. } => Kind::NetworkConnect,
            Detail::NetworkAccept { .. } => Kind::NetworkAccept,
            Detail::NetworkSend { .. } => Kind::NetworkSend,
            Detail::NetworkDns { .. } => Kind::NetworkDns,
            Detail::NetworkHttp { .. } => Kind::NetworkHttp,
            Detail::NetworkTls { .. } => Kind::NetworkTls,
            Detail::NetworkFlow { .. } => Kind::NetworkFlow,
            Detail::KernelModuleLoad { .. } => Kind::KernelModuleLoad,
            Detail::KernelBpf { .. } => Kind::KernelBpf,
            Detail::KernelIoUring { .. } => Kind::KernelIoUring,
            Detail::KernelKeyctl { .. } => Kind::KernelKeyctl,
            Detail::KernelKexec { .. } => Kind::KernelKexec,
            Detail::KernelSysctlWrite { .. } => Kind::KernelSysctlWrite,
            Detail::LogMessage { .. } => Kind::LogMessage,
            Detail::BaitRead { .. } => Kind::BaitRead,
            Detail::BaitExfiltrated { .. } => Kind::BaitExfiltrated,
        }
    }
}
