//! What unpacking may cost. Whoever is watched decides what there is to unpack, so that none of it may grow without a
//! bound, neither in one stream nor in all streams of a run together; what a bound kept from being looked through is
//! counted.

use super::Finder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// Beginnings that are tried in every stream, and one more for so many bytes of it: some are there by chance.
const TRIES: u64 = 256;
const BYTES_A_TRY: u64 = 256;

/// The bounds, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// What is unpacked of one stream, parts within parts included.
    pub(super) of_stream: u64,
    /// What is unpacked of all streams of a run.
    pub(super) of_run: u64,
    /// Memory that everything that is being unpacked may take at once.
    pub(super) memory: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { of_stream: 256 << 20, of_run: 1 << 30, memory: 128 << 20 }
    }
}

/// What all streams of a run have used up.
#[derive(Debug)]
pub(super) struct Run {
    bounds: Bounds,
    unpacked: AtomicU64,
    memory: AtomicU64,
    cut: AtomicU64,
}

impl Run {
    pub(super) fn new(bounds: Bounds) -> Self {
        Run { bounds, unpacked: AtomicU64::new(0), memory: AtomicU64::new(0), cut: AtomicU64::new(0) }
    }

    /// In how many streams something was not looked through to its end.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Relaxed)
    }

    /// Bytes that were unpacked.
    #[cfg(test)]
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked.load(Relaxed)
    }

    /// Memory that is in use.
    #[cfg(test)]
    pub(super) fn memory(&self) -> u64 {
        self.memory.load(Relaxed)
    }
}

/// What one stream has used up, with all that was unpacked of it.
#[derive(Debug, Default)]
pub(super) struct Stream {
    passed: AtomicU64,
    tried: AtomicU64,
    unpacked: AtomicU64,
    cut: AtomicBool,
}

impl Stream {
    /// Bytes of the stream, or of what was unpacked of it, were looked through.
    pub(super) fn passed(&self, bytes: usize) {
        self.passed.fetch_add(bytes as u64, Relaxed);
    }

    /// Whether one more beginning may be tried.
    pub(super) fn tries(&self) -> bool {
        let allowed = TRIES + self.passed.load(Relaxed) / BYTES_A_TRY;
        self.tried.fetch_add(1, Relaxed) < allowed
    }

    /// Counts bytes that were unpacked.
    pub(super) fn unpacked(&self, run: &Run, bytes: usize) {
        self.unpacked.fetch_add(bytes as u64, Relaxed);
        run.unpacked.fetch_add(bytes as u64, Relaxed);
    }

    /// Whether more may be unpacked.
    pub(super) fn goes_on(&self, run: &Run) -> bool {
        self.unpacked.load(Relaxed) < run.bounds.of_stream && run.unpacked.load(Relaxed) < run.bounds.of_run
    }

    /// Something is not looked through to its end.
    pub(super) fn cut(&self, run: &Run) {
        if !self.cut.swap(true, Relaxed) {
            run.cut.fetch_add(1, Relaxed);
        }
    }
}

/// A share of the memory, given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    finder: Arc<Finder>,
    bytes: u64,
}

impl Share {
    /// `None` where there is no such share left.
    pub(super) fn take(finder: &Arc<Finder>, bytes: u64) -> Option<Share> {
        let share = Share { finder: finder.clone(), bytes };
        let taken = finder.run.memory.fetch_add(bytes, Relaxed) + bytes;
        (taken <= finder.run.bounds.memory).then_some(share)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.finder.run.memory.fetch_sub(self.bytes, Relaxed);
    }
}
