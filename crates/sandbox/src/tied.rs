//! A program of the host that must not outlive the thread that started it.

use crate::sys;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Has the kernel kill the process of `command` when the thread that starts it ends, by SIGKILL too. Its own children are not
/// reached by this.
pub fn tie(command: &mut Command) {
    let starter = std::process::id();
    let tie = move || {
        sys::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong)?;
        // it may have ended before
        // SAFETY: getppid takes nothing and always succeeds.
        match u32::try_from(unsafe { libc::getppid() }) {
            Ok(parent) if parent == starter => Ok(()),
            _ => Err(io::Error::from(io::ErrorKind::NotFound)),
        }
    };
    // SAFETY: the closure makes two system calls, and neither allocates nor takes a lock.
    unsafe { command.pre_exec(tie) };
}
