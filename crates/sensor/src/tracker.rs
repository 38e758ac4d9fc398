//! Who is who: the processes and threads of one environment, by the sensor's numbers, over births, execs and ends.
//!
//! The kernel uses numbers again, so an entry lives from a birth to the next birth with its number, and stays for
//! a while after its end: open files are closed, and told, after the exit itself. A record of a process whose
//! birth was not seen makes an entry marked unknown, and the stream has a hole.

use crate::decode::View;
use crate::raw::{Birth, RawCredentials, RawExit};
use detektr_event::{Actor, Copied, ProcessId, Unreadable};
use std::collections::{HashMap, HashSet, VecDeque};

/// How many ended processes and threads are remembered.
const REMEMBERED: usize = 16_384;

const CLONE_NEWNS: u64 = 0x0002_0000;

/// Numbers, in the environment's pid namespace, of the processes and threads that were born or that ended. A
/// number stands as often as it was used. A process's first thread counts as the process, not as a thread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Population {
    /// Processes.
    pub processes: Vec<u32>,
    /// Threads beside the first of each process, workers of io_uring included.
    pub threads: Vec<u32>,
}

/// One process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub start_ns: u64,
    pub env_tgid: u32,
    pub execs: u32,
    pub exe: Copied,
    pub actor: Actor,
    pub view: View,
    pub credentials: Option<RawCredentials>,
    /// Detektr's launcher, before its first successful exec.
    launcher: bool,
    /// Its birth was not seen.
    unknown: bool,
    ended: bool,
    serial: u64,
}

impl Process {
    /// Its identity now.
    pub fn id(&self) -> ProcessId {
        ProcessId::new(self.start_ns, self.env_tgid, self.execs)
    }
}

/// One thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub env_tid: u32,
    /// Effective user id in the host's numbering, where it is known.
    pub euid: Option<u32>,
    tgid: u32,
    /// It has made no call since its birth.
    fresh: bool,
    ended: bool,
    serial: u64,
}

/// What a birth turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Born {
    /// A process or thread of a known maker.
    Known,
    /// A process whose maker is not of the environment: the launcher, or the child of one that was missed.
    Outside,
    /// It was told before.
    Again,
}

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Tracker {
    processes: HashMap<u32, Process>,
    threads: HashMap<u32, Thread>,
    /// Ended processes (`true`) and threads by number and serial, oldest first.
    ended: VecDeque<(bool, u32, u64)>,
    /// Launchers by number whose birth is still to come.
    announced: HashSet<u32>,
    /// Of each child that the launcher makes, in order: it acts for the artifact from its first exec on.
    starts: VecDeque<bool>,
    /// Serials of processes born from outside that nobody called a launcher yet.
    strays: HashSet<u64>,
    serial: u64,
    pub births: Population,
    pub exits: Population,
    /// Processes whose birth was not seen.
    pub unknown_processes: u64,
    /// Threads of known processes whose birth was not seen.
    pub unknown_threads: u64,
    /// Processes whose end was not seen before their number was used again.
    pub missed_ends: u64,
}

impl Tracker {
    /// Process `tgid` is Detektr's launcher, born or about to be.
    pub fn launcher(&mut self, tgid: u32) {
        match self.processes.get_mut(&tgid) {
            Some(process) if !process.ended && !process.unknown => {
                self.strays.remove(&process.serial);
                if process.execs == 0 {
                    process.launcher = true;
                    process.actor = Actor::Environment;
                }
            }
            _ => {
                self.announced.insert(tgid);
            }
        }
    }

    /// The launcher is a starter: of its children, in order, those marked act for the artifact.
    pub fn starter(&mut self, starts: VecDeque<bool>) {
        self.starts = starts;
    }

    /// How many processes came from outside without being a launcher.
    pub fn strays(&self) -> usize {
        self.strays.len()
    }

    /// Processes that have not ended.
    pub fn living(&self) -> usize {
        self.processes.values().filter(|process| !process.ended).count()
    }

    /// How many entries the table has, ended ones included.
    #[cfg(test)]
    pub fn remembered(&self) -> usize {
        self.processes.len() + self.threads.len()
    }

    pub fn process(&self, tgid: u32) -> Option<&Process> {
        self.processes.get(&tgid)
    }

    pub fn process_mut(&mut self, tgid: u32) -> Option<&mut Process> {
        self.processes.get_mut(&tgid)
    }

    pub fn thread(&self, tid: u32) -> Option<&Thread> {
        self.threads.get(&tid)
    }

    /// Whether the thread's next call is its first; it is no more afterwards.
    pub fn first_call(&mut self, tid: u32) -> bool {
        self.threads.get_mut(&tid).is_some_and(|thread| std::mem::take(&mut thread.fresh))
    }

    /// Makes sure that process and thread of a record have an entry.
    pub fn ensure(&mut self, tgid: u32, tid: u32) {
        if !self.processes.contains_key(&tgid) {
            self.unknown_processes += 1;
            let launcher = self.announced.remove(&tgid);
            let process = Process {
                start_ns: 0,
                env_tgid: tgid,
                execs: 0,
                exe: Unreadable::NotCopied.into(),
                actor: if launcher { Actor::Environment } else { Actor::Artifact },
                view: View::default(),
                credentials: None,
                launcher,
                unknown: true,
                ended: false,
                serial: self.next(),
            };
            self.put_thread(tgid, tgid, process.env_tgid, None, false);
            self.processes.insert(tgid, process);
        }
        if self.threads.get(&tid).is_none_or(|thread| thread.tgid != tgid) {
            let env_tgid = self.processes.get(&tgid).map_or(tgid, |process| process.env_tgid);
            if tid != tgid {
                self.unknown_threads += 1;
            }
            self.put_thread(tid, tgid, if tid == tgid { env_tgid } else { tid }, None, false);
        }
    }

    /// The thread's effective user id is `euid` (host's numbering).
    pub fn set_euid(&mut self, tid: u32, euid: u32) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.euid = Some(euid);
        }
    }

    /// A birth, made by thread `maker_tid` of `maker`.
    pub fn birth(&mut self, maker: u32, maker_tid: u32, birth: &Birth) -> Born {
        let euid = self.threads.get(&maker_tid).and_then(|thread| thread.euid);
        if birth.tid != birth.tgid {
            if self.threads.get(&birth.tid).is_some_and(|old| old.tgid == birth.tgid && !old.ended) {
                return Born::Again;
            }
            self.births.threads.push(birth.env_tid);
            if !self.processes.contains_key(&birth.tgid) {
                self.ensure(birth.tgid, birth.tgid);
            }
            self.put_thread(birth.tid, birth.tgid, birth.env_tid, euid, true);
            return Born::Known;
        }
        match self.processes.get_mut(&birth.tgid) {
            Some(old) if old.unknown && !old.ended => {
                old.unknown = false;
                old.start_ns = birth.start_ns;
                old.env_tgid = birth.env_tgid;
                self.births.processes.push(birth.env_tgid);
                if let Some(thread) = self.threads.get_mut(&birth.tid) {
                    thread.env_tid = birth.env_tid;
                }
                let known = self.processes.contains_key(&maker);
                return if known { Born::Known } else { Born::Outside };
            }
            Some(old) if old.start_ns == birth.start_ns => return Born::Again,
            // What a sensor adopts it may tell by another clock than its hooks do.
            Some(old) if !old.ended && (old.launcher || self.strays.contains(&old.serial)) => {
                return Born::Again;
            }
            Some(old) if !old.ended => {
                self.missed_ends += 1;
                let serial = old.serial;
                self.strays.remove(&serial);
            }
            _ => {}
        }
        self.births.processes.push(birth.env_tgid);
        let serial = self.next();
        let announced = self.announced.remove(&birth.tgid);
        let parent = self.processes.get(&maker).filter(|_| maker != birth.tgid);
        let started = parent.is_some_and(|parent| parent.launcher);
        let launcher = announced || (started && self.starts.pop_front() == Some(true));
        let born = if parent.is_some() { Born::Known } else { Born::Outside };
        let process = Process {
            start_ns: birth.start_ns,
            env_tgid: birth.env_tgid,
            execs: 0,
            exe: parent.map_or_else(|| Unreadable::NotCopied.into(), |parent| parent.exe.clone()),
            actor: match parent {
                _ if launcher => Actor::Environment,
                Some(parent) => parent.actor,
                None => Actor::Artifact,
            },
            // A mount namespace of its own: the next look at a working directory tells which.
            view: parent
                .filter(|_| birth.flags & CLONE_NEWNS == 0)
                .map(|parent| parent.view.clone())
                .unwrap_or_default(),
            credentials: parent.and_then(|parent| parent.credentials),
            launcher,
            unknown: false,
            ended: false,
            serial,
        };
        if born == Born::Outside && !launcher {
            self.strays.insert(serial);
        }
        self.processes.insert(birth.tgid, process);
        self.put_thread(birth.tid, birth.tgid, birth.env_tid, euid, true);
        born
    }

    /// A successful exec by thread `old_tid`, which now leads `tgid`. Tells whether it was the launcher's first.
    pub fn exec(&mut self, tgid: u32, old_tid: u32, exe: Copied, credentials: RawCredentials) -> bool {
        if old_tid != tgid
            && let Some(thread) = self.threads.remove(&old_tid)
        {
            self.exits.threads.push(thread.env_tid);
        }
        let Some(process) = self.processes.get_mut(&tgid) else { return false };
        process.execs = process.execs.saturating_add(1);
        process.exe = exe;
        process.credentials = Some(credentials);
        let env_tgid = process.env_tgid;
        let first = std::mem::take(&mut process.launcher);
        if first {
            process.actor = Actor::Artifact;
        }
        self.put_thread(tgid, tgid, env_tgid, Some(credentials.uids[1]), false);
        first
    }

    /// A thread's end.
    pub fn exit(&mut self, tgid: u32, tid: u32, exit: &RawExit) {
        if let Some(thread) = self.threads.get_mut(&tid) {
            // A leader that ends before its process is counted with the process: its number may yet be taken
            // over by a thread that executes a program.
            if !thread.ended && tid != tgid {
                self.exits.threads.push(thread.env_tid);
            }
            thread.ended = true;
            self.ended.push_back((false, tid, thread.serial));
        }
        if exit.process_ended
            && let Some(process) = self.processes.get_mut(&tgid)
            && !process.ended
        {
            process.ended = true;
            self.exits.processes.push(process.env_tgid);
            self.ended.push_back((true, tgid, process.serial));
        }
        while self.ended.len() > REMEMBERED {
            match self.ended.pop_front() {
                Some((true, tgid, serial)) => {
                    if self.processes.get(&tgid).is_some_and(|process| process.serial == serial) {
                        self.processes.remove(&tgid);
                    }
                }
                Some((false, tid, serial)) => {
                    if self.threads.get(&tid).is_some_and(|thread| thread.serial == serial) {
                        self.threads.remove(&tid);
                    }
                }
                None => break,
            }
        }
    }

    fn put_thread(&mut self, tid: u32, tgid: u32, env_tid: u32, euid: Option<u32>, fresh: bool) {
        let serial = self.next();
        self.threads.insert(tid, Thread { env_tid, euid, tgid, fresh, ended: false, serial });
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}
