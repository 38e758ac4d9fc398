//! What is known of each process image, by its identity: what a log source tells of the actor and of its parent.

use detektr_event::{Copied, Detail, Event, ProcessId};
use std::collections::HashMap;

/// One image of one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) pid: u32,
    pub(crate) image: String,
    pub(crate) command_line: Option<String>,
    pub(crate) directory: Option<String>,
    pub(crate) parent: Option<ProcessId>,
    pub(crate) ppid: u32,
}

/// Process images, as they become known.
#[derive(Clone, Debug, Default)]
pub struct Processes {
    images: HashMap<ProcessId, Image>,
}

impl Processes {
    /// Learns from the next event.
    pub fn event(&mut self, event: &Event) {
        let Some(process) = event.process.as_ref().filter(|_| event.outcome.is_success()) else { return };
        match &event.detail {
            Detail::ProcessExec { exec } => {
                let image = Image {
                    pid: process.pid,
                    image: process.exe.lossy().into_owned(),
                    command_line: exec.incomplete.is_none().then(|| command_line(&exec.argv)),
                    directory: Some(exec.cwd.lossy().into_owned()),
                    parent: exec.parent.clone(),
                    ppid: exec.ppid,
                };
                self.images.insert(process.id.clone(), image);
            }
            Detail::ProcessFork { fork } if !fork.thread => {
                let maker = self.images.get(&process.id).cloned().unwrap_or_default();
                let child = Image {
                    pid: fork.pid,
                    parent: Some(process.id.clone()),
                    ppid: process.pid,
                    image: process.exe.lossy().into_owned(),
                    ..maker
                };
                self.images.entry(fork.child.clone()).or_insert(child);
            }
            Detail::ProcessChdir { chdir } => {
                if let Some(image) = self.images.get_mut(&process.id) {
                    image.directory = Some(chdir.directory.lossy().into_owned());
                }
            }
            _ => {}
        }
    }

    pub(crate) fn get(&self, id: &ProcessId) -> Option<&Image> {
        self.images.get(id)
    }
}

/// Arguments as one line, as log sources join them.
pub(crate) fn command_line(argv: &[Copied]) -> String {
    let words: Vec<String> = argv.iter().map(|word| word.lossy().into_owned()).collect();
    words.join(" ")
}
