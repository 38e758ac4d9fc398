//! What a crash leaves: an unsealed bundle, readable up to the last flush and never good for a verdict.

use super::{EVENTS, PARTIAL, START, Start};
use crate::error::{At, EvidenceError, Result};
use crate::stream::{EventReader, StreamEnd};
use rustix::fs::FlockOperation;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// An unsealed bundle that nobody writes any more. While this value lives, nobody else takes it for theirs.
#[derive(Debug)]
pub struct Leftover {
    path: PathBuf,
    run: String,
    start: Option<Start>,
    _lock: Option<File>,
}

/// What can still be read of a leftover's event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readable {
    /// Number of events, from the first, without a gap.
    pub events: u64,
    /// How the stream ends after them.
    pub end: StreamEnd,
}

impl Leftover {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Id of the run.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// What was known when it began, where that can be read.
    pub fn start(&self) -> Option<&Start> {
        self.start.as_ref()
    }

    /// The events up to the last flush; the reader's end tells how the stream broke off.
    pub fn events(&self) -> Result<EventReader<File>> {
        let path = self.path.join(EVENTS);
        EventReader::new(File::open(&path).at("open", &path)?).at("read", &path)
    }

    /// How far its events can be read.
    pub fn readable(&self) -> Result<Readable> {
        if !self.path.join(EVENTS).exists() {
            let why = "there is no stream".to_owned();
            return Ok(Readable { events: 0, end: StreamEnd::Truncated { why } });
        }
        let mut reader = self.events()?;
        for event in reader.by_ref() {
            if event.is_err() {
                break;
            }
        }
        let end = reader.end().cloned().unwrap_or(StreamEnd::Whole);
        Ok(Readable { events: reader.events_read(), end })
    }

    /// Removes it.
    pub fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.path).at("remove", &self.path)
    }
}

/// Takes the unsealed bundle in the folder `partial` (`RUN.partial`); [`EvidenceError::InUse`] where a running
/// process still writes it.
pub fn recover(partial: &Path) -> Result<Leftover> {
    let name = partial.file_name().and_then(|name| name.to_str());
    let Some(run) = name.and_then(|name| name.strip_suffix(PARTIAL)).filter(|_| partial.is_dir()) else {
        let why = format!("an unsealed bundle is a folder whose name ends with {PARTIAL}");
        return Err(EvidenceError::NotABundle { path: partial.to_owned(), why });
    };
    let dir = partial.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let guard = File::open(dir).at("open", dir)?;
    rustix::fs::flock(&guard, FlockOperation::LockExclusive).at("lock", dir)?;
    let stream = partial.join(EVENTS);
    let lock = match File::open(&stream) {
        Ok(file) => match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Some(file),
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(EvidenceError::InUse(partial.to_owned())),
            Err(e) => return Err(e).at("lock", &stream),
        },
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(e).at("open", &stream),
    };
    let start = fs::read(partial.join(START)).ok().and_then(|text| serde_json::from_slice(&text).ok());
    Ok(Leftover { path: partial.to_owned(), run: run.to_owned(), start, _lock: lock })
}

/// The unsealed bundles in `dir` that nobody writes any more, by name.
pub fn leftovers(dir: &Path) -> Result<Vec<Leftover>> {
    let entries = match fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", dir)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.at("read", dir)?.path();
        if path.to_str().is_some_and(|name| name.ends_with(PARTIAL)) {
            match recover(&path) {
                Ok(leftover) => found.push(leftover),
                Err(EvidenceError::InUse(_) | EvidenceError::NotABundle { .. }) => {}
                Err(e) => return Err(e),
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
