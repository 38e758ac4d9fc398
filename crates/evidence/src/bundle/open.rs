//! A bundle that is being written.
//!
//! It lies in the folder `RUN.partial` until it is sealed; a lock on its event stream tells a bundle in the
//! making from one that a crash left.

use super::sealed::Bundle;
use super::{
    ATTESTATION, CAPTURE, CHANGES, EVENTS, FILES, MANIFEST, MONITOR, PARTIAL, PERSISTENCE, START, STDERR,
    STDOUT, check_run_id,
};
use crate::changes::{self, Change};
use crate::error::{At, EvidenceError, Result};
use crate::hash;
use crate::keys::SigningKey;
use crate::manifest::{Artifact, FORMAT, FileEntry, Manifest, Output};
use crate::output::{OutputCounts, OutputWriter};
use crate::persistence::Persistence;
use crate::seal;
use crate::store::{FileBounds, FileStore, Stored};
use crate::stream::EventWriter;
use detektr_event::{Event, Timestamp};
use rustix::fs::FlockOperation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Above this number of files one `syncfs` is quicker than an `fsync` each.
const FSYNC_EACH: usize = 32;

/// What is known of a run when its recording begins; kept in `start.json` until the seal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// Id of the run: letters, digits, `-`, `_`, `.`; at most 64.
    pub run: String,
    /// Version of the program.
    pub tool_version: String,
    /// When it began.
    pub started: Timestamp,
    /// What is run, where that is known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Artifact>,
}

/// Writes a bundle.
pub struct BundleWriter {
    run: String,
    partial: PathBuf,
    sealed: PathBuf,
    events: EventWriter<File>,
    outputs: [Arc<OutputCounts>; 2],
    monitors: Vec<Arc<OutputCounts>>,
    store: FileStore,
}

impl BundleWriter {
    /// Begins the bundle of `start.run` in the folder `dir`, which is made where it is missing.
    pub fn create(dir: &Path, start: &Start) -> Result<Self> {
        check_run_id(&start.run)?;
        DirBuilder::new().recursive(true).mode(0o700).create(dir).at("create", dir)?;
        // keeps `recover` from taking the folder for a leftover before its stream is locked
        let guard = File::open(dir).at("open", dir)?;
        rustix::fs::flock(&guard, FlockOperation::LockShared).at("lock", dir)?;
        let sealed = dir.join(&start.run);
        let partial = dir.join(format!("{}{PARTIAL}", start.run));
        if sealed.symlink_metadata().is_ok() {
            return Err(EvidenceError::Exists(sealed));
        }
        match DirBuilder::new().mode(0o700).create(&partial) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                return Err(EvidenceError::Exists(partial));
            }
            made => made.at("create", &partial)?,
        }
        let path = partial.join(EVENTS);
        let stream = create_file(&path)?;
        rustix::fs::flock(&stream, FlockOperation::NonBlockingLockExclusive).at("lock", &path)?;
        let mut events = EventWriter::new(stream).at("write", &path)?;
        // the frame's header reaches the file now, so that a crash leaves a stream that reads as empty
        events.flush().at("write", &path)?;
        for name in [STDOUT, STDERR, CHANGES] {
            create_file(&partial.join(name))?;
        }
        let path = partial.join(START);
        let text = serde_json::to_vec_pretty(start).expect("the start is JSON");
        create_file(&path)?.write_all(&text).at("write", &path)?;
        let store = FileStore::new(partial.join(FILES), FileBounds::default());
        Ok(BundleWriter {
            run: start.run.clone(),
            partial,
            sealed,
            events,
            outputs: Default::default(),
            monitors: Vec::new(),
            store,
        })
    }

    /// The folder while it is written.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes an event and gives it its number, which is returned.
    pub fn event(&mut self, mut event: Event) -> Result<u64> {
        self.event_ref(&mut event)
    }

    /// Writes an event and gives it its number in place.
    pub fn event_ref(&mut self, event: &mut Event) -> Result<u64> {
        self.events.event(event).at("write", &self.partial.join(EVENTS))
    }

    /// Number of events so far.
    pub fn events(&self) -> u64 {
        self.events.count()
    }

    /// Makes all events so far readable after a crash.
    pub fn flush(&mut self) -> Result<()> {
        self.events.flush().at("write", &self.partial.join(EVENTS))
    }

    /// Takes the artifact's standard output, and keeps at most `bound` bytes of it.
    pub fn stdout(&mut self, bound: u64) -> Result<OutputWriter> {
        self.output(STDOUT, 0, bound)
    }

    /// Takes the artifact's standard error, and keeps at most `bound` bytes of it.
    pub fn stderr(&mut self, bound: u64) -> Result<OutputWriter> {
        self.output(STDERR, 1, bound)
    }

    /// Takes the output of the next program that watches, and keeps at most `bound` bytes of it.
    pub fn monitor(&mut self, bound: u64) -> Result<OutputWriter> {
        let path = self.partial.join(format!("{MONITOR}{}", self.monitors.len()));
        let counts = Arc::<OutputCounts>::default();
        self.monitors.push(counts.clone());
        Ok(OutputWriter::new(create_file(&path)?, counts, bound))
    }

    /// Begins the capture of packets, and gives its file, to be written and read.
    pub fn capture(&mut self) -> Result<File> {
        let path = self.partial.join(CAPTURE);
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path).at("create", &path)
    }

    /// Writes the capture once more: `write` reads the first version and writes the second, which takes its place.
    pub fn capture_again(&mut self, write: impl FnOnce(File, File) -> std::io::Result<()>) -> Result<()> {
        let path = self.partial.join(CAPTURE);
        let next = self.partial.join(format!("{CAPTURE}{PARTIAL}"));
        let from = File::open(&path).at("open", &path)?;
        write(from, create_file(&next)?).at("write", &next)?;
        fs::rename(&next, &path).at("rename", &next)
    }

    fn output(&mut self, name: &'static str, index: usize, bound: u64) -> Result<OutputWriter> {
        let path = self.partial.join(name);
        let file = OpenOptions::new().append(true).open(&path).at("open", &path)?;
        Ok(OutputWriter::new(file, self.outputs[index].clone(), bound))
    }

    /// Sets the bounds of `files/`. Call it before the first content.
    pub fn bound_files(&mut self, bounds: FileBounds) {
        self.store = FileStore::new(self.partial.join(FILES), bounds);
    }

    /// Where contents go: for [`fsdiff`](crate::fsdiff::fsdiff).
    pub fn store(&mut self) -> &mut FileStore {
        &mut self.store
    }

    /// Stores one content below `files/`, within the bounds.
    pub fn file(&mut self, content: &mut dyn Read) -> Result<Stored> {
        let path = self.partial.join(FILES);
        self.store.store(content).at("write below", &path)
    }

    /// Writes `changes.ndjson`.
    pub fn changes(&mut self, changes: &[Change]) -> Result<()> {
        let path = self.partial.join(CHANGES);
        let file = OpenOptions::new().write(true).truncate(true).open(&path).at("open", &path)?;
        changes::write(changes, std::io::BufWriter::new(file)).at("write", &path)
    }

    /// Writes `persistence.json`. A run that installed nothing has none.
    pub fn persistence(&mut self, persistence: &Persistence) -> Result<()> {
        let mut bytes = serde_json::to_vec_pretty(persistence).expect("the persistence is JSON");
        bytes.push(b'\n');
        write_file(&self.partial.join(PERSISTENCE), &bytes)
    }

    /// Ends the bundle: completes the manifest (events, files, output, written counts, implied holes), signs it,
    /// and gives the folder its own name. The bundle that results is not written to any more.
    pub fn seal(mut self, mut manifest: Manifest, key: &SigningKey) -> Result<Bundle> {
        let path = self.partial.join(START);
        fs::remove_file(&path).at("remove", &path)?;
        manifest.format = FORMAT.into();
        manifest.run = self.run;
        manifest.events = self.events.count();
        manifest.output = Output { stdout: self.outputs[0].span(), stderr: self.outputs[1].span() };
        for (monitor, counts) in manifest.monitors.iter_mut().zip(&self.monitors) {
            monitor.output = counts.span();
        }
        for (kind, written) in self.events.written() {
            manifest.ledger.0.entry(*kind).or_default().written = *written;
        }
        self.events.flush().at("write", &self.partial.join(EVENTS))?;
        // kept open, and with it the lock, until the folder has its own name
        let _lock = self.events.finish().at("write", &self.partial.join(EVENTS))?;
        manifest.files = hash_files(&self.partial)?;
        for hole in manifest.implied_holes() {
            if !manifest.incomplete.iter().any(|known| known.reason == hole.reason) {
                manifest.incomplete.push(hole);
            }
        }
        manifest.complete = manifest.incomplete.is_empty();

        let mut bytes = serde_json::to_vec_pretty(&manifest).expect("a manifest is JSON");
        bytes.push(b'\n');
        write_file(&self.partial.join(MANIFEST), &bytes)?;
        let statement = seal::statement(&manifest, &bytes, &key.public());
        write_file(&self.partial.join(ATTESTATION), &seal::sign(&statement, key))?;
        sync(&self.partial, manifest.files.keys().map(String::as_str))?;
        match rustix::fs::renameat_with(
            rustix::fs::CWD,
            &self.partial,
            rustix::fs::CWD,
            &self.sealed,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            Err(rustix::io::Errno::EXIST) => return Err(EvidenceError::Exists(self.sealed)),
            // a file system without the flag: an empty folder at most could be replaced
            Err(rustix::io::Errno::INVAL) => {
                fs::rename(&self.partial, &self.sealed).at("rename", &self.partial)?;
            }
            renamed => renamed.at("rename", &self.partial)?,
        }
        if let Some(parent) = self.sealed.parent() {
            File::open(parent).and_then(|folder| folder.sync_all()).at("sync", parent)?;
        }
        Bundle::open(&self.sealed)
    }

    /// Gives the bundle up and removes its folder.
    pub fn discard(self) -> Result<()> {
        fs::remove_dir_all(&self.partial).at("remove", &self.partial)
    }
}

fn create_file(path: &Path) -> Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).at("create", path)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    create_file(path)?.write_all(bytes).at("write", path)
}

/// Hash and size of every file, by its name within the bundle.
fn hash_files(root: &Path) -> Result<BTreeMap<String, FileEntry>> {
    let mut files = BTreeMap::new();
    let mut add = |name: String| -> Result<()> {
        let (sha256, size) = hash::of_file(&root.join(&name))?;
        files.insert(name, FileEntry { sha256, size });
        Ok(())
    };
    for folder in ["", FILES] {
        let path = root.join(folder);
        if !path.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&path).at("read", &path)? {
            let entry = entry.at("read", &path)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if folder.is_empty() && name != FILES {
                add(name)?;
            } else if !folder.is_empty() {
                add(format!("{FILES}/{name}"))?;
            }
        }
    }
    Ok(files)
}

/// Brings all of the bundle to the disk.
fn sync<'a>(root: &Path, files: impl Iterator<Item = &'a str>) -> Result<()> {
    let names: Vec<&str> = files.chain([MANIFEST, ATTESTATION]).collect();
    if names.len() > FSYNC_EACH {
        let folder = File::open(root).at("open", root)?;
        return rustix::fs::syncfs(&folder).at("sync", root);
    }
    for name in names {
        let path = root.join(name);
        File::open(&path).and_then(|file| file.sync_all()).at("sync", &path)?;
    }
    for folder in [root.join(FILES), root.to_owned()] {
        if folder.is_dir() {
            File::open(&folder).and_then(|f| f.sync_all()).at("sync", &folder)?;
        }
    }
    Ok(())
}
