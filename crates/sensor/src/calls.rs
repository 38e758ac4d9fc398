//! The system calls that the event schema needs, and what must be taken for each. One table serves both
//! sensors (which calls to watch, what to copy) and the decoder (what it will find in `RawCall::taken`).

use crate::raw::Abi;
use detektr_event::Kind;

/// Something to take for a call. Numbers are argument positions (0 to 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// A C string of at most 4,096 bytes (entry, and return where it differs): `Taken::String`.
    Str(u8),
    /// The base of a path call: the object of the directory descriptor at this position; AT_FDCWD gives the
    /// working directory. `Taken::Object`.
    Dir(u8),
    /// The working directory. `Taken::Object`.
    Cwd,
    /// The object behind the descriptor at this position, looked up at entry. `Taken::Object`.
    Fd(u8),
    /// The object behind the descriptor whose number is the u32 at offset `.1` of the memory at `.0`, looked up at
    /// entry. `Taken::Object`.
    WordFd(u8, u8),
    /// The object behind the descriptor returned, on success. `Taken::Object`.
    RetFd,
    /// `len` bytes at the pointer, at entry. `Taken::Bytes`.
    Bytes(u8, u16),
    /// The bytes at pointer `.0` whose length is argument `.1`, at most 256, at entry. `Taken::Bytes`.
    Sized(u8, u8),
    /// A socket address that the kernel wrote: pointer `.0`, pointer to its u32 length `.1`, at return of a
    /// success. `Taken::Bytes`.
    AddressOut(u8, u8),
    /// `msg_name` of the (first) `struct msghdr` at the pointer, at entry. `Taken::Bytes` (`Nothing` where null).
    MessageName(u8),
    /// The word arguments of ia32 `socketcall`, up to six u32. `Taken::Bytes`.
    SocketcallArgs(u8),
    /// ia32 `socketcall`: the address of bind, connect or sendto; for sendmsg, its `msg_name`; for a successful
    /// accept, the peer. `Taken::Bytes`.
    SocketcallAddress(u8),
    /// The own end of the internet socket behind the descriptor at this position, at return: `Taken::Bytes` as
    /// `decode::local` reads it.
    LocalEnd(u8),
    /// The same for ia32 `socketcall`, whose words say which descriptor.
    SocketcallLocalEnd(u8),
    /// Credentials before and after. `Taken::Credentials`.
    Creds,
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct CallSpec {
    /// Name, as in the tables of the architectures.
    pub name: &'static str,
    /// The kind it counts under in the ledger (the event may turn out to be a near one: `file.create` for
    /// `file.open`, `network.raw_socket` for `network.socket`, `kernel.sysctl_write` is an addition).
    pub kind: Kind,
    /// What to take, in the order of `RawCall::taken`.
    pub takes: &'static [Take],
    /// Watch it only with `--observe stat`.
    pub optional: bool,
}

use Kind::*;
use Take::*;

const fn call(name: &'static str, kind: Kind, takes: &'static [Take]) -> CallSpec {
    CallSpec { name, kind, takes, optional: false }
}
const fn stat(name: &'static str, kind: Kind, takes: &'static [Take]) -> CallSpec {
    CallSpec { name, kind, takes, optional: true }
}

/// Every watched call. Calls that only exist on one architecture stand here too; `execve` and `execveat` are
/// told by `Body::Exec` when they succeed and by `Body::FailedExec` when not. Reads and writes are not here:
/// they are summed up per open file (`Body::Io`).
pub const CALLS: &[CallSpec] = &[
    // process
    call("execve", ProcessExec, &[Cwd, Str(0)]),
    call("execveat", ProcessExec, &[Dir(0), Str(1)]),
    call("fork", ProcessFork, &[]),
    call("vfork", ProcessFork, &[]),
    call("clone", ProcessFork, &[]),
    call("clone3", ProcessFork, &[Bytes(0, 88)]),
    call("setuid", ProcessCredentials, &[Creds]),
    call("setgid", ProcessCredentials, &[Creds]),
    call("setreuid", ProcessCredentials, &[Creds]),
    call("setregid", ProcessCredentials, &[Creds]),
    call("setresuid", ProcessCredentials, &[Creds]),
    call("setresgid", ProcessCredentials, &[Creds]),
    call("setfsuid", ProcessCredentials, &[Creds]),
    call("setfsgid", ProcessCredentials, &[Creds]),
    call("setuid32", ProcessCredentials, &[Creds]),
    call("setgid32", ProcessCredentials, &[Creds]),
    call("setreuid32", ProcessCredentials, &[Creds]),
    call("setregid32", ProcessCredentials, &[Creds]),
    call("setresuid32", ProcessCredentials, &[Creds]),
    call("setresgid32", ProcessCredentials, &[Creds]),
    call("setfsuid32", ProcessCredentials, &[Creds]),
    call("setfsgid32", ProcessCredentials, &[Creds]),
    call("setgroups", ProcessCredentials, &[Creds]),
    call("setgroups32", ProcessCredentials, &[Creds]),
    call("capset", ProcessCredentials, &[Creds]),
    call("unshare", ProcessNamespace, &[]),
    call("setns", ProcessNamespace, &[Fd(0)]),
    call("ptrace", ProcessPtrace, &[]),
    call("process_vm_writev", ProcessMemoryWrite, &[]),
    call("mmap", ProcessMemoryExec, &[Fd(4)]),
    call("mmap2", ProcessMemoryExec, &[Fd(4)]),
    call("mprotect", ProcessMemoryExec, &[]),
    call("pkey_mprotect", ProcessMemoryExec, &[]),
    call("kill", ProcessSignal, &[]),
    call("tkill", ProcessSignal, &[]),
    call("tgkill", ProcessSignal, &[]),
    call("rt_sigqueueinfo", ProcessSignal, &[]),
    call("rt_tgsigqueueinfo", ProcessSignal, &[]),
    call("pidfd_send_signal", ProcessSignal, &[Fd(0)]),
    call("setsid", ProcessSession, &[]),
    call("setpgid", ProcessSession, &[]),
    // prctl: PR_SET_NAME is process.rename, PR_SET_SECCOMP process.seccomp, PR_CAP_AMBIENT and PR_CAPBSET_DROP
    // process.credentials; the rest makes no event
    call("prctl", ProcessRename, &[Str(1), Creds]),
    call("seccomp", ProcessSeccomp, &[Bytes(2, 16)]),
    call("chdir", ProcessChdir, &[Cwd, Str(0)]),
    call("fchdir", ProcessChdir, &[Fd(0)]),
    call("chroot", ProcessChroot, &[Cwd, Str(0)]),
    // file
    call("open", FileOpen, &[Cwd, Str(0), RetFd]),
    call("creat", FileOpen, &[Cwd, Str(0), RetFd]),
    call("openat", FileOpen, &[Dir(0), Str(1), RetFd]),
    call("openat2", FileOpen, &[Dir(0), Str(1), RetFd, Bytes(2, 24)]),
    call("open_by_handle_at", FileOpen, &[Dir(0), RetFd]),
    call("rename", FileRename, &[Cwd, Str(0), Cwd, Str(1)]),
    call("renameat", FileRename, &[Dir(0), Str(1), Dir(2), Str(3)]),
    call("renameat2", FileRename, &[Dir(0), Str(1), Dir(2), Str(3)]),
    call("unlink", FileUnlink, &[Cwd, Str(0)]),
    call("unlinkat", FileUnlink, &[Dir(0), Str(1)]),
    call("mkdir", FileMkdir, &[Cwd, Str(0)]),
    call("mkdirat", FileMkdir, &[Dir(0), Str(1)]),
    call("rmdir", FileRmdir, &[Cwd, Str(0)]),
    call("mknod", FileMknod, &[Cwd, Str(0)]),
    call("mknodat", FileMknod, &[Dir(0), Str(1)]),
    call("link", FileLink, &[Cwd, Str(0), Cwd, Str(1)]),
    call("linkat", FileLink, &[Dir(0), Str(1), Dir(2), Str(3)]),
    call("symlink", FileSymlink, &[Str(0), Cwd, Str(1)]),
    call("symlinkat", FileSymlink, &[Str(0), Dir(1), Str(2)]),
    call("chmod", FileChmod, &[Cwd, Str(0)]),
    call("fchmod", FileChmod, &[Fd(0)]),
    call("fchmodat", FileChmod, &[Dir(0), Str(1)]),
    call("fchmodat2", FileChmod, &[Dir(0), Str(1)]),
    call("chown", FileChown, &[Cwd, Str(0)]),
    call("lchown", FileChown, &[Cwd, Str(0)]),
    call("chown32", FileChown, &[Cwd, Str(0)]),
    call("lchown32", FileChown, &[Cwd, Str(0)]),
    call("fchown", FileChown, &[Fd(0)]),
    call("fchown32", FileChown, &[Fd(0)]),
    call("fchownat", FileChown, &[Dir(0), Str(1)]),
    call("truncate", FileTruncate, &[Cwd, Str(0)]),
    call("truncate64", FileTruncate, &[Cwd, Str(0)]),
    call("ftruncate", FileTruncate, &[Fd(0)]),
    call("ftruncate64", FileTruncate, &[Fd(0)]),
    call("fallocate", FileTruncate, &[Fd(0)]),
    call("utime", FileUtime, &[Cwd, Str(0), Bytes(1, 16)]),
    call("utimes", FileUtime, &[Cwd, Str(0), Bytes(1, 32)]),
    call("futimesat", FileUtime, &[Dir(0), Str(1), Bytes(2, 32)]),
    call("utimensat", FileUtime, &[Dir(0), Str(1), Bytes(2, 32)]),
    call("utimensat_time64", FileUtime, &[Dir(0), Str(1), Bytes(2, 32)]),
    call("setxattr", FileXattr, &[Cwd, Str(0), Str(1)]),
    call("lsetxattr", FileXattr, &[Cwd, Str(0), Str(1)]),
    call("fsetxattr", FileXattr, &[Fd(0), Str(1)]),
    call("removexattr", FileXattr, &[Cwd, Str(0), Str(1)]),
    call("lremovexattr", FileXattr, &[Cwd, Str(0), Str(1)]),
    call("fremovexattr", FileXattr, &[Fd(0), Str(1)]),
    call("mount", FileMount, &[Cwd, Str(1), Str(0), Str(2)]),
    call("move_mount", FileMount, &[Dir(2), Str(3), Dir(0), Str(1)]),
    call("open_tree", FileMount, &[Dir(0), Str(1)]),
    call("fsopen", FileMount, &[Str(0)]),
    call("fsmount", FileMount, &[]),
    call("mount_setattr", FileMount, &[Dir(0), Str(1)]),
    call("umount", FileUmount, &[Cwd, Str(0)]),
    call("umount2", FileUmount, &[Cwd, Str(0)]),
    call("pivot_root", FilePivotRoot, &[Cwd, Str(0), Cwd, Str(1)]),
    call("memfd_create", FileMemfdCreate, &[Str(0)]),
    stat("stat", FileStat, &[Cwd, Str(0)]),
    stat("lstat", FileStat, &[Cwd, Str(0)]),
    stat("stat64", FileStat, &[Cwd, Str(0)]),
    stat("lstat64", FileStat, &[Cwd, Str(0)]),
    stat("newfstatat", FileStat, &[Dir(0), Str(1)]),
    stat("fstatat64", FileStat, &[Dir(0), Str(1)]),
    stat("statx", FileStat, &[Dir(0), Str(1)]),
    stat("readlink", FileReadlink, &[Cwd, Str(0)]),
    stat("readlinkat", FileReadlink, &[Dir(0), Str(1)]),
    stat("access", FileAccess, &[Cwd, Str(0)]),
    stat("faccessat", FileAccess, &[Dir(0), Str(1)]),
    stat("faccessat2", FileAccess, &[Dir(0), Str(1)]),
    // network
    call("socket", NetworkSocket, &[]),
    call("socketpair", NetworkSocket, &[Bytes(3, 8)]),
    call("bind", NetworkBind, &[Sized(1, 2), LocalEnd(0)]),
    call("listen", NetworkListen, &[]),
    call("connect", NetworkConnect, &[Sized(1, 2), LocalEnd(0)]),
    call("accept", NetworkAccept, &[AddressOut(1, 2)]),
    call("accept4", NetworkAccept, &[AddressOut(1, 2)]),
    call("sendto", NetworkSend, &[Sized(4, 5), LocalEnd(0)]),
    call("sendmsg", NetworkSend, &[MessageName(1), LocalEnd(0)]),
    call("sendmmsg", NetworkSend, &[MessageName(1), LocalEnd(0)]),
    call("socketcall", NetworkSocket, &[SocketcallArgs(1), SocketcallAddress(1), SocketcallLocalEnd(1)]),
    // kernel
    call("init_module", KernelModuleLoad, &[Str(2)]),
    call("finit_module", KernelModuleLoad, &[Fd(0), Str(1)]),
    call("delete_module", KernelModuleLoad, &[Str(0)]),
    call("bpf", KernelBpf, &[]),
    call("io_uring_setup", KernelIoUring, &[]),
    call("io_uring_register", KernelIoUring, &[]),
    call("add_key", KernelKeyctl, &[Str(0)]),
    call("request_key", KernelKeyctl, &[Str(0)]),
    call("keyctl", KernelKeyctl, &[]),
    call("kexec_load", KernelKexec, &[]),
    call("kexec_file_load", KernelKexec, &[]),
    call("reboot", KernelKexec, &[]),
];

/// The first 32-bit `mmap` (number 90) has its six arguments in memory, behind its only register.
static OLD_MMAP: CallSpec = call("mmap", ProcessMemoryExec, &[WordFd(0, 16), Bytes(0, 24)]);

/// Calls that x32 has at numbers of its own, the bit of x32 cleared.
const X32: &[(u32, &str)] = &[
    (518, "sendmsg"),
    (520, "execve"),
    (521, "ptrace"),
    (524, "rt_sigqueueinfo"),
    (528, "kexec_load"),
    (536, "rt_tgsigqueueinfo"),
    (538, "sendmmsg"),
    (540, "process_vm_writev"),
    (545, "execveat"),
];

/// The watched call with number `nr` in the table of `abi`.
pub fn spec(abi: Abi, nr: u32) -> Option<&'static CallSpec> {
    let name = match abi {
        Abi::X32 if nr >= 512 => X32.iter().find(|(number, _)| *number == nr)?.1,
        Abi::X86_64 | Abi::X32 => syscalls::x86_64::Sysno::new(nr as usize)?.name(),
        Abi::I386 => syscalls::x86::Sysno::new(nr as usize)?.name(),
    };
    if abi == Abi::I386 && name == OLD_MMAP.name {
        return Some(&OLD_MMAP);
    }
    CALLS.iter().find(|call| call.name == name)
}
