//! The stream: raw records from the sensor become events and go to the bundle, in order, on one thread.

use crate::attribute::Attribution;
use crate::beneath::Beneath;
use crate::logs::Logs;
use crate::network::conversation::{self, Conversations};
use detektr_event::{Access, BaitRead, Detail, Event, Outcome, SensorName, Sha256};
use detektr_evidence::persistence::{Journal, Prover};
use detektr_evidence::reconcile::Files;
use detektr_evidence::{BundleWriter, EvidenceError};
use detektr_sensor::ExecutedFiles;
use detektr_sensor::decode::Decoder;
use detektr_sensor::raw::{Body, Raw};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long an event may wait before it is readable after a crash.
const FLUSH: Duration = Duration::from_millis(500);

/// The same, where the simulated internet or programs' logs speak as well and must not be made to wait.
const SHARED: Duration = Duration::from_millis(10);

/// How long a message waits for events that came before it.
const SILENCE: Duration = Duration::from_millis(200);

/// Counts that others read while the recorder works.
#[derive(Debug, Default)]
pub struct Live {
    /// Events written.
    pub events: AtomicU64,
    /// Processes born.
    pub processes: AtomicU64,
    /// The bundle can't be written to any more (a full disk).
    pub broken: AtomicBool,
}

/// A running recorder.
pub struct Recorder {
    thread: JoinHandle<(Inputs, Result<(), EvidenceError>)>,
}

/// Who follows the events of a phase, once they have their numbers.
pub enum Follower {
    /// What the artifact does where persistence is kept.
    Journal(Journal),
    /// What the started programs do.
    Prover(Prover),
}

/// What a recorder needs beside the stream; it hands all of it back.
pub struct Inputs {
    /// The bundle.
    pub writer: BundleWriter,
    /// The decoder, the launcher made known to it.
    pub decoder: Decoder,
    /// Hashes of executed files, where they are taken.
    pub executed: Option<ExecutedFiles>,
    /// Bait files: path to name.
    pub baits: HashMap<Vec<u8>, String>,
    /// What holds the events against the file-system difference.
    pub files: Files<'static>,
    /// The file system beneath the overlays.
    pub beneath: Beneath,
    /// Credits denied acts.
    pub attribution: Attribution,
    /// Follows the events.
    pub follower: Follower,
    /// Shared counts.
    pub live: Arc<Live>,
    /// What the simulated internet tells, where there is one.
    pub conversations: Option<Conversations>,
    /// What programs log, where their sockets are there.
    pub logs: Option<Logs>,
}

impl Recorder {
    /// Records what comes out of `source` until its other end is closed.
    pub fn start(source: Receiver<Vec<Raw>>, inputs: Inputs) -> std::io::Result<Self> {
        let thread =
            std::thread::Builder::new().name("recorder".into()).spawn(move || record(&source, inputs))?;
        Ok(Recorder { thread })
    }

    /// Waits for the end of the stream. The error is that of the bundle, where it could not be written.
    pub fn finish(self) -> std::thread::Result<(Inputs, Result<(), EvidenceError>)> {
        self.thread.join()
    }
}

fn record(source: &Receiver<Vec<Raw>>, mut inputs: Inputs) -> (Inputs, Result<(), EvidenceError>) {
    let live = inputs.live.clone();
    let patience = if inputs.conversations.is_some() || inputs.logs.is_some() { SHARED } else { FLUSH };
    let mut result = Ok(());
    let mut events = Vec::new();
    let mut flushed = Instant::now();
    let mut unflushed = false;
    let born = live.processes.load(Ordering::Relaxed);
    loop {
        let batch = match source.recv_timeout(patience) {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for mut raw in batch {
            inputs.write_logged(Some(raw.boot_ns), &mut result);
            if let Some(executed) = &inputs.executed {
                add_hash(&mut raw, executed);
            }
            inputs.decoder.decode(raw, &mut events);
            for mut event in events.drain(..) {
                inputs.attribution.event(&mut event);
                if let Some(conversations) = &mut inputs.conversations {
                    conversations.event(&event);
                }
                if result.is_ok() {
                    result = inputs.write(event);
                }
            }
            unflushed = true;
        }
        // Where the sensor says nothing, no exec is on its way that came long before.
        let until = crate::clock::boot_ns().saturating_sub(SILENCE.as_nanos() as u64);
        inputs.write_logged(Some(until), &mut result);
        if let Some(conversations) = &mut inputs.conversations {
            conversations.listen();
        }
        unflushed |= inputs.write_told(&mut result);
        live.events.store(inputs.writer.events(), Ordering::Relaxed);
        live.processes.store(born + inputs.decoder.births().processes.len() as u64, Ordering::Relaxed);
        if unflushed && result.is_ok() && flushed.elapsed() >= FLUSH {
            result = inputs.writer.flush();
            flushed = Instant::now();
            unflushed = false;
        }
        if result.is_err() {
            live.broken.store(true, Ordering::Relaxed);
        }
    }
    if let Some(conversations) = &mut inputs.conversations {
        conversations.finish();
    }
    inputs.write_told(&mut result);
    inputs.write_logged(None, &mut result);
    (inputs, result)
}

/// Adds the hash of the executed file to an exec that has none.
fn add_hash(raw: &mut Raw, executed: &ExecutedFiles) {
    match &mut raw.body {
        Body::Exec(exec) if exec.sha256.is_none() => {
            let path = exec.exe.path.as_whole().map(|path| path.as_bytes().to_vec()).unwrap_or_default();
            let hash = executed.take(exec.old_tid, &path, exec.interpreter.is_some());
            exec.sha256 = Some(hash.unwrap_or_else(|| {
                Sha256::Absent {
                    absent: if exec.exe.memfd {
                        "a memfd"
                    } else {
                        "not a file of the environment's own file system"
                    }
                    .into(),
                }
            }));
        }
        Body::FailedExec(_) | Body::Exit(_) => executed.forget(raw.tid),
        _ => {}
    }
}

impl Inputs {
    fn write(&mut self, mut event: Event) -> Result<(), EvidenceError> {
        self.writer.event_ref(&mut event)?;
        self.files.event(&event);
        self.beneath.event(&event);
        match &mut self.follower {
            Follower::Journal(journal) => journal.event(&event),
            Follower::Prover(prover) => prover.event(&event),
        }
        if let Some(read) = bait_read(&event, &self.baits) {
            self.writer.event(read)?;
        }
        Ok(())
    }

    /// Writes what the simulated internet told and is ready; whether there was any.
    fn write_told(&mut self, result: &mut Result<(), EvidenceError>) -> bool {
        let Some(conversations) = &mut self.conversations else { return false };
        let mut any = false;
        while let Some((event, contents)) = conversations.ready() {
            any = true;
            if result.is_ok() {
                *result = conversation::write(&mut self.writer, event, contents);
            }
        }
        any
    }

    /// Writes what programs logged before `until` (nanoseconds since boot), without it everything.
    fn write_logged(&mut self, until: Option<u64>, result: &mut Result<(), EvidenceError>) {
        let Some(logs) = &mut self.logs else { return };
        let mut events = Vec::new();
        let decoder = &self.decoder;
        logs.take(decoder.phase(), until, |pid| decoder.process(pid), &mut events);
        for event in events {
            if result.is_ok() {
                *result = self.writer.event(event).map(drop);
            }
        }
    }
}

/// The fact that follows from a bait file being opened for reading.
fn bait_read(event: &Event, baits: &HashMap<Vec<u8>, String>) -> Option<Event> {
    let Detail::FileOpen { file } = &event.detail else { return None };
    if !event.outcome.is_success() || !matches!(file.access, Access::Read | Access::ReadWrite) {
        return None;
    }
    let bait = baits.get(file.path.in_environment()?)?;
    Some(Event {
        sensor: SensorName::Detektr,
        outcome: Outcome::SUCCESS,
        detail: Detail::BaitRead { bait: BaitRead { bait: bait.clone(), flow: None } },
        syscall: None,
        ..event.clone()
    })
}
