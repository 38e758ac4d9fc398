//! The thread that polls a ring. Nothing wakes it: a wake-up for each record costs more than the record.

use super::kernel::KINDS;
use super::merge::Merge;
use super::pace::Pace;
use super::wire::{Record, kind_of};
use crate::Pauses;
use crate::raw::Raw;
use aya::maps::{MapData, RingBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const POLL: Duration = Duration::from_millis(2);
/// How long the reader waits for room at whoever takes its batches, between two looks at the ring.
const FULL: Duration = Duration::from_millis(1);
const BATCH: usize = 512;

/// What the reader and the watch share.
#[derive(Default)]
pub(super) struct Shared {
    /// Stop once the ring is empty, sentinel or not.
    pub stop: AtomicBool,
    /// Times that the ring was seen empty.
    pub drained: AtomicU64,
    /// Whether the thread is at work.
    pub alive: AtomicBool,
    /// Processes born and not ended, as told so far.
    pub born: Mutex<std::collections::HashSet<u32>>,
}

/// What the reader saw, over all.
#[derive(Debug)]
pub(super) struct Seen {
    /// Records by kind.
    pub received: [u64; KINDS as usize],
    /// Records in all, sentinel included.
    pub records: u64,
    /// Number of the sentinel, where it came.
    pub sentinel: Option<u64>,
    /// Records that made no sense.
    pub malformed: u64,
    /// Times that the environment had to wait for the reader.
    pub pauses: Pauses,
}

/// Reads until the sentinel, or until it is told to stop. The ring comes back, empty after a sentinel. Where the
/// environment is faster than the reader, `pace` has it wait.
pub(super) fn read(
    mut ring: RingBuf<MapData>,
    sink: SyncSender<Vec<Raw>>,
    shared: &Arc<Shared>,
    mut pace: Option<Pace>,
) -> (Seen, RingBuf<MapData>) {
    let mut seen = Seen {
        received: [0; KINDS as usize],
        records: 0,
        sentinel: None,
        malformed: 0,
        pauses: Pauses::default(),
    };
    let mut merge = Merge::default();
    let mut batch = Vec::with_capacity(BATCH);
    shared.alive.store(true, Ordering::Release);
    loop {
        let stop = shared.stop.load(Ordering::Acquire);
        let mut any = false;
        while let Some(bytes) = ring.next() {
            any = true;
            seen.records += 1;
            let Some(record) = Record::parse(&bytes) else {
                seen.malformed += 1;
                continue;
            };
            if let Some(count) = seen.received.get_mut(usize::from(record.header.kind)) {
                *count += 1;
            }
            if record.header.of == kind_of::SENTINEL {
                seen.sentinel = Some(record.header.seq);
                continue;
            }
            merge.take(record, &mut batch);
            if batch.len() >= BATCH {
                drop(bytes);
                hand_on(&sink, std::mem::replace(&mut batch, Vec::with_capacity(BATCH)), &mut pace);
            }
        }
        let over = !any && (seen.sentinel.is_some() || stop);
        if over {
            merge.rest(&mut batch);
        }
        if !batch.is_empty() {
            hand_on(&sink, std::mem::take(&mut batch), &mut pace);
        } else if let Some(pace) = &mut pace {
            // also where what was read made no batch: nothing more comes from an environment that waits
            pace.look();
        }
        if any && let Ok(mut born) = shared.born.lock() {
            born.clone_from(&merge.born);
        }
        shared.drained.fetch_add(1, Ordering::AcqRel);
        if over {
            break;
        }
        if !any {
            std::thread::park_timeout(POLL);
        }
    }
    shared.alive.store(false, Ordering::Release);
    seen.pauses = pace.map(|pace| pace.pauses()).unwrap_or_default();
    (seen, ring)
}

/// Gives `batch` to the sink; while that has no room, the ring is kept from running full.
fn hand_on(sink: &SyncSender<Vec<Raw>>, mut batch: Vec<Raw>, pace: &mut Option<Pace>) {
    loop {
        if let Some(pace) = pace {
            pace.look();
        }
        match sink.try_send(batch) {
            // a receiver that is gone is told by the run itself
            Ok(()) | Err(TrySendError::Disconnected(_)) => return,
            Err(TrySendError::Full(back)) => batch = back,
        }
        std::thread::park_timeout(FULL);
    }
}
