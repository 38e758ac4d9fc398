//! The kinds of events by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A kind of event, written `family.word`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "each kind is told by the type that `Detail` carries for it")]
pub enum Kind {
    #[serde(rename = "process.fork")]
    ProcessFork,
    #[serde(rename = "process.exec")]
    ProcessExec,
    #[serde(rename = "process.exit")]
    ProcessExit,
    #[serde(rename = "process.credentials")]
    ProcessCredentials,
    #[serde(rename = "process.namespace")]
    ProcessNamespace,
    #[serde(rename = "process.ptrace")]
    ProcessPtrace,
    #[serde(rename = "process.memory_write")]
    ProcessMemoryWrite,
    #[serde(rename = "process.memory_exec")]
    ProcessMemoryExec,
    #[serde(rename = "process.signal")]
    ProcessSignal,
    #[serde(rename = "process.session")]
    ProcessSession,
    #[serde(rename = "process.rename")]
    ProcessRename,
    #[serde(rename = "process.chdir")]
    ProcessChdir,
    #[serde(rename = "process.chroot")]
    ProcessChroot,
    #[serde(rename = "process.seccomp")]
    ProcessSeccomp,
    #[serde(rename = "process.argument_race")]
    ProcessArgumentRace,
    #[serde(rename = "file.open")]
    FileOpen,
    #[serde(rename = "file.create")]
    FileCreate,
    #[serde(rename = "file.write")]
    FileWrite,
    #[serde(rename = "file.rename")]
    FileRename,
    #[serde(rename = "file.unlink")]
    FileUnlink,
    #[serde(rename = "file.mkdir")]
    FileMkdir,
    #[serde(rename = "file.rmdir")]
    FileRmdir,
    #[serde(rename = "file.mknod")]
    FileMknod,
    #[serde(rename = "file.link")]
    FileLink,
    #[serde(rename = "file.symlink")]
    FileSymlink,
    #[serde(rename = "file.chmod")]
    FileChmod,
    #[serde(rename = "file.chown")]
    FileChown,
    #[serde(rename = "file.truncate")]
    FileTruncate,
    #[serde(rename = "file.utime")]
    FileUtime,
    #[serde(rename = "file.xattr")]
    FileXattr,
    #[serde(rename = "file.mount")]
    FileMount,
    #[serde(rename = "file.umount")]
    FileUmount,
    #[serde(rename = "file.pivot_root")]
    FilePivotRoot,
    #[serde(rename = "file.memfd_create")]
    FileMemfdCreate,
    #[serde(rename = "file.stat")]
    FileStat,
    #[serde(rename = "file.readlink")]
    FileReadlink,
    #[serde(rename = "file.access")]
    FileAccess,
    #[serde(rename = "network.socket")]
    NetworkSocket,
    #[serde(rename = "network.raw_socket")]
    NetworkRawSocket,
    #[serde(rename = "network.bind")]
    NetworkBind,
    #[serde(rename = "network.listen")]
    NetworkListen,
    #[serde(rename = "network.connect")]
    NetworkConnect,
    #[serde(rename = "network.accept")]
    NetworkAccept,
    #[serde(rename = "network.send")]
    NetworkSend,
    #[serde(rename = "network.dns")]
    NetworkDns,
    #[serde(rename = "network.http")]
    NetworkHttp,
    #[serde(rename = "network.tls")]
    NetworkTls,
    #[serde(rename = "network.flow")]
    NetworkFlow,
    #[serde(rename = "kernel.module_load")]
    KernelModuleLoad,
    #[serde(rename = "kernel.bpf")]
    KernelBpf,
    #[serde(rename = "kernel.io_uring")]
    KernelIoUring,
    #[serde(rename = "kernel.keyctl")]
    KernelKeyctl,
    #[serde(rename = "kernel.kexec")]
    KernelKexec,
    #[serde(rename = "kernel.sysctl_write")]
    KernelSysctlWrite,
    #[serde(rename = "log.message")]
    LogMessage,
    #[serde(rename = "bait.read")]
    BaitRead,
    #[serde(rename = "bait.exfiltrated")]
    BaitExfiltrated,
}

impl Kind {
    /// Every kind, in the order of the event reference.
    pub const ALL: &[Kind] = &[
        Kind::ProcessFork,
        Kind::ProcessExec,
        Kind::ProcessExit,
        Kind::ProcessCredentials,
        Kind::ProcessNamespace,
        Kind::ProcessPtrace,
        Kind::ProcessMemoryWrite,
        Kind::ProcessMemoryExec,
        Kind::ProcessSignal,
        Kind::ProcessSession,
        Kind::ProcessRename,
        Kind::ProcessChdir,
        Kind::ProcessChroot,
        Kind::ProcessSeccomp,
        Kind::ProcessArgumentRace,
        Kind::FileOpen,
        Kind::FileCreate,
        Kind::FileWrite,
        Kind::FileRename,
        Kind::FileUnlink,
        Kind::FileMkdir,
        Kind::FileRmdir,
        Kind::FileMknod,
        Kind::FileLink,
        Kind::FileSymlink,
        Kind::FileChmod,
        Kind::FileChown,
        Kind::FileTruncate,
        Kind::FileUtime,
        Kind::FileXattr,
        Kind::FileMount,
        Kind::FileUmount,
        Kind::FilePivotRoot,
        Kind::FileMemfdCreate,
        Kind::FileStat,
        Kind::FileReadlink,
        Kind::FileAccess,
        Kind::NetworkSocket,
        Kind::NetworkRawSocket,
        Kind::NetworkBind,
        Kind::NetworkListen,
        Kind::NetworkConnect,
        Kind::NetworkAccept,
        Kind::NetworkSend,
        Kind::NetworkDns,
        Kind::NetworkHttp,
        Kind::NetworkTls,
        Kind::NetworkFlow,
        Kind::KernelModuleLoad,
        Kind::KernelBpf,
        Kind::KernelIoUring,
        Kind::KernelKeyctl,
        Kind::KernelKexec,
        Kind::KernelSysctlWrite,
        Kind::LogMessage,
        Kind::BaitRead,
        Kind::BaitExfiltrated,
    ];

    /// The name, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::ProcessFork => "process.fork",
            Kind::ProcessExec => "process.exec",
            Kind::ProcessExit => "process.exit",
            Kind::ProcessCredentials => "process.credentials",
            Kind::ProcessNamespace => "process.namespace",
            Kind::ProcessPtrace => "process.ptrace",
            Kind::ProcessMemoryWrite => "process.memory_write",
            Kind::ProcessMemoryExec => "process.memory_exec",
            Kind::ProcessSignal => "process.signal",
            Kind::ProcessSession => "process.session",
            Kind::ProcessRename => "process.rename",
            Kind::ProcessChdir => "process.chdir",
            Kind::ProcessChroot => "process.chroot",
            Kind::ProcessSeccomp => "process.seccomp",
            Kind::ProcessArgumentRace => "process.argument_race",
            Kind::FileOpen => "file.open",
            Kind::FileCreate => "file.create",
            Kind::FileWrite => "file.write",
            Kind::FileRename => "file.rename",
            Kind::FileUnlink => "file.unlink",
            Kind::FileMkdir => "file.mkdir",
            Kind::FileRmdir => "file.rmdir",
            Kind::FileMknod => "file.mknod",
            Kind::FileLink => "file.link",
            Kind::FileSymlink => "file.symlink",
            Kind::FileChmod => "file.chmod",
            Kind::FileChown => "file.chown",
            Kind::FileTruncate => "file.truncate",
            Kind::FileUtime => "file.utime",
            Kind::FileXattr => "file.xattr",
            Kind::FileMount => "file.mount",
            Kind::FileUmount => "file.umount",
            Kind::FilePivotRoot => "file.pivot_root",
            Kind::FileMemfdCreate => "file.memfd_create",
            Kind::FileStat => "file.stat",
            Kind::FileReadlink => "file.readlink",
            Kind::FileAccess => "file.access",
            Kind::NetworkSocket => "network.socket",
            Kind::NetworkRawSocket => "network.raw_socket",
            Kind::NetworkBind => "network.bind",
            Kind::NetworkListen => "network.listen",
            Kind::NetworkConnect => "network.connect",
            Kind::NetworkAccept => "network.accept",
            Kind::NetworkSend => "network.send",
            Kind::NetworkDns => "network.dns",
            Kind::NetworkHttp => "network.http",
            Kind::NetworkTls => "network.tls",
            Kind::NetworkFlow => "network.flow",
            Kind::KernelModuleLoad => "kernel.module_load",
            Kind::KernelBpf => "kernel.bpf",
            Kind::KernelIoUring => "kernel.io_uring",
            Kind::KernelKeyctl => "kernel.keyctl",
            Kind::KernelKexec => "kernel.kexec",
            Kind::KernelSysctlWrite => "kernel.sysctl_write",
            Kind::LogMessage => "log.message",
            Kind::BaitRead => "bait.read",
            Kind::BaitExfiltrated => "bait.exfiltrated",
        }
    }

    /// The kind named `name`.
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
