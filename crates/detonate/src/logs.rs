//! What programs log: a thread reads the environment's log sockets, and each message waits until its process is known.
//!
//! The kernel says who sent a message (`SCM_CREDENTIALS`, unix(7)). A reader that is too slow, or a program that logs
//! without end, costs messages and never the program's time: what is not kept is counted.

use detektr_event::{Copied, Detail, Event, LogMessage, Outcome, Phase, ProcessRef, SensorName, Timestamp};
use detektr_evidence::Counts;
use detektr_sandbox::LOG_SOCKETS;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::SealFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, RecvMsg, recvmsg};
use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

/// Messages between thread and recorder.
const QUEUE: usize = 4_096;
/// How many bytes of messages are kept of one run.
const KEPT: u64 = 16 << 20;
/// The longest message that is kept whole: what syslog daemons take at most.
const LONGEST: usize = 64 << 10;
/// Messages that wait for their process.
const WAITING: usize = 4_096;

/// One message as it came.
struct Message {
    boot_ns: u64,
    pid: Option<u32>,
    socket: &'static str,
    message: Copied,
}

/// The end that the recorder reads.
pub struct Logs {
    messages: Receiver<Message>,
    waiting: VecDeque<Message>,
    boot_to_wall_ns: i64,
    dropped: Arc<AtomicU64>,
    told: u64,
}

/// Ends the thread when it goes.
pub struct Reading {
    _stop: OwnedFd,
}

/// Reads the sockets (in the order of [`LOG_SOCKETS`]) from now on, until [`Reading`] goes.
pub fn read(sockets: Vec<OwnedFd>, boot_to_wall_ns: i64) -> io::Result<(Reading, Logs)> {
    let (sender, messages) = sync_channel(QUEUE);
    let (wait, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let dropped = Arc::new(AtomicU64::new(0));
    std::thread::Builder::new().name("logs".into()).spawn({
        let dropped = dropped.clone();
        move || serve(&sockets, &wait, &sender, &dropped)
    })?;
    let logs = Logs { messages, waiting: VecDeque::new(), boot_to_wall_ns, dropped, told: 0 };
    Ok((Reading { _stop: stop }, logs))
}

/// Reads until `wait`'s other end is closed, and then what is there already.
fn serve(sockets: &[OwnedFd], wait: &OwnedFd, sender: &SyncSender<Message>, dropped: &AtomicU64) {
    let mut room = KEPT;
    let mut buffer = vec![0; LONGEST];
    loop {
        let mut polled: Vec<PollFd<'_>> = sockets.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        polled.push(PollFd::new(wait, PollFlags::IN));
        match poll(&mut polled, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
        let ready = |at: usize| !polled[at].revents().is_empty();
        let stopped = ready(sockets.len());
        let mut any = false;
        for (at, socket) in sockets.iter().enumerate().filter(|(at, _)| ready(*at)) {
            let Some((pid, message)) = receive(socket, &mut buffer) else { continue };
            any = true;
            let length = message.text().map_or(0, |text| text.as_bytes().len()) as u64;
            let message = Message { boot_ns: crate::clock::boot_ns(), pid, socket: LOG_SOCKETS[at], message };
            let sent =
                if length > room { Err(TrySendError::Full(message)) } else { sender.try_send(message) };
            match sent {
                Ok(()) => room -= length,
                Err(TrySendError::Full(_)) => {
                    dropped.fetch_add(1, Ordering::Relaxed);
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
        if stopped && !any {
            return;
        }
    }
}

/// One datagram, without waiting for it.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> Option<(Option<u32>, Copied)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16), ScmCredentials(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC | RecvFlags::TRUNC;
    let RecvMsg { bytes, .. } = recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags).ok()?;
    let mut pid = None;
    let mut passed = Vec::new();
    for message in control.drain() {
        match message {
            RecvAncillaryMessage::ScmRights(fds) => passed.extend(fds),
            RecvAncillaryMessage::ScmCredentials(credentials) => {
                pid = u32::try_from(credentials.pid.as_raw_nonzero().get()).ok();
            }
            _ => {}
        }
    }
    let text = &buffer[..bytes.min(buffer.len())];
    // A message of the journal that is too large for a datagram comes as a sealed memfd.
    let large = passed.iter().filter(|_| bytes == 0).find_map(in_memory);
    let message = match large {
        Some((bytes, whole)) => copied(bytes, whole),
        None => copied(text.to_vec(), bytes as u64),
    };
    Some((pid, message))
}

fn copied(bytes: Vec<u8>, whole: u64) -> Copied {
    if bytes.len() as u64 == whole {
        Copied::whole(bytes)
    } else {
        Copied::Truncated { text: bytes.into(), truncated: whole }
    }
}

/// The content of a memfd, and its whole length; of nothing else, since reading it could wait for ever.
fn in_memory(fd: &OwnedFd) -> Option<(Vec<u8>, u64)> {
    let seals = rustix::fs::fcntl_get_seals(fd).ok()?;
    let whole = u64::try_from(rustix::fs::fstat(fd).ok()?.st_size).ok()?;
    if !seals.contains(SealFlags::SHRINK | SealFlags::WRITE) {
        return None;
    }
    let mut bytes = vec![0; whole.min(LONGEST as u64) as usize];
    let mut got = 0;
    while got < bytes.len() {
        match rustix::io::pread(fd.as_fd(), &mut bytes[got..], got as u64) {
            Ok(0) => break,
            Ok(length) => got += length,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return None,
        }
    }
    bytes.truncate(got);
    Some((bytes, whole))
}

impl Logs {
    /// Messages that came before `until` (nanoseconds since boot) and whose process `known` knows, as events; without
    /// `until` all that there will be. To be asked before anything later is decoded: a process that executes another
    /// program has another identity.
    pub fn take(
        &mut self,
        phase: Phase,
        until: Option<u64>,
        known: impl Fn(u32) -> Option<ProcessRef>,
        events: &mut Vec<Event>,
    ) {
        match until {
            Some(_) => self.waiting.extend(self.messages.try_iter()),
            // The thread ends by itself when everything is read.
            None => self.waiting.extend(self.messages.iter()),
        }
        if self.waiting.front().is_none_or(|first| until.is_some_and(|until| first.boot_ns >= until)) {
            return;
        }
        let mut later = VecDeque::new();
        for message in std::mem::take(&mut self.waiting) {
            let early = until.is_none_or(|until| message.boot_ns < until);
            let process = message.pid.filter(|_| early).and_then(&known);
            if until.is_some() && process.is_none() && later.len() < WAITING {
                later.push_back(message);
                continue;
            }
            let Message { boot_ns, socket, message, .. } = message;
            let wall = i64::try_from(boot_ns).unwrap_or(i64::MAX).saturating_add(self.boot_to_wall_ns);
            self.told += 1;
            events.push(Event {
                seq: 0,
                time: Timestamp(wall),
                boot_ns,
                phase,
                sensor: SensorName::Detektr,
                process,
                outcome: Outcome::SUCCESS,
                detail: Detail::LogMessage { log: LogMessage { message, socket: socket.into() } },
                syscall: None,
            });
        }
        self.waiting = later;
    }

    /// How many messages there were, how many were told, and how many were not kept.
    pub fn counts(&self) -> Counts {
        let dropped = self.dropped.load(Ordering::Relaxed);
        Counts {
            attempted: self.told + dropped,
            emitted: self.told,
            dropped,
            received: self.told,
            ..Counts::default()
        }
    }
}
