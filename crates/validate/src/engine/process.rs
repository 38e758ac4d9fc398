//! One process of an engine: its input is a file, its output and its time are bounded, and what is left of its process
//! group when it ends is killed.

use super::{Ended, OUTPUT, TEXT};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What is kept of standard error, bytes.
const COMPLAINT: usize = 4096;
/// How often it is looked whether the user ended the validation.
const LOOK: Duration = Duration::from_millis(100);

/// What ends it.
pub(super) struct Bounds<'a> {
    pub(super) time: Duration,
    pub(super) cancel: &'a AtomicBool,
}

/// What came of it.
pub(super) struct Output {
    pub(super) ended: Ended,
    pub(super) content: Vec<u8>,
    pub(super) complaint: Option<String>,
}

/// Runs `program` in `folder`.
///
/// # Errors
/// Where it can't be started or watched.
pub(super) fn run(
    program: &Path,
    args: &[String],
    folder: &Path,
    input: File,
    bounds: &Bounds<'_>,
) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).process_group(0);
    command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env_clear().env("LANG", "C.UTF-8").env("TZ", "UTC").env("TMPDIR", folder);
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // this thread waits for it, and nobody would stop it in its place
    detektr_sandbox::tie(&mut command);
    let mut child = command.spawn()?;
    let watched = watch(&mut child, bounds);
    // before it is waited for, so that the number of the group is still its own
    if let Some(group) = Pid::from_raw(child.id().cast_signed()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    let (killed, content, told) = watched?;
    let ended = killed.unwrap_or_else(|| match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exit(code),
        (None, signal) => Ended::Signal(signal.unwrap_or_default()),
    });
    Ok(Output { ended, content, complaint: last_line(&told) })
}

/// Reads until it has ended by itself, or has to be ended.
fn watch(child: &mut Child, bounds: &Bounds<'_>) -> io::Result<(Option<Ended>, Vec<u8>, Vec<u8>)> {
    let pid = Pid::from_raw(child.id().cast_signed()).ok_or_else(|| io::Error::other("it has no number"))?;
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let mut out = Pipe::new(child.stdout.take(), OUTPUT)?;
    let mut err = Pipe::new(child.stderr.take(), COMPLAINT)?;
    let started = Instant::now();
    let killed = loop {
        let left = bounds.time.saturating_sub(started.elapsed());
        if left.is_zero() {
            break Some(Ended::TimedOut);
        }
        if bounds.cancel.load(Ordering::Relaxed) {
            break Some(Ended::Interrupted);
        }
        let over = {
            let mut all = vec![PollFd::new(&end, PollFlags::IN)];
            all.extend(out.source.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            all.extend(err.source.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
            let wait = Timespec::try_from(left.min(LOOK)).map_err(io::Error::other)?;
            match poll(&mut all, Some(&wait)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
            !all[0].revents().is_empty()
        };
        // after it has ended, what it wrote is all there
        out.read()?;
        err.read()?;
        if out.is_full() {
            break Some(Ended::TooMuch);
        }
        if over {
            break None;
        }
    };
    Ok((killed, out.content, err.content))
}

/// One end of a pipe, read without waiting.
struct Pipe<R> {
    source: Option<R>,
    content: Vec<u8>,
    bound: usize,
}

impl<R: Read + AsFd> Pipe<R> {
    fn new(source: Option<R>, bound: usize) -> io::Result<Self> {
        if let Some(pipe) = &source {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Pipe { source, content: Vec::new(), bound })
    }

    /// Reads what is there; what is beyond the bound is passed over.
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        while let Some(pipe) = &mut self.source {
            match pipe.read(&mut buffer) {
                Ok(0) => self.source = None,
                Ok(n) => {
                    let room = (self.bound + 1).saturating_sub(self.content.len());
                    self.content.extend_from_slice(&buffer[..n.min(room)]);
                    if room == 0 {
                        return Ok(());
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Whether there was more than is kept.
    fn is_full(&self) -> bool {
        self.content.len() > self.bound
    }
}

/// The last line that says something.
fn last_line(told: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(told);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    Some(line.trim().chars().filter(|c| !c.is_control()).take(TEXT).collect())
}
