//! Whether this host has AF_VSOCK at all.

use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

/// Whether a program could make such a socket: asked of the kernel, which may load the family's module for it as for
/// anyone who asks. Only the kernel's own word that there is none counts: where a filter stands around this process,
/// it may be the filter's, which sees nothing of what a ring does.
pub(super) fn exists() -> bool {
    let absent = matches!(socket(), Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT));
    !absent || filtered()
}

fn socket() -> io::Result<OwnedFd> {
    // SAFETY: plain numbers only.
    let fd = unsafe { libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made it, and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Whether a seccomp filter stands around this process, or that can't be read.
fn filtered() -> bool {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    !status.lines().any(|line| line.split_whitespace().eq(["Seccomp:", "0"]))
}
