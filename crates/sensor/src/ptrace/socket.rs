//! The kernel's own view of a traced thread's socket, through a copy of its descriptor.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// `PIDFD_THREAD` of `pidfd_open(2)`: any thread, since Linux 6.9.
const THREAD: libc::c_int = libc::O_EXCL;

/// The own end of the internet socket behind `fd` of thread `tid`, in the form that `decode::address` reads.
/// `None` where it is none, or can't be had.
pub(super) fn local_end(tgid: i32, tid: i32, fd: i32) -> Option<Vec<u8>> {
    let socket = copy(tgid, tid, fd)?;
    let protocol = option(&socket, libc::SO_PROTOCOL)?;
    let mut address = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: the buffer is valid for `length` bytes, of which the kernel writes no more.
    let got = unsafe { libc::getsockname(socket.as_raw_fd(), address.as_mut_ptr().cast(), &raw mut length) };
    if got < 0 {
        return None;
    }
    // SAFETY: all zero is a valid value, and the kernel wrote over it.
    let address = unsafe { address.assume_init() };
    let mut end = Vec::with_capacity(24);
    let mut head = |family: i32, port: u16| {
        for number in [protocol as u16, family as u16, port, 0] {
            end.extend(number.to_le_bytes());
        }
    };
    match i32::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is one, and the storage is large enough and aligned for all.
            let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in>() };
            head(libc::AF_INET, u16::from_be(address.sin_port));
            end.extend(address.sin_addr.s_addr.to_ne_bytes());
            end.extend([0; 12]);
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let address = unsafe { &*(&raw const address).cast::<libc::sockaddr_in6>() };
            head(libc::AF_INET6, u16::from_be(address.sin6_port));
            end.extend(address.sin6_addr.s6_addr);
        }
        _ => return None,
    }
    Some(end)
}

/// A descriptor of ours for what is open there.
fn copy(tgid: i32, tid: i32, fd: i32) -> Option<OwnedFd> {
    // The leader's table is every thread's but for those few that unshared theirs.
    let open = |pid: i32, flags: libc::c_int| {
        // SAFETY: no memory is passed.
        owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, flags) })
    };
    let pidfd = if tid == tgid { None } else { open(tid, THREAD) }.or_else(|| open(tgid, 0))?;
    // SAFETY: no memory is passed.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_getfd, pidfd.as_raw_fd(), fd, 0) })
}

fn owned(fd: libc::c_long) -> Option<OwnedFd> {
    // SAFETY: the kernel has just made this descriptor for us.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// A number that `getsockopt(2)` tells of the socket.
fn option(socket: &OwnedFd, name: libc::c_int) -> Option<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: value and length are valid for the time of the call.
    let got = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut length)
    };
    (got == 0).then_some(value)
}
