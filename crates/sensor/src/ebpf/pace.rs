//! Keeps a ring from running full: the environment is paused (`cgroup.freeze`) while the ring is more than half full,
//! and goes on once most of it was read. What was seen costs the artifact time then, and never a record.
//!
//! Source: Linux, `Documentation/admin-guide/cgroup-v2.rst` (`cgroup.freeze`); the pages of a ring, `kernel/bpf/ringbuf.c`.

use crate::Pauses;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// The pace of one environment. Dropping it lets the environment go on.
pub(super) struct Pace {
    positions: Positions,
    freeze: File,
    /// Bytes in the ring from which on the environment is paused, and down to which it stays so.
    high: usize,
    low: usize,
    since: Option<Instant>,
    pauses: Pauses,
}

impl Pace {
    /// For the environment in `cgroup`, whose records go into a ring of `bytes`.
    pub fn of(ring: impl AsFd, bytes: u32, cgroup: &Path) -> io::Result<Pace> {
        let freeze = File::options().write(true).open(cgroup.join("cgroup.freeze"))?;
        let bytes = bytes as usize;
        let positions = Positions::of(ring)?;
        Ok(Pace {
            positions,
            freeze,
            high: bytes / 2,
            low: bytes / 8,
            since: None,
            pauses: Pauses::default(),
        })
    }

    /// Pauses the environment or lets it go on, as the ring has it.
    pub fn look(&mut self) {
        let filled = self.positions.filled();
        let paused = self.since.is_some();
        if !paused && filled > self.high && self.set(b"1").is_ok() {
            self.since = Some(Instant::now());
        } else if paused && filled <= self.low {
            self.go_on();
        }
    }

    /// The pauses so far, that which is on included.
    pub fn pauses(&self) -> Pauses {
        let Pauses { times, us } = self.pauses;
        let now = self.since.map(|since| (1, since.elapsed().as_micros() as u64)).unwrap_or_default();
        Pauses { times: times + now.0, us: us + now.1 }
    }

    fn go_on(&mut self) {
        // refused only where the cgroup is gone, and its processes with it
        let _ = self.set(b"0");
        self.pauses = self.pauses();
        self.since = None;
    }

    fn set(&mut self, value: &[u8]) -> io::Result<()> {
        self.freeze.write_all(value)
    }
}

impl Drop for Pace {
    fn drop(&mut self) {
        if self.since.is_some() {
            self.go_on();
        }
    }
}

/// How far a ring was written and read: its first two pages, which the kernel keeps up to date.
struct Positions {
    pages: NonNull<libc::c_void>,
    page: usize,
}

// SAFETY: the mapping belongs to this value alone and is only read, atomically.
unsafe impl Send for Positions {}

impl Positions {
    fn of(ring: impl AsFd) -> io::Result<Positions> {
        // SAFETY: sysconf reads no memory of ours.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as usize;
        let ring = ring.as_fd().as_raw_fd();
        // SAFETY: a new mapping at an address that the kernel chooses.
        let pages =
            unsafe { libc::mmap(std::ptr::null_mut(), 2 * page, libc::PROT_READ, libc::MAP_SHARED, ring, 0) };
        if pages == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let pages = NonNull::new(pages).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Positions { pages, page })
    }

    /// Bytes that were reserved and not read yet.
    fn filled(&self) -> usize {
        let at = |offset: usize| {
            // SAFETY: both pages are mapped while the value lives, and each begins with the kernel's counter.
            unsafe { self.pages.byte_add(offset).cast::<AtomicUsize>().as_ref() }.load(Ordering::Acquire)
        };
        // the reader's first: then the difference can't fall below what is there
        let read = at(0);
        at(self.page).wrapping_sub(read)
    }
}

impl Drop for Positions {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `of` with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.pages.as_ptr(), 2 * self.page) };
    }
}
