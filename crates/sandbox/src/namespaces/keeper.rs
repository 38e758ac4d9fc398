//! The keeper: a process that the launcher leaves beside the program, and that runs what watches it.
//!
//! It was never executed and is not dumpable, as a starter is, so that an attack looks into none of it. It is a child
//! of init, and what its programs leave running becomes its own child: whatever does not descend from it belongs to
//! the attack. It tells the supervisor what happens over a socket of its own, and ends when that is closed.

use super::clone::{Child, clone3};
use super::launcher::become_program;
use super::protocol::{Launch, Report, Watch};
use crate::controls::monitor::When;
use crate::sys;
use rustix::net::SendFlags;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long a watching program may take to end once it is told to.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Leaves a keeper behind; `fds` are its socket and the outputs of what it runs, in order.
pub(super) fn leave(launch: &Launch, fds: &[OwnedFd]) -> io::Result<()> {
    // until the program is executed nobody looks into this process's memory, root inside or not
    sys::prctl(libc::PR_SET_DUMPABLE, 0)?;
    // SAFETY: the launcher has one thread, so the child may do whatever a program may.
    match unsafe { clone3(0, None) }? {
        Some(child) => match wait(child.pid)? {
            0 => Ok(()),
            _ => Err(io::Error::other("it can't be left behind")),
        },
        // a grandchild, so that it is init's and not the program's
        // SAFETY: as above.
        None => match unsafe { clone3(0, None) } {
            Ok(None) => {
                let kept = keep(launch, fds);
                if let (Err(e), Some(socket)) = (&kept, fds.first()) {
                    // without a supervisor nobody hears it
                    let _ = say(socket, &Report::Broken { errno: e.raw_os_error().unwrap_or(0) });
                }
                std::process::exit(i32::from(kept.is_err()))
            }
            made => std::process::exit(i32::from(made.is_err())),
        },
    }
}

fn say(socket: &OwnedFd, report: &Report) -> io::Result<()> {
    rustix::net::send(socket, &serde_json::to_vec(report)?, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// A program that runs.
struct Running {
    number: usize,
    child: Child,
}

fn keep(launch: &Launch, fds: &[OwnedFd]) -> io::Result<()> {
    let (socket, outputs) = fds.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let _ = rustix::process::setsid();
    sys::prctl(libc::PR_SET_CHILD_SUBREAPER, 1)?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
    for number in 0..3 {
        // SAFETY: both descriptors are valid; nothing owns 0, 1 and 2 here.
        sys::check(unsafe { libc::dup2(null.as_raw_fd(), number) }.into())?;
    }
    drop(null);
    close_all_but(fds)?;
    let say = |report: &Report| say(socket, report);
    for (number, watch) in launch.monitors.iter().enumerate() {
        for line in &watch.setup {
            let status = match begin(launch, watch, line, &outputs[number])? {
                Ok(child) => wait(child.pid)?,
                Err(errno) => return say(&Report::NotStarted { number, errno }),
            };
            if status != 0 {
                return say(&Report::NotSetUp { number, status });
            }
        }
    }
    let mut running = Vec::new();
    for (number, watch) in launch.monitors.iter().enumerate().filter(|(_, watch)| watch.when != When::After) {
        match begin(launch, watch, &watch.argv, &outputs[number])? {
            Ok(child) => running.push(Running { number, child }),
            Err(errno) => return say(&Report::NotStarted { number, errno }),
        }
    }
    say(&Report::Watching { keeper: std::process::id() })?;
    let mut told = None;
    while told.is_none() || !running.is_empty() {
        let left = told.map(|at: Instant| LAST_WORDS.saturating_sub(at.elapsed()));
        let mut polled = vec![socket.as_fd()];
        polled.extend(running.iter().map(|one| one.child.pidfd.as_fd()));
        let ready = sys::poll_in(&polled, left.map_or(-1, |left| left.as_millis() as i32))?;
        let mut at = 0;
        let mut ended = Vec::new();
        running.retain(|one| {
            at += 1;
            if ready[at] {
                ended.push((one.number, one.child.pid));
            }
            !ready[at]
        });
        for (number, pid) in ended {
            let status = wait(pid)?;
            say(&Report::Ended { number, status, early: told.is_none() })?;
        }
        if ready[0] && told.is_none() {
            if rustix::net::recv(socket, &mut [0u8; 1], rustix::net::RecvFlags::empty())?.0 == 0 {
                return Ok(());
            }
            told = Some(Instant::now());
            signal(&running, libc::SIGTERM);
            // one that was stopped takes no signal otherwise
            signal(&running, libc::SIGCONT);
        } else if left.is_some_and(|left| left.is_zero()) {
            signal(&running, libc::SIGKILL);
        }
    }
    for (number, watch) in launch.monitors.iter().enumerate().filter(|(_, watch)| watch.when == When::After) {
        match begin(launch, watch, &watch.argv, &outputs[number])? {
            Ok(child) => say(&Report::Ended { number, status: wait(child.pid)?, early: false })?,
            Err(errno) => say(&Report::NotStarted { number, errno })?,
        }
    }
    say(&Report::Done)
}

fn signal(running: &[Running], number: i32) {
    for one in running {
        // one that is gone already needs none
        let _ = sys::pidfd_signal(one.child.pidfd.as_fd(), number);
    }
}

/// Starts a program: the child, or the error of its exec.
fn begin(
    launch: &Launch,
    watch: &Watch,
    argv: &[Vec<u8>],
    output: &OwnedFd,
) -> io::Result<Result<Child, i32>> {
    let inside = watch.when == When::Inside;
    let (failed, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    // SAFETY: the keeper has one thread, so the child may do whatever a program may.
    let child = match unsafe { clone3(0, None) }? {
        Some(child) => child,
        None => {
            let _ = rustix::process::setsid();
            for number in [1, 2] {
                // SAFETY: both descriptors are valid; nothing owns 1 and 2 here.
                if unsafe { libc::dup2(output.as_raw_fd(), number) } < 0 {
                    std::process::exit(125);
                }
            }
            let as_root = launch.groups && !inside;
            let own = Launch {
                argv: argv.to_vec(),
                cwd: b"/".to_vec(),
                uid: if as_root { 0 } else { launch.uid },
                gid: if as_root { 0 } else { launch.gid },
                controls: if inside { launch.controls.clone() } else { Default::default() },
                ..launch.clone()
            };
            let errno = become_program(&own, None).raw_os_error().unwrap_or(0);
            let _ = rustix::io::write(&tell, &errno.to_ne_bytes());
            std::process::exit(127)
        }
    };
    drop(tell);
    let mut errno = [0u8; 4];
    match rustix::io::read(&failed, &mut errno)? {
        0 => Ok(Ok(child)),
        _ => {
            wait(child.pid)?;
            Ok(Err(i32::from_ne_bytes(errno)))
        }
    }
}

/// Waits for a child's end, and takes those of orphans that ended meanwhile.
fn wait(pid: i32) -> io::Result<i32> {
    loop {
        let mut status = 0;
        // SAFETY: `status` is valid for the time of the call.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL) };
        match sys::check(ended.into()) {
            Ok(_) if ended == pid => return Ok(status),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Closes whatever is not one of `fds`, nor 0, 1 and 2: the launcher's own connection among them.
fn close_all_but(fds: &[OwnedFd]) -> io::Result<()> {
    let mut kept: Vec<u32> = fds.iter().map(|fd| fd.as_raw_fd() as u32).collect();
    kept.sort_unstable();
    let mut first = 3;
    for end in kept.into_iter().chain([u32::MAX]) {
        if first < end {
            // SAFETY: closes descriptors that nothing uses any more; no memory is passed.
            sys::check(unsafe { libc::syscall(libc::SYS_close_range, first, end - 1, 0) })?;
        }
        first = end.saturating_add(1);
    }
    Ok(())
}
