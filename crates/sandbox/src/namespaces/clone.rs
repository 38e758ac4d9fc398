//! clone3(2): making init from the supervisor, and a launcher from init.

use crate::sys::check;
use std::ffi::CString;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// `CLONE_INTO_CGROUP`.
const INTO_CGROUP: u64 = 0x2_0000_0000;

#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// A child process.
#[derive(Debug)]
pub(crate) struct Child {
    /// Its number in the maker's pid namespace.
    pub pid: i32,
    /// Its pidfd.
    pub pidfd: OwnedFd,
}

/// Clones the calling process; `None` in the child.
///
/// # Safety
/// Like fork(2): with other threads about, the child may only make calls that are safe in a signal handler.
pub(crate) unsafe fn clone3(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> io::Result<Option<Child>> {
    let mut pidfd: RawFd = -1;
    let mut args = CloneArgs {
        flags: flags | libc::CLONE_PIDFD as u64,
        pidfd: (&raw mut pidfd) as u64,
        exit_signal: libc::SIGCHLD as u64,
        ..CloneArgs::default()
    };
    if let Some(cgroup) = cgroup {
        args.flags |= INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: `args` is a valid struct clone_args of the size given, without a stack: the child runs on a copy
    // of this one. What the child may do is the caller's duty.
    let pid = check(unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<CloneArgs>()) })?;
    if pid == 0 {
        return Ok(None);
    }
    // SAFETY: the kernel has just stored this new descriptor for the parent.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Some(Child { pid: pid as i32, pidfd }))
}

/// Starts this program (or the helper) anew as a hidden part of itself. The child waits for one byte on `go`
/// before it executes, keeps the descriptors of `keep`, and has an empty environment.
pub(crate) fn start_self(
    flags: u64,
    role: &str,
    keep: &[BorrowedFd<'_>],
    own_session: bool,
) -> io::Result<(Child, OwnedFd)> {
    let program = crate::helper();
    let program = crate::sys::c_path(program)?;
    let (wait, go) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let mut argv = vec![CString::new("detektr")?, CString::new(role)?];
    for fd in keep {
        argv.push(CString::new(fd.as_raw_fd().to_string())?);
    }
    let mut pointers: Vec<*const libc::c_char> = argv.iter().map(|a| a.as_ptr()).collect();
    pointers.push(std::ptr::null());
    let environment = [std::ptr::null::<libc::c_char>()];
    let wait_fd = wait.as_raw_fd();
    let go_fd = go.as_raw_fd();
    let kept: Vec<RawFd> = keep.iter().map(|fd| fd.as_raw_fd()).collect();
    // SAFETY: the child below makes raw system calls on memory prepared here, and allocates nothing.
    if let Some(child) = unsafe { clone3(flags, None) }? {
        return Ok((child, go));
    }
    // SAFETY: in the child: only system calls; all pointers were made before the clone and live in this copy.
    unsafe {
        libc::close(go_fd);
        let mut byte = 0u8;
        if libc::read(wait_fd, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(125);
        }
        if own_session {
            libc::setsid();
        }
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        for fd in 0..3 {
            libc::dup2(null, fd);
        }
        if null > 2 {
            libc::close(null);
        }
        for fd in &kept {
            libc::fcntl(*fd, libc::F_SETFD, 0);
        }
        // No signal is ignored or blocked in the new program but by its own will.
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::execve(program.as_ptr(), pointers.as_ptr(), environment.as_ptr());
        libc::_exit(126)
    }
}

/// The number that a pidfd's process has in our own pid namespace.
pub(crate) fn pid_of(pidfd: BorrowedFd<'_>) -> io::Result<u32> {
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    info.lines()
        .find_map(|l| l.strip_prefix("Pid:"))
        .and_then(|n| n.trim().parse().ok())
        .ok_or_else(|| io::Error::other("the process is gone"))
}
