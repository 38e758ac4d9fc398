//! `stdout` and `stderr`: the artifact's output, kept up to a bound and counted beyond it.

use crate::manifest::OutputSpan;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Takes one output stream. It may move to another thread; what it counts reaches the manifest at the seal.
#[derive(Debug)]
pub struct OutputWriter {
    file: File,
    counts: Arc<OutputCounts>,
}

/// What one output stream has seen so far.
#[derive(Debug, Default)]
pub(crate) struct OutputCounts {
    seen: AtomicU64,
    kept: AtomicU64,
    bound: AtomicU64,
}

impl OutputCounts {
    pub(crate) fn span(&self) -> OutputSpan {
        OutputSpan {
            seen: self.seen.load(Ordering::Acquire),
            kept: self.kept.load(Ordering::Acquire),
            bound: self.bound.load(Ordering::Acquire),
        }
    }
}

impl OutputWriter {
    pub(crate) fn new(file: File, counts: Arc<OutputCounts>, bound: u64) -> Self {
        counts.bound.store(bound, Ordering::Release);
        OutputWriter { file, counts }
    }

    /// How much was seen and kept so far.
    pub fn span(&self) -> OutputSpan {
        self.counts.span()
    }
}

impl Write for OutputWriter {
    /// Takes all of `buffer`, and keeps of it what the bound leaves room for.
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let OutputSpan { kept, bound, .. } = self.counts.span();
        let room = usize::try_from(bound.saturating_sub(kept)).unwrap_or(usize::MAX).min(buffer.len());
        self.file.write_all(&buffer[..room])?;
        self.counts.kept.fetch_add(room as u64, Ordering::AcqRel);
        self.counts.seen.fetch_add(buffer.len() as u64, Ordering::AcqRel);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
