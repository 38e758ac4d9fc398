//! Numbers of system calls by name, for the three doors into an x86 kernel.

use super::profile::Arch;

/// Calls of x32 that have numbers of their own (`arch/x86/entry/syscalls/syscall_64.tbl`).
const X32: [(u32, &str); 36] = [
    (512, "rt_sigaction"),
    (513, "rt_sigreturn"),
    (514, "ioctl"),
    (515, "readv"),
    (516, "writev"),
    (517, "recvfrom"),
    (518, "sendmsg"),
    (519, "recvmsg"),
    (520, "execve"),
    (521, "ptrace"),
    (522, "rt_sigpending"),
    (523, "rt_sigtimedwait"),
    (524, "rt_sigqueueinfo"),
    (525, "sigaltstack"),
    (526, "timer_create"),
    (527, "mq_notify"),
    (528, "kexec_load"),
    (529, "waitid"),
    (530, "set_robust_list"),
    (531, "get_robust_list"),
    (532, "vmsplice"),
    (533, "move_pages"),
    (534, "preadv"),
    (535, "pwritev"),
    (536, "rt_tgsigqueueinfo"),
    (537, "recvmmsg"),
    (538, "sendmmsg"),
    (539, "process_vm_readv"),
    (540, "process_vm_writev"),
    (541, "setsockopt"),
    (542, "getsockopt"),
    (543, "io_setup"),
    (544, "io_submit"),
    (545, "execveat"),
    (546, "preadv2"),
    (547, "pwritev2"),
];

/// Calls of ia32 that go through `socketcall` as well: name and its number there (`net.h`).
pub(super) const SOCKETCALLS: [(&str, u32); 20] = [
    ("socket", 1),
    ("bind", 2),
    ("connect", 3),
    ("listen", 4),
    ("accept", 5),
    ("getsockname", 6),
    ("getpeername", 7),
    ("socketpair", 8),
    ("send", 9),
    ("recv", 10),
    ("sendto", 11),
    ("recvfrom", 12),
    ("shutdown", 13),
    ("setsockopt", 14),
    ("getsockopt", 15),
    ("sendmsg", 16),
    ("recvmsg", 17),
    ("accept4", 18),
    ("recvmmsg", 19),
    ("sendmmsg", 20),
];

/// The number of the call `name`; none where the architecture has no such call.
pub(super) fn number(arch: Arch, name: &str) -> Option<u32> {
    match arch {
        Arch::X86_64 => name.parse::<syscalls::x86_64::Sysno>().ok().map(|nr| nr.id() as u32),
        Arch::X86 => name.parse::<syscalls::x86::Sysno>().ok().map(|nr| nr.id() as u32),
        Arch::X32 => X32
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(nr, _)| *nr)
            .or_else(|| number(Arch::X86_64, name)),
    }
}

/// The number of the error `name`, as in errno(3).
pub(super) fn errno(name: &str) -> Option<u16> {
    (1..=133).find(|number| syscalls::Errno::new(*number).name() == Some(name)).map(|number| number as u16)
}
