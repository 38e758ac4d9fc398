//! What is known of each living process: its program, its arguments, its parent.

use crate::processes::command_line;
use crate::view::native::Known;
use detektr_event::{Detail, Event, ProcessId, Text};
use std::collections::HashMap;
use std::rc::Rc;

/// Characters of a command line that are kept.
const KEPT: usize = 4096;

/// One image of one process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Image {
    pub(crate) known: Known,
    pub(crate) exe: Rc<str>,
    /// The script that the program runs, where it is one.
    pub(crate) script: Option<Rc<str>>,
    pub(crate) parent: Option<ProcessId>,
}

/// The processes that live, by what stays the same over execs.
#[derive(Debug, Default)]
pub(crate) struct Images {
    living: HashMap<String, Image>,
    /// Where the artifact was placed.
    artifact: Option<String>,
}

impl Images {
    pub(crate) fn new(artifact: Option<&Text>) -> Self {
        Images { living: HashMap::new(), artifact: artifact.map(|path| path.lossy().into_owned()) }
    }

    /// Learns from the next event, before it is looked at.
    pub(crate) fn event(&mut self, event: &Event) {
        let Some(process) = event.process.as_ref().filter(|_| event.outcome.is_success()) else { return };
        match &event.detail {
            Detail::ProcessExec { exec } => {
                let parent = exec.parent.as_ref().and_then(|parent| self.living.get(parent.process()));
                let line = command_line(&exec.argv);
                let line: Rc<str> = match line.char_indices().nth(KEPT) {
                    Some((end, _)) => line[..end].into(),
                    None => line.into(),
                };
                let script = exec.interpreter.as_ref().map(|_| Rc::from(exec.file.lossy().as_ref()));
                let image = Image {
                    known: Known {
                        command_line: Some(line),
                        parent_exe: parent.map(|parent| parent.exe.clone()),
                        parent_command_line: parent.and_then(|parent| parent.known.command_line.clone()),
                    },
                    exe: process.exe.lossy().as_ref().into(),
                    script,
                    parent: exec.parent.clone(),
                };
                self.living.insert(process.id.process().to_owned(), image);
            }
            Detail::ProcessFork { fork } if !fork.thread => {
                let maker = self.living.get(process.id.process()).cloned().unwrap_or_default();
                let exe: Rc<str> = process.exe.lossy().as_ref().into();
                let child = Image {
                    known: Known {
                        command_line: maker.known.command_line.clone(),
                        parent_exe: Some(exe.clone()),
                        parent_command_line: maker.known.command_line.clone(),
                    },
                    exe,
                    script: maker.script,
                    parent: Some(process.id.clone()),
                };
                self.living.entry(fork.child.process().to_owned()).or_insert(child);
            }
            _ => {}
        }
    }

    /// Forgets what ended, once it has been looked at.
    pub(crate) fn after(&mut self, event: &Event) {
        if let (Detail::ProcessExit { exit }, Some(process)) = (&event.detail, &event.process)
            && !exit.thread
        {
            self.living.remove(process.id.process());
        }
    }

    pub(crate) fn get(&self, id: &ProcessId) -> Option<&Image> {
        self.living.get(id.process())
    }

    pub(crate) fn known(&self, id: &ProcessId) -> Option<&Known> {
        self.get(id).map(|image| &image.known)
    }

    /// Where the artifact was placed, if it is a file.
    pub(crate) fn artifact(&self) -> Option<&str> {
        self.artifact.as_deref()
    }
}
