//! The tracer: one thread that seizes the launcher and handles every stop of what descends from it. It never waits
//! for anything but its tracees (and, when records pile up, their reader).

use super::outbox::Outbox;
use super::procfs::{self, Objects};
use super::sys::{self, Resume, Waited};
use super::tasks::{Tasks, Thread};
use crate::hashes::Hashes;
use crate::raw::{Birth, Body, Raw, RawExit};
use crate::sensor::{Counts, Hole};
use detektr_event::Kind;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

/// How long the last tracees may take to die after `finish`.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the owner asks of the tracer thread.
pub(super) enum Command {
    /// Seize this process.
    Adopt(u32, Sender<io::Result<()>>),
    /// Everything is over: end when no tracee is left.
    Finish(Sender<()>),
}

/// What the tracer knows at its end.
pub(super) struct Report {
    pub(super) counts: BTreeMap<Kind, Counts>,
    pub(super) holes: Vec<Hole>,
}

/// The state of the tracer thread.
pub(super) struct Tracer {
    pub(super) tasks: Tasks,
    /// First stops of children whose birth has not been told yet.
    early: HashMap<i32, i32>,
    /// Ends of children whose birth has not been told yet.
    early_ends: HashMap<i32, i32>,
    /// Threads whose end was told, and which `wait` has still to report.
    ending: HashSet<i32>,
    pub(super) objects: Objects,
    pub(super) hashes: Hashes,
    pub(super) outbox: Outbox,
    /// Position of the environment's pid namespace in `NSpid`.
    level: usize,
    pub(super) observe_stat: bool,
    /// Counts what may have moved anybody's working or root directory.
    pub(super) generation: u64,
    /// Some processes share their directories (CLONE_FS without CLONE_THREAD).
    pub(super) directories_shared: bool,
    /// Somebody installed a seccomp filter that asks a listener.
    pub(super) listener: bool,
    pub(super) holes: Vec<Hole>,
}

/// Runs the tracer until it is told to finish (or its owner is gone) and no tracee is left.
pub(super) fn run(commands: &Receiver<Command>, outbox: Outbox, observe_stat: bool) -> Report {
    let mut tracer = Tracer {
        tasks: Tasks::default(),
        early: HashMap::new(),
        early_ends: HashMap::new(),
        ending: HashSet::new(),
        objects: Objects::new(),
        hashes: Hashes::default(),
        outbox,
        level: 0,
        observe_stat,
        generation: 0,
        directories_shared: false,
        listener: false,
        holes: Vec::new(),
    };
    tracer.serve(commands);
    tracer.close()
}

impl Tracer {
    fn serve(&mut self, commands: &Receiver<Command>) {
        let mut finish_by: Option<Instant> = None;
        loop {
            match commands.try_recv() {
                Ok(command) => self.obey(command, &mut finish_by),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            if finish_by.is_some_and(|deadline| Instant::now() > deadline) {
                return;
            }
            match sys::wait(true) {
                Ok(Some(Waited::Status(tid, status))) => self.report(tid, status),
                Ok(Some(Waited::NoneLeft)) if finish_by.is_some() => return,
                Ok(Some(Waited::NoneLeft)) => match commands.recv() {
                    Ok(command) => self.obey(command, &mut finish_by),
                    Err(_) => return,
                },
                Ok(Some(Waited::Interrupted) | None) => {}
                Err(error) => {
                    self.hole("sensor_lost", format!("waiting for traced processes failed: {error}"));
                    return;
                }
            }
        }
    }

    fn obey(&mut self, command: Command, finish_by: &mut Option<Instant>) {
        // An owner that no longer listens needs no answer.
        match command {
            Command::Adopt(pid, answer) => {
                let _ = answer.send(self.adopt(pid as i32));
            }
            Command::Finish(answer) => {
                *finish_by = Some(Instant::now() + PATIENCE);
                let _ = answer.send(());
            }
        }
    }

    fn close(mut self) -> Report {
        let left = self.tasks.threads.len();
        if left > 0 {
            self.hole(
                "sensor_lost",
                format!("{left} traced threads were still there at the end, and were killed"),
            );
        }
        Report { counts: self.outbox.counts(), holes: self.holes }
    }

    pub(super) fn hole(&mut self, reason: &'static str, detail: String) {
        if self.holes.len() < 100 {
            self.holes.push(Hole { reason, detail });
        }
    }

    /// Emits a record of thread `tid`.
    pub(super) fn emit(&mut self, tid: i32, body: Body) {
        let thread = self.tasks.threads.get(&tid);
        let tgid = thread.map_or(tid, |thread| thread.tgid);
        let euid = thread.map(|thread| thread.credentials.uids[1]);
        self.outbox.put(Raw { boot_ns: sys::boot_ns(), tgid: tgid as u32, tid: tid as u32, euid, body });
    }

    fn adopt(&mut self, pid: i32) -> io::Result<()> {
        let status = procfs::status(pid)?;
        self.level = status.tids.len().saturating_sub(1);
        sys::seize(pid)?;
        let env = status.tids.last().copied().unwrap_or(0);
        let birth = Birth {
            tgid: pid as u32,
            tid: pid as u32,
            env_tgid: env,
            env_tid: env,
            start_ns: sys::boot_ns(),
            flags: 0,
            io_worker: false,
        };
        let parent = status.ppid;
        self.outbox.put(Raw {
            boot_ns: birth.start_ns,
            tgid: parent,
            tid: parent,
            euid: None,
            body: Body::Birth(birth),
        });
        self.tasks.add(pid, Thread::new(pid, status.credentials, false), env).launcher = true;
        Ok(())
    }

    /// One report of the kernel.
    fn report(&mut self, tid: i32, status: i32) {
        if !libc::WIFSTOPPED(status) {
            if self.tasks.threads.contains_key(&tid) {
                self.ended(tid, status, false);
                self.ending.remove(&tid);
            } else if !self.ending.remove(&tid) {
                self.early.remove(&tid);
                self.early_ends.insert(tid, status);
            }
            return;
        }
        let event = status >> 16;
        if event == libc::PTRACE_EVENT_EXEC {
            self.ending.remove(&tid);
            self.executed(tid);
            return;
        }
        if !self.tasks.threads.contains_key(&tid) {
            if self.ending.contains(&tid) {
                self.resume(tid, 0);
            } else {
                self.early.insert(tid, status);
            }
            return;
        }
        self.stopped(tid, libc::WSTOPSIG(status), event);
    }

    fn stopped(&mut self, tid: i32, signal: i32, event: i32) {
        match event {
            0 if signal == libc::SIGTRAP | 0x80 => self.call_stop(tid),
            0 => self.signal_stop(tid, signal),
            libc::PTRACE_EVENT_SECCOMP => self.seccomp_stop(tid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.born(tid, event)
            }
            libc::PTRACE_EVENT_EXIT => {
                let status = sys::event_message(tid).unwrap_or(libc::SIGKILL as u64) as i32;
                self.ended(tid, status, true);
                self.ending.insert(tid);
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                // A group stop: it lasts until SIGCONT. A thread that is gone meanwhile is reported by `wait`.
                drop(sys::resume(tid, Resume::Listen, 0));
            }
            _ => self.resume(tid, 0),
        }
    }

    /// Lets a stopped thread go on. A thread that was killed in its stop is reported by `wait` next.
    pub(super) fn resume(&mut self, tid: i32, signal: i32) {
        let to_call =
            self.tasks.threads.get(&tid).is_some_and(|thread| thread.every_call || thread.call.is_some());
        drop(sys::resume(tid, if to_call { Resume::ToCall } else { Resume::Run }, signal));
    }

    fn signal_stop(&mut self, tid: i32, signal: i32) {
        if let Ok((number, code, sender)) = sys::signal_info(tid)
            && self.is_from_kernel(tid, number, code, sender)
        {
            self.emit(tid, Body::KernelSignal { signal: number, code, walled: false });
        }
        if let Some(thread) = self.tasks.threads.get_mut(&tid)
            && thread.signalled == signal
        {
            thread.signalled = 0;
        }
        self.resume(tid, signal);
    }

    /// Whether no call of a process sent it. The kernel sends SIGPIPE and SIGXFSZ in the name of the process itself.
    /// SIGCHLD is left out: each end of a process has a record of its own.
    fn is_from_kernel(&self, tid: i32, signal: i32, code: i32, sender: i32) -> bool {
        const SI_USER: i32 = 0;
        if signal == libc::SIGCHLD {
            return false;
        }
        let Some(thread) = self.tasks.threads.get(&tid) else { return false };
        let own =
            self.tasks.processes.get(&thread.tgid).is_some_and(|process| process.env_tgid == sender as u32);
        code > 0
            || (code == SI_USER
                && own
                && thread.signalled != signal
                && matches!(signal, libc::SIGPIPE | libc::SIGXFSZ))
    }

    /// Thread `tid` made a child.
    fn born(&mut self, tid: i32, event: i32) {
        let Ok(child) = sys::event_message(tid) else { return self.resume(tid, 0) };
        let child = child as i32;
        let start_ns = sys::boot_ns();
        let Some(maker) = self.tasks.threads.get_mut(&tid) else { return };
        let (tgid, credentials, every_call) = (maker.tgid, maker.credentials, maker.every_call);
        let call = maker.call.take();
        let flags = match &call {
            Some(call) => {
                let name = call.name();
                super::take::clone_flags(name, &call.args, &call.taken)
            }
            // Before our filter was in place: the event tells a little.
            None if event == libc::PTRACE_EVENT_VFORK => (libc::CLONE_VFORK | libc::CLONE_VM) as u64,
            None => 0,
        };
        if let Some(mut call) = call
            && (call.restore.is_some() || call.restore_word.is_some())
            && let Some(maker) = self.tasks.threads.get_mut(&tid)
        {
            // Something is to be put back at the return; the birth itself tells the success.
            call.born = true;
            maker.call = Some(call);
        }
        let status = procfs::status(child).unwrap_or_default();
        let thread_of_maker = flags & libc::CLONE_THREAD as u64 != 0 || status.tgid == tgid as u32;
        let child_tgid = if thread_of_maker { tgid } else { child };
        let env_tid = status.tids.get(self.level).copied().unwrap_or(0);
        let env_tgid = status.tgids.get(self.level).copied().unwrap_or(0);
        let body = Body::Birth(Birth {
            tgid: child_tgid as u32,
            tid: child as u32,
            env_tgid,
            env_tid,
            start_ns,
            flags,
            io_worker: false,
        });
        self.emit(tid, body);
        let place = self.tasks.processes.get(&tgid).and_then(|process| process.place.clone());
        self.directories_shared |= !thread_of_maker && flags & libc::CLONE_FS as u64 != 0;
        let own_user_namespace = flags & libc::CLONE_NEWUSER as u64 != 0;
        let credentials = if own_user_namespace { status.credentials } else { credentials };
        // A process forked before the launcher's exec is the environment's still.
        let launcher = self.tasks.processes.get(&tgid).is_some_and(|process| process.launcher);
        let process = self.tasks.add(child, Thread::new(child_tgid, credentials, every_call), env_tgid);
        if !thread_of_maker {
            process.launcher = launcher;
            process.place = place.filter(|_| flags & libc::CLONE_NEWNS as u64 == 0);
            process.shares_memory = flags & libc::CLONE_VM as u64 != 0;
        }
        self.ending.remove(&child);
        self.resume(tid, 0);
        if let Some(status) = self.early_ends.remove(&child) {
            self.ended(child, status, false);
        } else if let Some(status) = self.early.remove(&child) {
            self.report(child, status);
        }
    }

    /// Thread `tid` ended; it may still be reported by `wait`. `stands`: it stands still at its end.
    pub(super) fn ended(&mut self, tid: i32, status: i32, stands: bool) {
        self.unfinished(tid);
        let Some(thread) = self.tasks.threads.get(&tid) else { return };
        let tgid = thread.tgid;
        let process_ended = match self.tasks.processes.get_mut(&tgid) {
            Some(process) => {
                process.threads = process.threads.saturating_sub(1);
                process.threads == 0
            }
            None => true,
        };
        if process_ended {
            self.close_files(tid, |_| true);
        }
        let cpu_ns = if process_ended && stands { sys::cpu_ns(tgid) } else { None };
        self.emit(tid, Body::Exit(RawExit { status, process_ended, cpu_ns }));
        self.tasks.threads.remove(&tid);
        if process_ended {
            self.tasks.processes.remove(&tgid);
        }
    }

    /// Process number of `tgid` in the environment's pid namespace (0: outside).
    pub(super) fn env_pid(&self, tgid: u32) -> u32 {
        match self.tasks.processes.get(&(tgid as i32)) {
            Some(process) => process.env_tgid,
            None => procfs::status(tgid as i32)
                .ok()
                .and_then(|status| status.tgids.get(self.level).copied())
                .unwrap_or(0),
        }
    }
}
