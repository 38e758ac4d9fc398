//! Who started whom: built from a run's events in one pass.

use super::acts::Acts;
use crate::clean::clean;
use detektr_event::{Actor, Copied, Detail, Event, Sha256};
use std::collections::HashMap;

/// Most processes kept; the rest is counted.
const KEPT: usize = 100_000;

/// The processes of a run.
#[derive(Debug, Default)]
pub struct Tree {
    /// In the order of birth.
    pub processes: Vec<Process>,
    /// Events of processes that were not kept, because there were too many.
    pub unkept_events: u64,
    index: HashMap<String, usize>,
}

/// One process, over all programs that it ran.
#[derive(Debug)]
pub struct Process {
    /// `START-PID`.
    pub id: String,
    /// Number in the environment.
    pub pid: u32,
    /// Position of its parent, where it is one of the run's.
    pub parent: Option<usize>,
    /// Positions of its children, in the order of birth.
    pub children: Vec<usize>,
    /// Program that it was born with.
    pub born_as: Copied,
    /// Programs that it executed, in order.
    pub programs: Vec<Program>,
    /// When it was first seen, in nanoseconds since boot.
    pub born_ns: u64,
    /// Number of the event that first told of it.
    pub born_seq: u64,
    /// When it ended, in nanoseconds since boot, where that was seen.
    pub ended_ns: Option<u64>,
    /// How it ended.
    pub end: Option<End>,
    /// Its effective user id, as last told.
    pub euid: u32,
    /// Events that it made.
    pub events: u64,
    /// Those of them that were no success.
    pub failures: u64,
    /// It is the artifact, or descends from it.
    pub artifact: bool,
    /// Threads made beside the first.
    pub threads: u64,
    /// What it did.
    pub acts: Acts,
}

/// One successful exec.
#[derive(Debug)]
pub struct Program {
    /// Number of the event.
    pub seq: u64,
    /// The file.
    pub path: Copied,
    /// Arguments.
    pub argv: Vec<Copied>,
    /// Hash of the file, where there is one.
    pub sha256: Option<String>,
    /// It lived in memory only.
    pub memfd: bool,
    /// It had been deleted.
    pub deleted: bool,
}

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Code(u8),
    /// By a signal.
    Signal(String),
    /// The record says neither.
    Unknown,
}

impl Tree {
    /// Adds an event; events come in their order.
    pub fn add(&mut self, event: &Event) {
        let Some(process) = &event.process else { return };
        let artifact = process.actor == Actor::Artifact;
        let Some(at) = self.at(process.id.process(), process.pid, &process.exe, event) else {
            self.unkept_events += 1;
            return;
        };
        let maker = &mut self.processes[at];
        maker.artifact |= artifact;
        maker.euid = process.euid;
        maker.events += 1;
        maker.failures += u64::from(!event.outcome.is_success());
        match &event.detail {
            Detail::ProcessFork { fork } if fork.thread || fork.io_worker => self.processes[at].threads += 1,
            Detail::ProcessFork { fork } => {
                let exe = process.exe.clone();
                if let Some(child) = self.at(fork.child.process(), fork.pid, &exe, event) {
                    self.processes[child].artifact |= artifact;
                    self.adopt(at, child);
                }
            }
            Detail::ProcessExec { exec } if event.outcome.is_success() => {
                self.processes[at].programs.push(Program {
                    seq: event.seq,
                    path: exec.file.path.clone(),
                    argv: exec.argv.clone(),
                    sha256: match &exec.sha256 {
                        Sha256::Hash(hash) => Some(hash.clone()),
                        Sha256::Absent { .. } => None,
                    },
                    memfd: exec.memfd,
                    deleted: exec.deleted,
                });
                let parent = exec.parent.as_ref().and_then(|id| self.index.get(id.process()).copied());
                if let Some(parent) = parent {
                    self.adopt(parent, at);
                }
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                self.processes[at].ended_ns = Some(event.boot_ns);
                self.processes[at].end = Some(match (exit.code, &exit.signal) {
                    (_, Some(signal)) => End::Signal(clean(signal)),
                    (Some(code), None) => End::Code(code),
                    (None, None) => End::Unknown,
                });
            }
            // a launcher's own preparation is none of the artifact's doing
            _ if artifact => self.processes[at].acts.add(event),
            _ => {}
        }
    }

    /// Positions of the artifact's first processes.
    pub fn roots(&self) -> Vec<usize> {
        let is_root =
            |p: &Process| p.artifact && p.parent.is_none_or(|parent| !self.processes[parent].artifact);
        (0..self.processes.len()).filter(|at| is_root(&self.processes[*at])).collect()
    }

    /// How many processes the artifact had.
    pub fn count(&self) -> usize {
        self.processes.iter().filter(|p| p.artifact).count()
    }

    /// The tree as JSON: a flat list in the order of birth, each with its parent's id.
    pub fn document(&self) -> Vec<serde_json::Value> {
        self.processes.iter().filter(|p| p.artifact).map(|p| self.process_document(p)).collect()
    }

    fn process_document(&self, process: &Process) -> serde_json::Value {
        use serde_json::json;
        let counted = |list: &std::collections::BTreeMap<String, u64>| -> Vec<serde_json::Value> {
            list.iter().map(|(what, count)| json!({"what": what, "count": count})).collect()
        };
        let acts = &process.acts;
        let parent = process.parent.map(|at| &self.processes[at]).filter(|p| p.artifact).map(|p| &p.id);
        json!({
            "id": process.id,
            "pid": process.pid,
            "parent": parent,
            "born_as": process.born_as,
            "programs": process.programs.iter().map(|p| json!({
                "path": p.path, "argv": p.argv, "sha256": p.sha256, "memfd": p.memfd, "deleted": p.deleted,
            })).collect::<Vec<_>>(),
            "end": match &process.end {
                Some(End::Code(code)) => json!({"code": code}),
                Some(End::Signal(signal)) => json!({"signal": signal}),
                Some(End::Unknown) | None => json!(null),
            },
            "threads": process.threads,
            "files": acts.files.kept.iter().map(|(path, did)| json!({
                "path": path, "did": did.did, "bytes": did.bytes,
            })).collect::<Vec<_>>(),
            "files_read": acts.reads,
            "secrets": counted(&acts.secrets.kept),
            "network": counted(&acts.network.kept),
            "notable": counted(&acts.notable.kept),
            "failures": acts.failures.kept.iter().map(|(act, count)| json!({
                "kind": act.kind, "outcome": act.ending, "object": act.object, "count": count,
            })).collect::<Vec<_>>(),
            "more": {
                "files": acts.files.more, "secrets": acts.secrets.more, "network": acts.network.more,
                "notable": acts.notable.more, "failures": acts.failures.more,
            },
        })
    }

    fn adopt(&mut self, parent: usize, child: usize) {
        if parent != child && self.processes[child].parent.is_none() && !self.descends(parent, child) {
            self.processes[child].parent = Some(parent);
            self.processes[parent].children.push(child);
        }
    }

    /// Whether `at` is below `above`: a parent told by a record that lies must not make a ring.
    fn descends(&self, mut at: usize, above: usize) -> bool {
        // a newcomer has no children, so nothing can be below it
        if self.processes[above].children.is_empty() {
            return false;
        }
        while let Some(parent) = self.processes[at].parent {
            if parent == above {
                return true;
            }
            at = parent;
        }
        false
    }

    /// Position of the process `id` (`START-PID`), where it was kept.
    pub fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    fn at(&mut self, id: &str, pid: u32, exe: &Copied, event: &Event) -> Option<usize> {
        if let Some(at) = self.index.get(id) {
            return Some(*at);
        }
        if self.processes.len() >= KEPT {
            return None;
        }
        let at = self.processes.len();
        self.index.insert(id.to_owned(), at);
        self.processes.push(Process {
            id: id.to_owned(),
            pid,
            parent: None,
            children: Vec::new(),
            born_as: exe.clone(),
            programs: Vec::new(),
            born_ns: event.boot_ns,
            born_seq: event.seq,
            ended_ns: None,
            end: None,
            euid: event.process.as_ref().map_or(0, |process| process.euid),
            events: 0,
            failures: 0,
            artifact: false,
            threads: 0,
            acts: Acts::default(),
        });
        Some(at)
    }
}
