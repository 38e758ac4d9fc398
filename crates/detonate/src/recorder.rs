//! The stream: raw records from the sensor become events and go to the bundle, in order, on one thread.

use crate::attribute::Attribution;
use crate::beneath::Beneath;
use crate::logs::Logs;
use crate::network::conversation::{self, Conversations};
use crate::witnesses::Overlays;
use detektr_event::{Access, BaitRead, Detail, Event, Outcome, SensorName, Sha256};
use detektr_evidence::reconcile::Files;
use detektr_evidence::{BundleWriter, Counts, EvidenceError, FsdiffWitness};
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

/// What the recorder hands back when the stream has ended.
pub struct Recorded {
    /// The bundle so far.
    pub writer: BundleWriter,
    /// The decoder, with what it knows of processes.
    pub decoder: Decoder,
    /// What the file-system difference says, or why the bundle could not be written.
    pub fsdiff: Result<FsdiffWitness, EvidenceError>,
    /// What the host changed of the files that the run used.
    pub host_changed: Vec<String>,
    /// Whose the conversations were.
    pub conversations: Option<Conversations>,
    /// What programs logged, where their sockets were there.
    pub logged: Option<Counts>,
}

/// A running recorder.
pub struct Recorder {
    thread: JoinHandle<Recorded>,
}

/// What a recorder needs beside the stream.
pub struct Inputs {
    /// The bundle.
    pub writer: BundleWriter,
    /// The decoder, the launcher made known to it.
    pub decoder: Decoder,
    /// Hashes of executed files, where they are taken.
    pub executed: Option<ExecutedFiles>,
    /// Bait files: path to name.
    pub baits: HashMap<Vec<u8>, String>,
    /// The overlays as they were before the artifact starts.
    pub overlays: Overlays,
    /// The file system beneath them.
    pub beneath: Beneath,
    /// Credits denied acts.
    pub attribution: Attribution,
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

    /// Waits for the end of the stream.
    pub fn finish(self) -> std::thread::Result<Recorded> {
        self.thread.join()
    }
}

fn record(source: &Receiver<Vec<Raw>>, inputs: Inputs) -> Recorded {
    let Inputs {
        mut writer,
        mut decoder,
        executed,
        baits,
        overlays,
        mut beneath,
        mut attribution,
        live,
        mut conversations,
        mut logs,
    } = inputs;
    let patience = if conversations.is_some() || logs.is_some() { SHARED } else { FLUSH };
    let mut files = overlays.files();
    let mut failed = None;
    let mut events = Vec::new();
    let mut flushed = Instant::now();
    let mut unflushed = false;
    loop {
        let batch = match source.recv_timeout(patience) {
            Ok(batch) => batch,
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        for mut raw in batch {
            if let Some(logs) = &mut logs {
                record_logged(&mut writer, logs, &decoder, Some(raw.boot_ns), &live, &mut failed);
            }
            if let Some(executed) = &executed {
                add_hash(&mut raw, executed);
            }
            decoder.decode(raw, &mut events);
            for mut event in events.drain(..) {
                attribution.event(&mut event);
                if let Some(conversations) = &mut conversations {
                    conversations.event(&event);
                }
                if failed.is_none()
                    && let Err(error) = write(&mut writer, event, &baits, &mut files, &mut beneath)
                {
                    live.broken.store(true, Ordering::Relaxed);
                    failed = Some(error);
                }
            }
            unflushed = true;
        }
        // Where the sensor says nothing, no exec is on its way that came long before.
        if let Some(logs) = &mut logs {
            let until = crate::clock::boot_ns().saturating_sub(SILENCE.as_nanos() as u64);
            record_logged(&mut writer, logs, &decoder, Some(until), &live, &mut failed);
        }
        if let Some(conversations) = &mut conversations {
            conversations.listen();
            unflushed |= record_told(&mut writer, conversations, &live, &mut failed);
        }
        live.events.store(writer.events(), Ordering::Relaxed);
        live.processes.store(decoder.births().processes.len() as u64, Ordering::Relaxed);
        if unflushed && failed.is_none() && flushed.elapsed() >= FLUSH {
            if let Err(error) = writer.flush() {
                live.broken.store(true, Ordering::Relaxed);
                failed = Some(error);
            }
            flushed = Instant::now();
            unflushed = false;
        }
    }
    if let Some(conversations) = &mut conversations {
        conversations.finish();
        record_told(&mut writer, conversations, &live, &mut failed);
    }
    if let Some(logs) = &mut logs {
        record_logged(&mut writer, logs, &decoder, None, &live, &mut failed);
    }
    // The stream has ended, and with it every process: the overlays don't change any more.
    let fsdiff = match failed {
        Some(error) => Err(error),
        None => overlays.after(files, &mut writer),
    };
    let logged = logs.map(|logs| logs.counts());
    Recorded { writer, decoder, fsdiff, host_changed: beneath.changed(), conversations, logged }
}

/// Writes what the simulated internet told and is ready; whether there was any.
fn record_told(
    writer: &mut BundleWriter,
    conversations: &mut Conversations,
    live: &Live,
    failed: &mut Option<EvidenceError>,
) -> bool {
    let mut any = false;
    while let Some((event, contents)) = conversations.ready() {
        any = true;
        if failed.is_none()
            && let Err(error) = conversation::write(writer, event, contents)
        {
            live.broken.store(true, Ordering::Relaxed);
            *failed = Some(error);
        }
    }
    any
}

/// Writes what programs logged before `until` (nanoseconds since boot), without it everything.
fn record_logged(
    writer: &mut BundleWriter,
    logs: &mut Logs,
    decoder: &Decoder,
    until: Option<u64>,
    live: &Live,
    failed: &mut Option<EvidenceError>,
) {
    let mut events = Vec::new();
    logs.take(decoder.phase(), until, |pid| decoder.process(pid), &mut events);
    for event in events {
        if failed.is_none()
            && let Err(error) = writer.event(event)
        {
            live.broken.store(true, Ordering::Relaxed);
            *failed = Some(error);
        }
    }
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

fn write(
    writer: &mut BundleWriter,
    mut event: Event,
    baits: &HashMap<Vec<u8>, String>,
    files: &mut Files<'_>,
    beneath: &mut Beneath,
) -> Result<(), EvidenceError> {
    writer.event_ref(&mut event)?;
    files.event(&event);
    beneath.event(&event);
    if let Some(read) = bait_read(&event, baits) {
        writer.event(read)?;
    }
    Ok(())
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
        detail: Detail::BaitRead { bait: BaitRead { bait: bait.clone() } },
        syscall: None,
        ..event.clone()
    })
}
