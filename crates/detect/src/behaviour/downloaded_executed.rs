//! A program that came over the network, and was then started: its bytes are those of an answer, or who wrote it talked.

use super::definition::Coded;
use super::dropped_executed::is_maker;
use super::{Collector, Confidence, Images, Level, Watch, objects};
use detektr_event::{Access, Detail, Event, FilePath, OutcomeResult, Sha256};
use std::collections::HashMap;
use std::rc::Rc;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "downloaded-executed",
    title: "Downloaded a program and started it",
    sentence: "{exec.file.path}, which came from {address}, is started.",
    level: Level::High,
    confidence: Confidence::High,
    tags: &["attack.command_and_control", "attack.t1105", "attack.t1204.002"],
}];

/// Programs, answers and writers that are remembered.
const REMEMBERED: usize = 100_000;

/// Where something came from, and the event that shows it.
#[derive(Clone)]
struct Origin {
    seq: u64,
    place: Rc<str>,
}

#[derive(Default)]
pub(super) struct DownloadedExecuted {
    /// Answers, by the hash of their content.
    answers: HashMap<String, Origin>,
    /// The first start of each program, by the hash of its content: an answer may be told after what it led to.
    started: HashMap<String, Rc<Event>>,
    /// The last conversation of each process.
    talks: HashMap<String, Origin>,
    /// Files that were written by who had talked: the writing, and the conversation.
    written: HashMap<u64, (u64, Origin)>,
}

impl DownloadedExecuted {
    fn talked(&mut self, process: &str, seq: u64, place: Rc<str>) {
        if self.talks.len() < REMEMBERED || self.talks.contains_key(process) {
            self.talks.insert(process.to_owned(), Origin { seq, place });
        }
    }

    fn wrote(&mut self, path: &FilePath, event: &Event) {
        let Some(path) = objects::hash(path) else { return };
        let process = event.process.as_ref().filter(|process| !is_maker(&process.exe.lossy()));
        match process.and_then(|process| self.talks.get(process.id.process())) {
            Some(origin) if self.written.len() < REMEMBERED => {
                self.written.insert(path, (event.seq, origin.clone()));
            }
            _ => {
                self.written.remove(&path);
            }
        }
    }

    fn started(&mut self, event: &Event, file: &FilePath, sha256: &Sha256, found: &mut Collector<'_>) {
        let path = file.lossy().into_owned();
        if let Sha256::Hash(hash) = sha256 {
            if let Some(origin) = self.answers.get(hash) {
                tell(event, &path, origin, &[origin.seq], found);
                return;
            }
            if self.started.len() < REMEMBERED && !self.started.contains_key(hash) {
                self.started.insert(hash.clone(), Rc::new(event.clone()));
            }
        }
        if let Some((seq, origin)) = objects::hash(file).and_then(|path| self.written.get(&path)) {
            tell(event, &path, origin, &[origin.seq, *seq], found);
        }
    }
}

fn tell(event: &Event, path: &str, origin: &Origin, before: &[u64], found: &mut Collector<'_>) {
    let told = [("exec.file.path", path.to_owned()), ("address", origin.place.to_string())];
    found.saw("downloaded-executed", event, before, &told);
}

impl Watch for DownloadedExecuted {
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>) {
        let key = event.process.as_ref().map(|process| process.id.process());
        match &event.detail {
            Detail::NetworkConnect { network } if event.outcome.result != OutcomeResult::Failure => {
                if let (Some(key), Some((_, place))) = (key, objects::remote(&network.address)) {
                    self.talked(key, event.seq, place);
                }
            }
            Detail::NetworkHttp { network } => {
                let Some(body) = network.response_body.as_ref().filter(|body| body.size > 0 && !body.cut)
                else {
                    return;
                };
                let place: Rc<str> = network.host.lossy().as_ref().into();
                let origin = Origin { seq: event.seq, place };
                if let Some(start) = self.started.remove(&body.sha256)
                    && start
                        .detail
                        .paths()
                        .first()
                        .is_some_and(|path| Some(path.lossy().as_ref()) != images.artifact())
                {
                    let path = start.detail.paths()[0].lossy().into_owned();
                    tell(&start, &path, &origin, &[event.seq], found);
                }
                if self.answers.len() < REMEMBERED {
                    self.answers.entry(body.sha256.clone()).or_insert(origin);
                }
            }
            _ if !event.outcome.reached() => {}
            Detail::FileCreate { file } if file.access != Access::Read => self.wrote(&file.path, event),
            Detail::FileOpen { file } if matches!(file.access, Access::Write | Access::ReadWrite) => {
                self.wrote(&file.path, event);
            }
            Detail::FileRename { file } => {
                let from = objects::hash(&file.path).and_then(|path| self.written.remove(&path));
                if let (Some(from), Some(to)) = (from, objects::hash(&file.to)) {
                    self.written.insert(to, from);
                }
            }
            Detail::ProcessFork { fork } if !fork.thread => {
                // a child goes on with its maker's conversation
                if let Some(origin) = key.and_then(|key| self.talks.get(key)).cloned() {
                    self.talked(fork.child.process(), origin.seq, origin.place);
                }
            }
            Detail::ProcessExec { exec } if images.artifact() != Some(exec.file.lossy().as_ref()) => {
                self.started(event, &exec.file, &exec.sha256, found);
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                if let Some(key) = key {
                    self.talks.remove(key);
                }
            }
            _ => {}
        }
    }
}
