//! Which entries ran: the events of a trigger phase, followed from each started program to what descends from it.

use super::{Reason, Rule};
use detektr_event::{Access, Detail, Event, Exec};
use std::collections::HashMap;

/// The most events that are kept as the proof of one target.
const EVENTS: usize = 8;

/// What one started program may prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The started program, by its position in the phase.
    pub job: usize,
    /// The entry, by the caller's own number.
    pub entry: usize,
    /// What would show it.
    pub rule: Rule,
}

/// Follows the events of one trigger phase.
#[derive(Clone, Debug)]
pub struct Prover {
    targets: Vec<Track>,
    /// The starter, by its process.
    starter: Option<String>,
    /// Which job a process belongs to.
    jobs: HashMap<String, usize>,
    /// What became of each job's own process.
    roots: Vec<Root>,
}

#[derive(Clone, Debug)]
struct Track {
    target: Target,
    /// The file was read.
    read: Option<u64>,
    proof: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct Root {
    process: String,
    execs: u64,
    failed: Option<String>,
    code: Option<u8>,
    signal: bool,
}

impl Prover {
    /// For a phase in which `targets` may show.
    pub fn new(targets: Vec<Target>) -> Self {
        let track = |target| Track { target, read: None, proof: Vec::new() };
        Prover {
            targets: targets.into_iter().map(track).collect(),
            starter: None,
            jobs: HashMap::new(),
            roots: Vec::new(),
        }
    }

    /// How many programs were begun.
    pub fn started(&self) -> usize {
        self.roots.len()
    }

    /// Takes the next event of the phase, numbered.
    pub fn event(&mut self, event: &Event) {
        if let Detail::ProcessFork { fork } = &event.detail {
            if !fork.thread && event.outcome.is_success() {
                let child = fork.child.process().to_owned();
                match &event.process {
                    // The first that is born, of nobody inside, is the starter.
                    None => {
                        self.starter.get_or_insert(child);
                    }
                    Some(maker) => self.born(maker.id.process(), child),
                }
            }
            return;
        }
        let Some(process) = &event.process else { return };
        let Some(job) = self.jobs.get(process.id.process()).copied() else { return };
        let own = self.roots[job].process == process.id.process();
        if own {
            self.roots[job].learn(event);
        }
        // Of the starter's child, before it executed anything, nothing counts.
        if self.roots[job].execs == 0 {
            return;
        }
        let first = own && self.roots[job].execs == 1 && matches!(event.detail, Detail::ProcessExec { .. });
        for track in self.targets.iter_mut().filter(|track| track.target.job == job) {
            track.event(event, first);
        }
    }

    fn born(&mut self, maker: &str, child: String) {
        if self.starter.as_deref() == Some(maker) {
            self.jobs.insert(child.clone(), self.roots.len());
            self.roots.push(Root { process: child, ..Root::default() });
        } else if let Some(job) = self.jobs.get(maker).copied() {
            self.jobs.insert(child, job);
        }
    }

    /// For each target, by its position: the numbers of the events that prove it, or why there are none.
    pub fn finish(self) -> Vec<(Target, Result<Vec<u64>, Reason>)> {
        let Prover { targets, roots, .. } = self;
        let told = |track: Track| {
            let result = if track.proof.is_empty() {
                Err(roots.get(track.target.job).map_or(Reason::NotReached, Root::reason))
            } else {
                Ok(track.proof)
            };
            (track.target, result)
        };
        targets.into_iter().map(told).collect()
    }
}

impl Root {
    fn learn(&mut self, event: &Event) {
        match &event.detail {
            Detail::ProcessExec { .. } if event.outcome.is_success() => self.execs += 1,
            Detail::ProcessExec { .. } => self.failed = event.outcome.errno.clone().or(Some(String::new())),
            Detail::ProcessExit { exit } if !exit.thread => {
                self.code = exit.code;
                self.signal = exit.signal.is_some();
            }
            _ => {}
        }
    }

    /// Why nothing was seen of what it should run.
    fn reason(&self) -> Reason {
        match (self.failed.as_deref(), self.code) {
            (Some("ENOENT" | "ENOTDIR"), _) | (_, Some(127)) => Reason::ProgramAbsent,
            (Some(_), _) | (_, Some(126)) => Reason::NotExecutable,
            _ if self.execs == 0 => Reason::NotReached,
            _ if self.signal => Reason::Crashed,
            _ => Reason::NoEffect,
        }
    }
}

impl Track {
    /// `first`: the event is the exec of the started program itself.
    fn event(&mut self, event: &Event, first: bool) {
        if !event.outcome.is_success() {
            return;
        }
        let shows = match &self.target.rule {
            Rule::Program => first,
            Rule::Line(names) => {
                !first && (matches!(event.detail, Detail::ProcessExec { .. }) || touches(event, names))
            }
            Rule::Lines { file, names } => {
                if opened(event).is_some_and(|(path, _)| path == file.as_bytes()) {
                    self.read.get_or_insert(event.seq);
                    return;
                }
                self.read.is_some() && !first && touches(event, names)
            }
            Rule::Executes(path) => executed(event).is_some_and(|exec| executes(exec, path)),
            Rule::Opens(path) => opened(event).is_some_and(|(found, _)| found == path.as_bytes()),
            Rule::Setuid(uid) => first && executed(event).is_some_and(|exec| exec.credentials.euid == *uid),
        };
        if shows && self.proof.len() < EVENTS {
            if self.proof.is_empty() {
                self.proof.extend(self.read);
            }
            self.proof.push(event.seq);
        }
    }
}

fn executed(event: &Event) -> Option<&Exec> {
    match &event.detail {
        Detail::ProcessExec { exec } => Some(exec),
        _ => None,
    }
}

fn executes(exec: &Exec, path: &str) -> bool {
    exec.file.in_environment() == Some(path.as_bytes())
}

/// The file that was opened or made, and whether to write.
fn opened(event: &Event) -> Option<(&[u8], bool)> {
    match &event.detail {
        Detail::FileOpen { file } => {
            let write = matches!(file.access, Access::Write | Access::ReadWrite);
            Some((file.path.in_environment()?, write))
        }
        Detail::FileCreate { file } => Some((file.path.in_environment()?, true)),
        _ => None,
    }
}

/// Whether the event executes or touches something of `names`: a path as it is, a bare name as the last part of an
/// executed file's path or as its own first argument.
fn touches(event: &Event, names: &[String]) -> bool {
    if let Some(exec) = executed(event) {
        let path = exec.file.in_environment().unwrap_or_default();
        let given = exec.argv.iter().take(2).filter_map(|word| word.as_whole()).map(|word| word.as_bytes());
        let mut words = given.chain([path]);
        return words.any(|word| names.iter().any(|name| same(name, word)));
    }
    let path = match &event.detail {
        Detail::FileMkdir { file } => file.path.in_environment(),
        Detail::FileUnlink { file } => file.path.in_environment(),
        _ => opened(event).map(|(path, _)| path),
    };
    path.is_some_and(|path| names.iter().any(|name| name.starts_with('/') && name.as_bytes() == path))
}

fn same(name: &str, word: &[u8]) -> bool {
    if name.contains('/') {
        return name.as_bytes() == word;
    }
    word.rsplit(|b| *b == b'/').next() == Some(name.as_bytes())
}
