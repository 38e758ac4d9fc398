//! The traced threads and processes, and what is remembered of each between its stops.

use super::watch::Handling;
use crate::raw::{Abi, RawCredentials, RawObject, Taken};
use detektr_event::Copied;
use std::collections::HashMap;

/// A call between its entry and its return.
pub(super) struct InFlight {
    pub(super) handling: Handling,
    pub(super) abi: Abi,
    pub(super) arch: u32,
    pub(super) nr: u32,
    pub(super) args: [u64; 6],
    pub(super) entry_ns: u64,
    pub(super) taken: Vec<Taken>,
    /// The sensor had the kernel skip it.
    pub(super) refused: bool,
    /// Our own filter passed it on to us: no filter of the artifact had decided it.
    pub(super) passed_filters: bool,
    /// It made a child, whose birth was told.
    pub(super) born: bool,
    /// First argument to be put back at return.
    pub(super) restore: Option<u64>,
    /// It was entered as another call, so that its first three arguments must be put back at return.
    pub(super) rewritten: bool,
    /// Memory word to be put back at return.
    pub(super) restore_word: Option<(u64, u64)>,
}

/// One thread.
pub(super) struct Thread {
    pub(super) tgid: i32,
    pub(super) credentials: RawCredentials,
    /// Every call is stopped.
    pub(super) every_call: bool,
    pub(super) call: Option<InFlight>,
    /// A call that a signal interrupted and that may start over.
    pub(super) restarting: Option<InFlight>,
    /// The signal that its last call of that sort sent (0: none, or it was delivered).
    pub(super) signalled: i32,
}

/// What is remembered of an open file.
pub(super) enum Slot {
    /// Not a file whose writes are counted.
    Other,
    /// A file, and what was written to it.
    File(Box<Written>),
}

/// Counts of one open file.
pub(super) struct Written {
    pub(super) object: RawObject,
    pub(super) bytes: u64,
    pub(super) calls: u64,
    pub(super) mapped: bool,
}

/// Where a process stands in the tree of files.
#[derive(Clone)]
pub(super) struct Place {
    /// The state of the world that it was looked at in.
    pub(super) generation: u64,
    pub(super) mount_namespace: u64,
    pub(super) root: Option<Copied>,
    pub(super) cwd: Option<RawObject>,
}

/// One process.
pub(super) struct Process {
    pub(super) env_tgid: u32,
    /// Threads that have not ended.
    pub(super) threads: usize,
    /// It is Detektr's launcher, and has not executed the artifact yet.
    pub(super) launcher: bool,
    /// Where it stands, as far as it was looked at.
    pub(super) place: Option<Place>,
    pub(super) files: HashMap<i32, Slot>,
    /// Shares memory with another process (vfork, CLONE_VM).
    pub(super) shares_memory: bool,
}

/// All of them.
#[derive(Default)]
pub(super) struct Tasks {
    pub(super) threads: HashMap<i32, Thread>,
    pub(super) processes: HashMap<i32, Process>,
}

impl Process {
    pub(super) fn new(env_tgid: u32) -> Self {
        Process {
            env_tgid,
            threads: 0,
            launcher: false,
            place: None,
            files: HashMap::new(),
            shares_memory: false,
        }
    }
}

impl Thread {
    pub(super) fn new(tgid: i32, credentials: RawCredentials, every_call: bool) -> Self {
        Thread { tgid, credentials, every_call, call: None, restarting: None, signalled: 0 }
    }
}

impl Tasks {
    /// Adds a thread, and its process where that is new.
    pub(super) fn add(&mut self, tid: i32, thread: Thread, env_tgid: u32) -> &mut Process {
        let process = self.processes.entry(thread.tgid).or_insert_with(|| Process::new(env_tgid));
        process.threads += 1;
        self.threads.insert(tid, thread);
        process
    }

    /// The threads of a process.
    pub(super) fn of_process(&self, tgid: i32) -> Vec<i32> {
        self.threads.iter().filter(|(_, thread)| thread.tgid == tgid).map(|(&tid, _)| tid).collect()
    }
}
