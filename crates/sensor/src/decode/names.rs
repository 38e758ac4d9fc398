//! Commands, requests and operations by name. A number without a name is told as the number.

/// Name of `number` in a table of pairs, else the number.
fn pair(table: &[(i64, &str)], number: i64) -> String {
    table
        .iter()
        .find(|(known, _)| *known == number)
        .map_or_else(|| number.to_string(), |(_, name)| (*name).to_owned())
}

/// Name of `number` in a table by position, else the number.
fn listed(prefix: &str, table: &[&str], number: i64) -> String {
    match usize::try_from(number).ok().and_then(|number| table.get(number)) {
        Some(name) if !name.is_empty() => format!("{prefix}{name}"),
        _ => number.to_string(),
    }
}

/// A `ptrace(2)` request.
pub(super) fn ptrace_request(number: i64) -> String {
    pair(PTRACE, number)
}

/// A `bpf(2)` command.
pub(super) fn bpf_command(number: i64) -> String {
    listed("BPF_", BPF, number)
}

/// A `keyctl(2)` operation.
pub(super) fn keyctl_operation(number: i64) -> String {
    listed("KEYCTL_", KEYCTL, number)
}

/// An operation of io_uring.
pub(super) fn uring_operation(number: u8) -> String {
    listed("IORING_OP_", URING, i64::from(number))
}

/// Whether an operation works on the descriptor that its submission names. Of the others the kernel doesn't keep
/// that number, and what stands in its place is left over from an earlier operation.
pub(super) fn uring_takes_descriptor(number: u8) -> bool {
    let others = [0, 7, 11, 12, 14, 15, 18, 19, 20, 21, 25, 28, 29, 31, 32, 35, 36, 37, 38, 39, 42, 44, 45];
    !(others.contains(&number) || (50..=53).contains(&number) || number == 62)
}

/// A family of sockets.
pub(super) fn socket_domain(number: i32) -> String {
    listed("AF_", FAMILIES, i64::from(number))
}

/// A type of sockets, flags left out.
pub(super) fn socket_type(number: i32) -> String {
    listed("SOCK_", TYPES, i64::from(number & 0xf))
}

#[rustfmt::skip]
const PTRACE: &[(i64, &str)] = &[
    (0, "PTRACE_TRACEME"), (1, "PTRACE_PEEKTEXT"), (2, "PTRACE_PEEKDATA"), (3, "PTRACE_PEEKUSR"),
    (4, "PTRACE_POKETEXT"), (5, "PTRACE_POKEDATA"), (6, "PTRACE_POKEUSR"), (7, "PTRACE_CONT"),
    (8, "PTRACE_KILL"), (9, "PTRACE_SINGLESTEP"), (12, "PTRACE_GETREGS"), (13, "PTRACE_SETREGS"),
    (14, "PTRACE_GETFPREGS"), (15, "PTRACE_SETFPREGS"), (16, "PTRACE_ATTACH"), (17, "PTRACE_DETACH"),
    (18, "PTRACE_GETFPXREGS"), (19, "PTRACE_SETFPXREGS"), (21, "PTRACE_OLDSETOPTIONS"),
    (24, "PTRACE_SYSCALL"), (25, "PTRACE_GET_THREAD_AREA"), (26, "PTRACE_SET_THREAD_AREA"),
    (30, "PTRACE_ARCH_PRCTL"), (31, "PTRACE_SYSEMU"), (32, "PTRACE_SYSEMU_SINGLESTEP"),
    (33, "PTRACE_SINGLEBLOCK"),
    (0x4200, "PTRACE_SETOPTIONS"), (0x4201, "PTRACE_GETEVENTMSG"), (0x4202, "PTRACE_GETSIGINFO"),
    (0x4203, "PTRACE_SETSIGINFO"), (0x4204, "PTRACE_GETREGSET"), (0x4205, "PTRACE_SETREGSET"),
    (0x4206, "PTRACE_SEIZE"), (0x4207, "PTRACE_INTERRUPT"), (0x4208, "PTRACE_LISTEN"),
    (0x4209, "PTRACE_PEEKSIGINFO"), (0x420a, "PTRACE_GETSIGMASK"), (0x420b, "PTRACE_SETSIGMASK"),
    (0x420c, "PTRACE_SECCOMP_GET_FILTER"), (0x420d, "PTRACE_SECCOMP_GET_METADATA"),
    (0x420e, "PTRACE_GET_SYSCALL_INFO"), (0x420f, "PTRACE_GET_RSEQ_CONFIGURATION"),
    (0x4210, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"),
    (0x4211, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"), (0x4212, "PTRACE_SET_SYSCALL_INFO"),
];

#[rustfmt::skip]
const BPF: &[&str] = &[
    "MAP_CREATE", "MAP_LOOKUP_ELEM", "MAP_UPDATE_ELEM", "MAP_DELETE_ELEM", "MAP_GET_NEXT_KEY", "PROG_LOAD",
    "OBJ_PIN", "OBJ_GET", "PROG_ATTACH", "PROG_DETACH", "PROG_TEST_RUN", "PROG_GET_NEXT_ID",
    "MAP_GET_NEXT_ID", "PROG_GET_FD_BY_ID", "MAP_GET_FD_BY_ID", "OBJ_GET_INFO_BY_FD", "PROG_QUERY",
    "RAW_TRACEPOINT_OPEN", "BTF_LOAD", "BTF_GET_FD_BY_ID", "TASK_FD_QUERY", "MAP_LOOKUP_AND_DELETE_ELEM",
    "MAP_FREEZE", "BTF_GET_NEXT_ID", "MAP_LOOKUP_BATCH", "MAP_LOOKUP_AND_DELETE_BATCH", "MAP_UPDATE_BATCH",
    "MAP_DELETE_BATCH", "LINK_CREATE", "LINK_UPDATE", "LINK_GET_FD_BY_ID", "LINK_GET_NEXT_ID",
    "ENABLE_STATS", "ITER_CREATE", "LINK_DETACH", "PROG_BIND_MAP", "TOKEN_CREATE",
    "PROG_STREAM_READ_BY_FD",
];

#[rustfmt::skip]
const KEYCTL: &[&str] = &[
    "GET_KEYRING_ID", "JOIN_SESSION_KEYRING", "UPDATE", "REVOKE", "CHOWN", "SETPERM", "DESCRIBE", "CLEAR",
    "LINK", "UNLINK", "SEARCH", "READ", "INSTANTIATE", "NEGATE", "SET_REQKEY_KEYRING", "SET_TIMEOUT",
    "ASSUME_AUTHORITY", "GET_SECURITY", "SESSION_TO_PARENT", "REJECT", "INSTANTIATE_IOV", "INVALIDATE",
    "GET_PERSISTENT", "DH_COMPUTE", "PKEY_QUERY", "PKEY_ENCRYPT", "PKEY_DECRYPT", "PKEY_SIGN", "PKEY_VERIFY",
    "RESTRICT_KEYRING", "MOVE", "CAPABILITIES", "WATCH_KEY",
];

/// Up to Linux 6.18.
#[rustfmt::skip]
const URING: &[&str] = &[
    "NOP", "READV", "WRITEV", "FSYNC", "READ_FIXED", "WRITE_FIXED", "POLL_ADD", "POLL_REMOVE",
    "SYNC_FILE_RANGE", "SENDMSG", "RECVMSG", "TIMEOUT", "TIMEOUT_REMOVE", "ACCEPT", "ASYNC_CANCEL",
    "LINK_TIMEOUT", "CONNECT", "FALLOCATE", "OPENAT", "CLOSE", "FILES_UPDATE", "STATX", "READ", "WRITE",
    "FADVISE", "MADVISE", "SEND", "RECV", "OPENAT2", "EPOLL_CTL", "SPLICE", "PROVIDE_BUFFERS",
    "REMOVE_BUFFERS", "TEE", "SHUTDOWN", "RENAMEAT", "UNLINKAT", "MKDIRAT", "SYMLINKAT", "LINKAT",
    "MSG_RING", "FSETXATTR", "SETXATTR", "FGETXATTR", "GETXATTR", "SOCKET", "URING_CMD", "SEND_ZC",
    "SENDMSG_ZC", "READ_MULTISHOT", "WAITID", "FUTEX_WAIT", "FUTEX_WAKE", "FUTEX_WAITV",
    "FIXED_FD_INSTALL", "FTRUNCATE", "BIND", "LISTEN", "RECV_ZC", "EPOLL_WAIT", "READV_FIXED",
    "WRITEV_FIXED", "PIPE",
];

/// `IORING_OP_SYMLINKAT`, whose first string is no path but the content of the link.
pub(super) const URING_SYMLINKAT: u8 = 38;

#[rustfmt::skip]
const FAMILIES: &[&str] = &[
    "UNSPEC", "UNIX", "INET", "AX25", "IPX", "APPLETALK", "NETROM", "BRIDGE", "ATMPVC", "X25", "INET6",
    "ROSE", "DECnet", "NETBEUI", "SECURITY", "KEY", "NETLINK", "PACKET", "ASH", "ECONET", "ATMSVC", "RDS",
    "SNA", "IRDA", "PPPOX", "WANPIPE", "LLC", "IB", "MPLS", "CAN", "TIPC", "BLUETOOTH", "IUCV", "RXRPC",
    "ISDN", "PHONET", "IEEE802154", "CAIF", "ALG", "NFC", "VSOCK", "KCM", "QIPCRTR", "SMC", "XDP", "MCTP",
];

const TYPES: &[&str] = &["", "STREAM", "DGRAM", "RAW", "RDM", "SEQPACKET", "DCCP", "", "", "", "PACKET"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_numbers() {
        assert_eq!(ptrace_request(16), "PTRACE_ATTACH");
        assert_eq!(ptrace_request(0x4206), "PTRACE_SEIZE");
        assert_eq!(ptrace_request(-1), "-1");
        assert_eq!(bpf_command(5), "BPF_PROG_LOAD");
        assert_eq!(bpf_command(36), "BPF_TOKEN_CREATE");
        assert_eq!(bpf_command(99), "99");
        assert_eq!(keyctl_operation(11), "KEYCTL_READ");
        assert_eq!(keyctl_operation(32), "KEYCTL_WATCH_KEY");
        assert_eq!(uring_operation(18), "IORING_OP_OPENAT");
        assert_eq!(uring_operation(URING_SYMLINKAT), "IORING_OP_SYMLINKAT");
        assert_eq!(uring_operation(55), "IORING_OP_FTRUNCATE");
        assert_eq!(uring_operation(62), "IORING_OP_PIPE");
        assert_eq!(uring_operation(200), "200");
        let without =
            (0..URING.len()).filter_map(|n| u8::try_from(n).ok()).filter(|n| !uring_takes_descriptor(*n));
        let without: Vec<_> = without.map(uring_operation).collect();
        assert!(without.contains(&"IORING_OP_CLOSE".into()) && without.contains(&"IORING_OP_SOCKET".into()));
        assert!(!without.contains(&"IORING_OP_WRITE".into()) && !without.contains(&"IORING_OP_BIND".into()));
        assert_eq!(socket_domain(libc::AF_NETLINK), "AF_NETLINK");
        assert_eq!(socket_domain(libc::AF_ALG), "AF_ALG");
        assert_eq!(socket_domain(libc::AF_VSOCK), "AF_VSOCK");
        assert_eq!(socket_domain(libc::AF_XDP), "AF_XDP");
        assert_eq!(socket_type(libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC), "SOCK_SEQPACKET");
        assert_eq!(socket_type(9), "9");
    }
}
