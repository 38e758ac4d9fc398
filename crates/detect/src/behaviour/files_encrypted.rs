//! Files whose content was text, or anything with an order, and is noise now: what they hold before and after decides,
//! not how they are called.

use super::definition::Coded;
use super::{Collector, Confidence, Content, Images, Level, Reached, Watch, objects};
use crate::behaviour::collect::Sighting;
use detektr_event::{Detail, Event, FilePath, ProcessRef};
use detektr_evidence::{Change, FileState};
use std::collections::HashMap;

pub(super) const CODED: &[Coded] = &[Coded {
    id: "files-encrypted",
    title: "Encrypted many files",
    sentence: "Files that could be read before hold what looks like noise now, such as {path}.",
    level: Level::Critical,
    confidence: Confidence::High,
    tags: &["attack.impact", "attack.t1486"],
}];

/// So many files are many.
const MANY: usize = 10;
/// Shorter contents say too little.
const SHORT: usize = 256;
/// Bits a byte by which noise may differ from what noise of that length mostly has, and by which it must have gained.
const NOISE: f64 = 0.15;
const GAIN: f64 = 0.7;
/// Files whose writers are remembered.
const REMEMBERED: usize = 200_000;
/// Endings of what packs or encrypts where it is asked to.
const ORDINARY: &[&str] = &["7z", "asc", "br", "bz2", "gpg", "gz", "lz4", "lzma", "xz", "zip", "zst"];

#[derive(Default)]
pub(super) struct FilesEncrypted {
    /// The last event that gave each path its content, and by whom.
    writers: HashMap<u64, (u64, usize)>,
    processes: Vec<ProcessRef>,
    places: HashMap<String, usize>,
}

impl FilesEncrypted {
    fn wrote(&mut self, path: &FilePath, event: &Event) {
        let (Some(path), Some(process)) = (objects::hash(path), &event.process) else { return };
        if self.writers.len() >= REMEMBERED && !self.writers.contains_key(&path) {
            return;
        }
        let place = match self.places.get(process.id.as_str()) {
            Some(place) => *place,
            None => {
                self.processes.push(process.clone());
                self.places.insert(process.id.as_str().to_owned(), self.processes.len() - 1);
                self.processes.len() - 1
            }
        };
        self.writers.insert(path, (event.seq, place));
    }
}

impl Watch for FilesEncrypted {
    fn event(&mut self, event: &Event, _: &Images, _: &mut Collector<'_>) {
        if !event.outcome.reached() {
            return;
        }
        match &event.detail {
            Detail::FileWrite { file } if file.bytes > 0 || file.mapped => self.wrote(&file.path, event),
            Detail::FileRename { file } => self.wrote(&file.to, event),
            _ => {}
        }
    }

    fn changes(&mut self, changes: &[Change], content: &Content<'_>, found: &mut Collector<'_>) {
        // what is gone may be there under a longer name
        let gone: HashMap<&[u8], &Change> = changes
            .iter()
            .filter(|change| change.after.is_none())
            .map(|change| (change.path.as_bytes(), change))
            .collect();
        let mut events = Vec::new();
        let mut by: Vec<usize> = Vec::new();
        let mut example = None;
        for change in changes {
            let path = change.path.as_bytes();
            let dot = path.iter().rposition(|byte| *byte == b'.');
            let ending = dot.map(|at| String::from_utf8_lossy(&path[at + 1..]).to_ascii_lowercase());
            if ending.is_some_and(|ending| ORDINARY.contains(&ending.as_str())) {
                continue;
            }
            let was = || change.before.as_ref().or_else(|| gone.get(&path[..dot?])?.before.as_ref());
            let Some((seq, place)) = self.writers.get(&objects::hash_bytes(path)) else { continue };
            let (Some(before), Some(after)) = (was().and_then(kept), change.after.as_ref().and_then(kept))
            else {
                continue;
            };
            if before == after || !became_noise(&content(before), &content(after)) {
                continue;
            }
            events.push(*seq);
            if !by.contains(place) {
                by.push(*place);
            }
            example.get_or_insert_with(|| change.path.lossy().into_owned());
        }
        if events.len() >= MANY {
            let processes = by.iter().map(|place| &self.processes[*place]).collect();
            let (reached, values) = (Reached::Succeeded, vec![example]);
            found.sighting("files-encrypted", Sighting { reached, errno: None, events, processes, values });
        }
    }
}

/// The hash of a content that the bundle has.
fn kept(state: &FileState) -> Option<&str> {
    state.sha256.as_deref().filter(|_| state.stored)
}

fn became_noise(before: &Option<Vec<u8>>, after: &Option<Vec<u8>>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    if after.len() < SHORT || before.is_empty() {
        return false;
    }
    let entropy_after = entropy(after);
    entropy_after >= entropy_of_noise(after.len()) - NOISE && entropy_after >= entropy(before) + GAIN
}

/// Bits a byte.
fn entropy(content: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    content.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let all = content.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let part = f64::from(*count) / all;
            -part * part.log2()
        })
        .sum()
}

/// What `length` bytes drawn by lot have in the mean, by the first terms of the series of Miller and Madow. Below some
/// 300 bytes it is too low by a tenth of a bit, which lets nothing ordered pass.
fn entropy_of_noise(length: usize) -> f64 {
    8.0 - 255.0 / (2.0 * std::f64::consts::LN_2 * length as f64)
}
