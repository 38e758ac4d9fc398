//! What a launcher starts as its children: what has to run before the program, and the jobs of a starter.
//!
//! The starter is a launcher that stays, and starts one job after another as a real system's services would.
//!
//! It was never executed, so it can't be traced by what it starts, root inside or not: its memory belongs to the
//! parent user namespace and it is not dumpable. Each job begins as its child, in the order of the plan; the
//! supervisor tells them apart by that order.

use super::launcher::become_program;
use super::protocol::Launch;
use crate::plan::Job;
use crate::sys;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// How long the next job waits for the end of the one before.
const PATIENCE_MS: i32 = 2_000;

/// Starts all jobs of `launch`, and ends. What they leave running goes on.
pub(super) fn run(launch: &Launch) -> ! {
    if sys::prctl(libc::PR_SET_DUMPABLE, 0).is_err() {
        std::process::exit(125);
    }
    for job in &launch.jobs {
        // SAFETY: the launcher has one thread, so the child may do whatever a program may.
        match unsafe { super::clone::clone3(0, None) } {
            Ok(None) => begin(launch, job),
            // A job that can't be born is one that was not started: the supervisor sees no process of it.
            Err(_) => std::process::exit(126),
            Ok(Some(child)) => {
                let _ = sys::poll_in(&[child.pidfd.as_fd()], PATIENCE_MS);
                reap();
            }
        }
    }
    std::process::exit(0)
}

/// Runs all that `launch` has to run first, each to its end. What it leaves running goes on.
///
/// # Errors
/// The position of the first that did not end with code 0.
pub(super) fn set_up(launch: &Launch) -> Result<(), usize> {
    // until the program is executed nobody looks into this process's memory, root inside or not
    sys::prctl(libc::PR_SET_DUMPABLE, 0).map_err(|_| 0usize)?;
    for (at, argv) in launch.setup.iter().enumerate() {
        // SAFETY: the launcher has one thread, so the child may do whatever a program may.
        match unsafe { super::clone::clone3(0, None) } {
            Ok(None) => {
                let own = Launch { argv: argv.clone(), controls: Default::default(), ..launch.clone() };
                let _ = become_program(&own, None);
                std::process::exit(127)
            }
            Ok(Some(child)) => {
                let mut status = 0;
                // SAFETY: `status` is valid for the time of the call.
                let ended = unsafe { libc::waitpid(child.pid, &raw mut status, 0) };
                if ended != child.pid || status != 0 {
                    return Err(at);
                }
            }
            Err(_) => return Err(at),
        }
    }
    Ok(())
}

/// Takes the ends of all jobs that have ended.
fn reap() {
    let mut status = 0;
    // SAFETY: `status` is valid for the time of the call.
    while unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } > 0 {}
}

/// The child's part. Never returns; 127 where there is no such program, 126 where it can't be executed.
fn begin(launch: &Launch, job: &Job) -> ! {
    let _ = rustix::process::setsid();
    if give_stdin(&job.stdin).is_err() {
        std::process::exit(125);
    }
    let own = Launch {
        argv: job.argv.clone(),
        env: job.env.clone(),
        cwd: job.cwd.clone(),
        uid: job.uid,
        gid: job.gid,
        jobs: Vec::new(),
        ..launch.clone()
    };
    let missing =
        matches!(become_program(&own, Some(&job.program)).raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR));
    std::process::exit(if missing { 127 } else { 126 })
}

/// Puts `text` where the program reads it.
fn give_stdin(text: &[u8]) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // An empty pipe of the usual size takes it all; a longer text is cut and never blocks.
    rustix::fs::fcntl_setfl(&write, rustix::fs::OFlags::NONBLOCK)?;
    rustix::io::write(&write, text)?;
    // SAFETY: both descriptors are valid; nothing owns 0 here.
    sys::check(unsafe { libc::dup2(read.as_fd().as_raw_fd(), 0) }.into()).map(drop)
}
