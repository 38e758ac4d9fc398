//! The `ptrace` sensor: for anyone, with no privilege and no BPF.
//!
//! A tracer thread per environment seizes the launcher (`PTRACE_SEIZE`) and follows every process and thread that
//! descends from it. The launcher installs a seccomp program (`filter`) that stops just the watched calls; once the
//! artifact installs a filter of its own, which could hide calls, every call of its threads is stopped. Records leave
//! through `outbox`, counted by kind at both ends. If the tracer dies, the kernel kills what it traces (EXITKILL).

mod execs;
mod filter;
mod image;
mod memory;
mod outbox;
mod procfs;
mod socket;
mod stops;
mod sys;
mod take;
mod tasks;
mod tracer;
mod watch;

use crate::raw::Raw;
use crate::sensor::{Closing, Counts, Description, Hole, Rings, Sensor, SensorError, Target, Watching};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tracer::{Command, Report};

/// The sensor that traces processes.
#[derive(Debug)]
pub struct PtraceSensor {
    probe_us: u64,
}

impl PtraceSensor {
    /// Makes one, after a real trace of a process made for it.
    pub fn new() -> Result<Self, SensorError> {
        let begin = sys::boot_ns();
        let unavailable = |what: &str, error: io::Error| SensorError::Unavailable {
            what: what.into(),
            why: format!("{error}; look at kernel.yama.ptrace_scope, and at seccomp filters around Detektr"),
        };
        sys::prepare_wake().map_err(|error| unavailable("preparing the tracer's wake signal", error))?;
        std::thread::spawn(sys::probe)
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the probe broke down")))
            .map_err(|error| unavailable("tracing a process", error))?;
        Ok(PtraceSensor { probe_us: (sys::boot_ns() - begin) / 1000 })
    }
}

impl Sensor for PtraceSensor {
    fn describe(&self) -> Description {
        Description {
            name: "ptrace",
            hooks: vec!["seccomp-trace".into(), "every-call".into()],
            limitations: [
                "the artifact can see that it is traced (TracerPid, its own ptrace and PTRACE_TRACEME fail)",
                "objects are looked up in /proc while the calling thread stands still: another thread of it may change \
                 its descriptors and directories in between",
                "a string that a call takes is compared between entry and return only where threads or a vfork share \
                 its memory",
                "bytes read from open files are not counted: every read would have to be stopped",
                "CLONE_UNTRACED is taken out of what clone and clone3 do, so that no child escapes",
                "what was written is told per process and descriptor: duplicates of a descriptor, also in a child, count \
                 apart",
                "io_uring is refused with ENOSYS, so its operations can't happen",
                "the 32-bit socketcall that makes a socket is entered as socket itself, as a seccomp filter sees it too",
                "a call that a seccomp filter of the artifact answers by a listener that lets it continue looks like any \
                 other call",
                "a socket(AF_VSOCK) that Detektr's own wall refuses is not seen, unless every call is stopped",
                "a process started from the outside into the environment is not seen",
            ]
            .map(str::to_string)
            .to_vec(),
            load_us: self.probe_us,
            rings: Rings::Refused,
        }
    }

    fn launch_filter(&self, observe_stat: bool) -> Option<Vec<(u16, u8, u8, u32)>> {
        Some(filter::program(observe_stat))
    }

    fn watch(
        &mut self,
        target: Target,
        sink: SyncSender<Vec<Raw>>,
    ) -> Result<Box<dyn Watching>, SensorError> {
        let failed = |error: io::Error| SensorError::Unavailable {
            what: "starting the tracer's threads".into(),
            why: error.to_string(),
        };
        let (outbox, pump) = outbox::open(sink).map_err(failed)?;
        let (commands, inbox) = channel();
        let thread_number = Arc::new(AtomicI32::new(0));
        let report = Arc::new(Mutex::new(None));
        let thread = std::thread::Builder::new()
            .name("ptrace".into())
            .spawn({
                let (thread_number, report) = (thread_number.clone(), report.clone());
                move || {
                    thread_number.store(sys::this_thread(), Ordering::Release);
                    let told = tracer::run(&inbox, outbox, target.observe_stat);
                    *report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(told);
                }
            })
            .map_err(failed)?;
        let tracer = TracerThread { commands: Some(commands), thread: Some(thread), thread_number, report };
        Ok(Box::new(Traced { tracer, pump: Some(pump) }))
    }
}

/// The tracer thread, seen from its owner.
struct TracerThread {
    commands: Option<Sender<Command>>,
    thread: Option<JoinHandle<()>>,
    thread_number: Arc<AtomicI32>,
    report: Arc<Mutex<Option<Report>>>,
}

impl TracerThread {
    fn lost() -> SensorError {
        SensorError::Lost("the tracer thread ended".into())
    }

    fn alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Wakes the tracer out of its wait, where it is in one.
    fn wake(&self) {
        let number = self.thread_number.load(Ordering::Acquire);
        if number != 0 && self.alive() {
            sys::wake(number);
        }
    }

    /// Sends a command and waits for its answer. A wake-up can come right before the wait that it was meant for, so
    /// it is repeated until the answer is there.
    fn ask<T>(&self, command: Command, answer: &Receiver<T>) -> Result<T, SensorError> {
        let commands = self.commands.as_ref().ok_or_else(Self::lost)?;
        commands.send(command).map_err(|_| Self::lost())?;
        loop {
            self.wake();
            match answer.recv_timeout(Duration::from_millis(1)) {
                Ok(answer) => return Ok(answer),
                Err(RecvTimeoutError::Timeout) if self.alive() => {}
                Err(_) => return answer.try_recv().map_err(|_| Self::lost()),
            }
        }
    }

    /// Waits until the thread ends by itself, once its last tracee is gone.
    fn wait_for_end(&self) {
        while self.alive() {
            self.wake();
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Has the thread end now, whatever it still traces; `None` where it broke down.
    fn end(&mut self) -> Option<Report> {
        self.commands = None;
        let thread = self.thread.take()?;
        let number = self.thread_number.load(Ordering::Acquire);
        while !thread.is_finished() {
            sys::wake(number);
            std::thread::park_timeout(Duration::from_millis(1));
        }
        drop(thread.join());
        self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

impl Drop for TracerThread {
    fn drop(&mut self) {
        drop(self.end());
    }
}

/// A traced environment.
struct Traced {
    tracer: TracerThread,
    pump: Option<outbox::Pump>,
}

impl Watching for Traced {
    fn adopt(&mut self, pid: u32) -> Result<(), SensorError> {
        let (sender, answer) = channel();
        self.tracer.ask(Command::Adopt(pid, sender), &answer)?.map_err(|error| SensorError::Unavailable {
            what: format!("tracing the launcher, process {pid}"),
            why: error.to_string(),
        })
    }

    fn health(&mut self) -> Result<(), SensorError> {
        if self.tracer.alive() { Ok(()) } else { Err(TracerThread::lost()) }
    }

    fn finish(mut self: Box<Self>) -> Closing {
        let (sender, answer) = channel();
        let asked = self.tracer.ask(Command::Finish(sender), &answer);
        if asked.is_ok() {
            self.tracer.wait_for_end();
        }
        let report = self.tracer.end();
        let received = self.pump.take().and_then(outbox::Pump::join);
        close(report.filter(|_| asked.is_ok()), received)
    }
}

fn close(report: Option<Report>, received: Option<BTreeMap<detektr_event::Kind, u64>>) -> Closing {
    let mut holes = Vec::new();
    let sentinel = report.is_some() && received.is_some();
    if !sentinel {
        holes.push(Hole {
            reason: "sensor_lost",
            detail: "the tracer ended before the environment did".into(),
        });
    }
    let received = received.unwrap_or_default();
    let mut ledger = BTreeMap::new();
    if let Some(report) = report {
        holes.extend(report.holes);
        for (kind, counts) in report.counts {
            let received = received.get(&kind).copied().unwrap_or(0);
            ledger.insert(
                kind,
                Counts { received, emitted: received, dropped: counts.attempted - received, ..counts },
            );
        }
    }
    let dropped: u64 = ledger.values().map(|counts: &Counts| counts.dropped).sum();
    if dropped > 0 {
        holes.push(Hole { reason: "sequence_gap", detail: format!("{dropped} records found no reader") });
    }
    Closing { ledger, holes, sentinel, ..Closing::default() }
}
