//! The way out: records gather here and go to the sink in batches, by a thread of their own, so that the tracer
//! never wakes a reader for each record. Every record is counted by kind on both sides.

use crate::raw::{Body, Raw};
use crate::sensor::Counts;
use detektr_event::Kind;
use std::collections::BTreeMap;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// A batch is let grow this long before it goes.
const GATHER: Duration = Duration::from_millis(2);
/// With more records than this under way the tracer waits, and the environment with it: nothing is lost.
const MOST: usize = 1 << 14;

#[derive(Default)]
struct Shared {
    batch: Vec<Raw>,
    closed: bool,
    /// The sink is gone, or the sending thread.
    broken: bool,
}

#[derive(Default)]
struct Gate {
    shared: Mutex<Shared>,
    changed: Condvar,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Where the tracer puts records.
pub(super) struct Outbox {
    gate: Arc<Gate>,
    counts: BTreeMap<Kind, Counts>,
}

/// The thread that sends.
pub(super) struct Pump {
    thread: JoinHandle<BTreeMap<Kind, u64>>,
}

/// Starts the sending thread.
pub(super) fn open(sink: SyncSender<Vec<Raw>>) -> std::io::Result<(Outbox, Pump)> {
    let gate = Arc::new(Gate::default());
    let thread = std::thread::Builder::new().name("ptrace-records".into()).spawn({
        let gate = gate.clone();
        move || pump(&gate, &sink)
    })?;
    Ok((Outbox { gate, counts: BTreeMap::new() }, Pump { thread }))
}

impl Outbox {
    /// Puts one record.
    pub(super) fn put(&mut self, raw: Raw) {
        let counts = self.counts.entry(kind(&raw.body)).or_default();
        counts.attempted += 1;
        let mut shared = self.gate.lock();
        while shared.batch.len() >= MOST && !shared.broken {
            shared = self.gate.changed.wait(shared).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        if shared.broken {
            counts.dropped += 1;
            return;
        }
        counts.emitted += 1;
        shared.batch.push(raw);
        if shared.batch.len() == 1 {
            self.gate.changed.notify_all();
        }
    }

    /// The counts so far.
    pub(super) fn counts(&self) -> BTreeMap<Kind, Counts> {
        self.counts.clone()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.gate.lock().closed = true;
        self.gate.changed.notify_all();
    }
}

impl Pump {
    /// After the outbox is gone: waits until all is sent, and tells how much of each kind was. `None`: the thread
    /// broke down.
    pub(super) fn join(self) -> Option<BTreeMap<Kind, u64>> {
        self.thread.join().ok()
    }
}

/// Marks the gate broken when the sending thread ends, however it ends.
struct Breaker<'a>(&'a Gate);
impl Drop for Breaker<'_> {
    fn drop(&mut self) {
        self.0.lock().broken = true;
        self.0.changed.notify_all();
    }
}

fn pump(gate: &Gate, sink: &SyncSender<Vec<Raw>>) -> BTreeMap<Kind, u64> {
    let _breaker = Breaker(gate);
    let mut received: BTreeMap<Kind, u64> = BTreeMap::new();
    loop {
        let shared = gate.lock();
        let shared = gate
            .changed
            .wait_while(shared, |shared| shared.batch.is_empty() && !shared.closed)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let (mut shared, _) = gate
            .changed
            .wait_timeout_while(shared, GATHER, |shared| !shared.closed && shared.batch.len() < MOST / 2)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let batch = std::mem::take(&mut shared.batch);
        let closed = shared.closed;
        drop(shared);
        gate.changed.notify_all();
        if !batch.is_empty() {
            let mut counted: BTreeMap<Kind, u64> = BTreeMap::new();
            for raw in &batch {
                *counted.entry(kind(&raw.body)).or_default() += 1;
            }
            if sink.send(batch).is_err() {
                return received;
            }
            for (kind, count) in counted {
                *received.entry(kind).or_default() += count;
            }
        } else if closed {
            return received;
        }
    }
}

/// The kind that a record counts under.
pub(super) fn kind(body: &Body) -> Kind {
    match body {
        Body::Birth(_) => Kind::ProcessFork,
        Body::Exec(_) | Body::FailedExec(_) => Kind::ProcessExec,
        Body::Exit(_) => Kind::ProcessExit,
        Body::Call(call) => match super::watch::handling(call.abi, call.nr) {
            Some(super::watch::Handling::Call(spec)) => spec.kind,
            _ => Kind::ProcessSeccomp,
        },
        Body::Io(_) => Kind::FileWrite,
        Body::KernelSignal { .. } => Kind::ProcessSignal,
        Body::Uring(_) => Kind::KernelIoUring,
        Body::CgroupMove { .. } => Kind::ProcessNamespace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::RawExit;

    fn end(tid: u32) -> Raw {
        let body = Body::Exit(RawExit { status: 0, process_ended: true, cpu_ns: None });
        Raw { boot_ns: 0, tgid: tid, tid, euid: None, body }
    }

    #[test]
    fn records_arrive_in_order_and_are_counted_at_both_ends() {
        let (sink, records) = std::sync::mpsc::sync_channel(2);
        let (mut outbox, pump) = open(sink).expect("a thread");
        let reader =
            std::thread::spawn(move || records.into_iter().flatten().map(|raw| raw.tid).collect::<Vec<_>>());
        (0..100_000).for_each(|tid| outbox.put(end(tid)));
        let counts = outbox.counts()[&Kind::ProcessExit];
        drop(outbox);
        assert_eq!((counts.attempted, counts.emitted, counts.dropped), (100_000, 100_000, 0));
        assert_eq!(pump.join(), Some(BTreeMap::from([(Kind::ProcessExit, 100_000)])));
        assert!(reader.join().expect("the reader ends").into_iter().eq(0..100_000));
    }

    #[test]
    fn records_without_a_reader_are_counted_as_not_received() {
        let (sink, records) = std::sync::mpsc::sync_channel(2);
        drop(records);
        let (mut outbox, pump) = open(sink).expect("a thread");
        outbox.put(end(1));
        let counts = outbox.counts()[&Kind::ProcessExit];
        drop(outbox);
        let received = pump.join().expect("the pump ended by itself");
        assert_eq!((counts.attempted, received.get(&Kind::ProcessExit)), (1, None));
    }
}
