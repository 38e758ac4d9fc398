//! From what a sensor saw to what it means, said once for every sensor.
//!
//! The decoder is a value without I/O: records go in, events come out, in the order of the records. It keeps a
//! table of processes, so that each event names its process by an identity that outlives the kernel's numbers.
//! An event's position in the stream is given when it is written. `docs/events.md` tells what each means.

mod abi;
mod address;
mod call;
mod credentials;
mod execs;
mod file;
mod flags;
mod kernel;
mod names;
mod network;
mod numbers;
mod path;
mod process;
mod specs;
mod times;

pub use crate::tracker::Population;
pub use abi::{errno_name, signal_name};
pub use numbers::{IdRange, Numbers, UNMAPPED};
pub(crate) use path::View;

use crate::Hole;
use crate::calls::Take;
use crate::raw::{Birth, Body, Raw, RawCall, RawCredentials, RawExit, RawObject, Taken};
use crate::tracker::{Born, Tracker};
use call::Call;
use detektr_event::{
    Actor, ArgumentRace, Copied, Detail, Event, Exit, Fork, Kind, Outcome, OutcomeResult, Phase, ProcessRef,
    SensorName, Signal, Syscall, Timestamp, Unreadable, WALL,
};
use path::Paths;
use std::collections::{BTreeSet, HashSet};

/// What a decoder must know beforehand.
#[derive(Clone, Debug)]
pub struct DecoderConfig {
    /// Whose records it decodes.
    pub sensor: SensorName,
    /// The environment's own numbers.
    pub environment: Numbers,
    /// What to add to nanoseconds since boot to have nanoseconds since 1970.
    pub boot_to_wall_ns: i64,
}

/// Makes events of the records of one environment.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    tracker: Tracker,
    phase: Phase,
    implants: HashSet<Vec<u8>>,
    left_cgroup: u64,
    joined_cgroup: u64,
    broken_births: u64,
    unknown_calls: BTreeSet<(&'static str, u32)>,
}

impl Decoder {
    /// A decoder for an environment in which nothing has happened yet.
    pub fn new(config: DecoderConfig) -> Self {
        Decoder {
            config,
            tracker: Tracker::default(),
            phase: Phase::Setup,
            implants: HashSet::new(),
            left_cgroup: 0,
            joined_cgroup: 0,
            broken_births: 0,
            unknown_calls: BTreeSet::new(),
        }
    }

    /// Process `tgid` (sensor's pid namespace) is Detektr's launcher: it acts for the environment until its first
    /// successful exec. To be said before the launcher is released; its birth may come before or after.
    pub fn launcher(&mut self, tgid: u32) {
        self.tracker.launcher(tgid);
    }

    /// From now on it is `phase`. `Setup` becomes `Execute` by itself, at the launcher's first successful exec;
    /// the phases of triggers begin by this call.
    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// From now on it is `phase`, in which the launcher is a starter. Its children act for the environment but
    /// for those that `starts` marks, in their order, and for whoever executes one of `implants` (paths inside):
    /// these, and what descends from them, act for the artifact.
    pub fn trigger(&mut self, phase: Phase, starts: Vec<bool>, implants: HashSet<Vec<u8>>) {
        self.phase = phase;
        self.implants = implants;
        self.tracker.starter(starts.into());
    }

    /// Now it is this phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Processes and threads that were born, by their number in the environment's pid namespace.
    pub fn births(&self) -> &Population {
        &self.tracker.births
    }

    /// Processes and threads that ended.
    pub fn exits(&self) -> &Population {
        &self.tracker.exits
    }

    /// Calls that were to make a process or thread and that a signal broke off, as when their maker is killed. The
    /// kernel may have taken a number for the child by then.
    pub fn broken_births(&self) -> u64 {
        self.broken_births
    }

    /// How many known processes have not ended.
    pub fn living(&self) -> usize {
        self.tracker.living()
    }

    /// What the records themselves show to be missing. To be asked at the end.
    pub fn holes(&self) -> Vec<Hole> {
        let tracker = &self.tracker;
        let mut holes = Vec::new();
        let mut hole = |reason, count: u64, what: &str| {
            if count > 0 {
                holes.push(Hole { reason, detail: format!("{count} {what}") });
            }
        };
        hole("unknown_process", tracker.unknown_processes, "processes acted whose birth was not seen");
        hole("unknown_thread", tracker.unknown_threads, "threads acted whose birth was not seen");
        hole("missed_exit", tracker.missed_ends, "processes ended without a record of it");
        hole("untraced_process", tracker.strays() as u64, "processes were born of a maker that was not seen");
        hole("cgroup_left", self.left_cgroup, "tasks were moved out of the environment's cgroup");
        hole("cgroup_joined", self.joined_cgroup, "unknown tasks were moved into the environment's cgroup");
        for (arch, nr) in &self.unknown_calls {
            let detail = format!("call {nr} of {arch} came that no line of the table describes");
            holes.push(Hole { reason: "unknown_call", detail });
        }
        holes
    }

    /// Appends the events of `raw` to `out`, with `seq` 0.
    pub fn decode(&mut self, raw: Raw, out: &mut Vec<Event>) {
        let Raw { boot_ns, tgid, tid, euid, body } = raw;
        match body {
            Body::Birth(birth) => return self.birth(boot_ns, tgid, tid, &birth, out),
            Body::CgroupMove { inside } => return self.cgroup_move(tgid, inside),
            Body::KernelSignal { signal, walled, .. } => {
                return self.kernel_signal(boot_ns, tgid, tid, signal, walled, out);
            }
            _ => {}
        }
        self.tracker.ensure(tgid, tid);
        if let Some(euid) = euid {
            self.tracker.set_euid(tid, euid);
        }
        match body {
            Body::Exec(exec) => self.exec(boot_ns, tgid, tid, &exec, out),
            Body::FailedExec(exec) => self.failed_exec(boot_ns, tgid, tid, &exec, out),
            Body::Exit(exit) => self.exit(boot_ns, tgid, tid, exit, out),
            Body::Call(call) => self.call(boot_ns, tgid, tid, &call, out),
            Body::Io(io) => {
                let path = self.paths(tgid).object(&io.object);
                if let Some(detail) = file::io(path, &io) {
                    out.push(self.event(boot_ns, self.reference(tgid, tid), Outcome::SUCCESS, detail, None));
                }
            }
            Body::Uring(uring) => {
                let (detail, outcome) = kernel::operation(self.paths(tgid), &uring);
                out.push(self.event(boot_ns, self.reference(tgid, tid), outcome, detail, None));
            }
            Body::Birth(_) | Body::CgroupMove { .. } | Body::KernelSignal { .. } => {}
        }
    }

    fn birth(&mut self, boot_ns: u64, tgid: u32, tid: u32, birth: &Birth, out: &mut Vec<Event>) {
        let maker = self.reference(tgid, tid);
        let born = self.tracker.birth(tgid, tid, birth);
        let Some(child) = self.tracker.process(birth.tgid).filter(|_| born != Born::Again) else { return };
        let fork = Fork {
            child: child.id(),
            pid: birth.env_tgid,
            tid: birth.env_tid,
            flags: process::clone_flags(birth.flags),
            thread: birth.tid != birth.tgid,
            io_worker: birth.io_worker,
        };
        let maker = maker.filter(|_| born == Born::Known);
        let outcome = Outcome::SUCCESS;
        out.push(self.event(boot_ns, maker.clone(), outcome.clone(), Detail::ProcessFork { fork }, None));
        // The launcher's own namespaces are the environment's.
        if maker.is_some()
            && let Some(detail) = process::born_into_namespaces(birth.flags)
        {
            out.push(self.event(boot_ns, maker, outcome, detail, None));
        }
    }

    fn exit(&mut self, boot_ns: u64, tgid: u32, tid: u32, exit: RawExit, out: &mut Vec<Event>) {
        let signal = exit.status & 0x7f;
        let detail = Detail::ProcessExit {
            exit: Exit {
                code: (signal == 0).then_some((exit.status >> 8) as u8),
                signal: (signal != 0).then(|| abi::signal_name(i64::from(signal))),
                core: signal != 0 && exit.status & 0x80 != 0,
                thread: !exit.process_ended,
                cpu_ns: exit.cpu_ns.filter(|_| exit.process_ended),
            },
        };
        out.push(self.event(boot_ns, self.reference(tgid, tid), Outcome::SUCCESS, detail, None));
        self.tracker.exit(tgid, tid, &exit);
    }

    fn kernel_signal(
        &mut self,
        boot_ns: u64,
        tgid: u32,
        tid: u32,
        signal: i32,
        walled: bool,
        out: &mut Vec<Event>,
    ) {
        self.tracker.ensure(tgid, tid);
        let target = self.tracker.process(tgid).map_or(0, |process| i64::from(process.env_tgid));
        let signal =
            Signal { signal: abi::signal_name(i64::from(signal)), call: "kernel".to_owned(), target };
        let outcome = Outcome { enforcer: walled.then(|| WALL.to_owned()), ..Outcome::SUCCESS };
        out.push(self.event(boot_ns, None, outcome, Detail::ProcessSignal { signal }, None));
    }

    fn cgroup_move(&mut self, tgid: u32, inside: bool) {
        match (inside, self.tracker.process(tgid)) {
            (false, _) => self.left_cgroup += 1,
            (true, None) => self.joined_cgroup += 1,
            (true, Some(_)) => {}
        }
    }

    fn call(&mut self, boot_ns: u64, tgid: u32, tid: u32, raw: &RawCall, out: &mut Vec<Event>) {
        let first = self.tracker.first_call(tid);
        let Some(spec) = specs::find(raw.abi, raw.nr) else {
            self.unknown_calls.insert((abi::arch_name(raw.abi), raw.nr));
            return;
        };
        let mut details = Vec::new();
        let (mut outcome, kind) = {
            let call = Call::new(spec, raw, self.paths(tgid));
            // A child begins by returning from the call of its parent.
            if first && spec.kind == Kind::ProcessFork && raw.ret == crate::raw::Returned::Skipped(0) {
                return;
            }
            let kind = process::kind_of(&call, spec.kind).and_then(|kind| network::kind_of(&call, kind));
            let Some(kind) = kind else { return };
            (call.outcome(), kind)
        };
        let broken = outcome.result == OutcomeResult::Unfinished || outcome.errno.as_deref() == Some("EINTR");
        if kind == Kind::ProcessFork && broken {
            self.broken_births += 1;
        }
        let family = kind.name().split('.').next().unwrap_or_default();
        let caller = self.tracker.process(tgid).map(crate::tracker::Process::id);
        let call = Call::new(spec, raw, self.paths(tgid));
        match (family, caller) {
            (_, Some(_)) if kind == Kind::ProcessExec => return,
            (_, Some(_)) if kind == Kind::ProcessCredentials => {
                let (old, new) = self.credentials_of(&call, tgid);
                credentials::quiet_failure(&call, &mut outcome, &old, &new);
                details.push(credentials::decode(&call, old, new));
            }
            ("process", Some(id)) => process::decode(&call, kind, &process::Caller { id }, &mut details),
            ("file", _) => file::decode(&call, kind, &mut details),
            ("network", _) => network::decode(&call, &mut details),
            _ => kernel::decode(&call, kind, &mut details),
        }
        races(&call, &mut details);
        let syscall = call.syscall();
        let reference = self.reference(tgid, tid);
        out.extend(details.into_iter().map(|detail| {
            self.event(boot_ns, reference.clone(), outcome.clone(), detail, Some(syscall.clone()))
        }));
        self.learn(tgid, tid, raw, kind, &outcome);
    }

    /// Credentials before and after a call, from the record, else the last that are known.
    fn credentials_of(&self, call: &Call<'_>, tgid: u32) -> (RawCredentials, RawCredentials) {
        let position = usize::from(call.name == "prctl");
        if let Some((old, new)) = call.credentials(position) {
            return (*old, *new);
        }
        let known = self.tracker.process(tgid).and_then(|process| process.credentials);
        let known = known.unwrap_or(RawCredentials {
            uids: [UNMAPPED; 4],
            gids: [UNMAPPED; 4],
            capabilities: Default::default(),
        });
        (known, known)
    }

    /// Keeps what a call tells of its process: credentials, and whose `/` it walks from.
    fn learn(&mut self, tgid: u32, tid: u32, raw: &RawCall, kind: Kind, outcome: &Outcome) {
        for taken in &raw.taken {
            if let Taken::Credentials(_, new) = taken
                && kind == Kind::ProcessCredentials
            {
                self.tracker.set_euid(tid, new.uids[1]);
                if let Some(process) = self.tracker.process_mut(tgid) {
                    process.credentials = Some(*new);
                }
            }
        }
        let changes_view = matches!(kind, Kind::ProcessChroot | Kind::ProcessNamespace | Kind::FilePivotRoot);
        let Some(process) = self.tracker.process_mut(tgid) else { return };
        if changes_view {
            if outcome.is_success() {
                // Not known any more; the next look at a working directory tells.
                process.view = View::default();
            }
            return;
        }
        let takes = specs::find(raw.abi, raw.nr).map_or(&[] as &[Take], |spec| spec.takes);
        for (take, taken) in takes.iter().zip(&raw.taken) {
            let own = match take {
                Take::Cwd => true,
                Take::Dir(position) => {
                    raw.args.get(usize::from(*position)).is_some_and(|arg| *arg as i32 == call::AT_FDCWD)
                }
                _ => false,
            };
            if let (true, Taken::Object(object)) = (own, taken) {
                process.view = view(object);
            }
        }
    }

    fn paths(&self, tgid: u32) -> Paths<'_> {
        const NO_VIEW: &View = &View { mount_namespace: 0, root: None };
        let view = self.tracker.process(tgid).map_or(NO_VIEW, |process| &process.view);
        Paths { numbers: &self.config.environment, view }
    }

    /// The process `pid` (sensor's pid namespace), that may have ended a while ago.
    pub fn process(&self, pid: u32) -> Option<ProcessRef> {
        self.reference(pid, pid)
    }

    fn reference(&self, tgid: u32, tid: u32) -> Option<ProcessRef> {
        let process = self.tracker.process(tgid)?;
        let thread = self.tracker.thread(tid);
        let euid = thread.and_then(|thread| thread.euid).or(process.credentials.map(|known| known.uids[1]));
        Some(ProcessRef {
            id: process.id(),
            pid: process.env_tgid,
            tid: thread.map_or(process.env_tgid, |thread| thread.env_tid),
            exe: process.exe.clone(),
            euid: euid.map_or(UNMAPPED, |euid| self.config.environment.uid(euid)),
            actor: process.actor,
        })
    }

    fn event(
        &self,
        boot_ns: u64,
        process: Option<ProcessRef>,
        outcome: Outcome,
        detail: Detail,
        syscall: Option<Syscall>,
    ) -> Event {
        let wall = i128::from(boot_ns) + i128::from(self.config.boot_to_wall_ns);
        let time = Timestamp(i64::try_from(wall).unwrap_or(i64::MAX));
        let environment = process.as_ref().is_some_and(|process| process.actor == Actor::Environment);
        let phase = if environment && self.phase == Phase::Execute { Phase::Setup } else { self.phase };
        Event { seq: 0, time, boot_ns, phase, sensor: self.config.sensor, process, outcome, detail, syscall }
    }
}

fn view(object: &RawObject) -> View {
    View { mount_namespace: object.mount_namespace, root: object.root.clone() }
}

/// Strings that changed while the kernel used them.
fn races(call: &Call<'_>, details: &mut Vec<Detail>) {
    for taken in &call.raw.taken {
        if let Taken::String { entry, at_return: Some(at_return) } = taken {
            let argument_race = ArgumentRace {
                call: call.name.to_owned(),
                at_entry: entry.clone(),
                at_return: at_return.clone(),
            };
            details.push(Detail::ProcessArgumentRace { argument_race });
        }
    }
}

/// A path that nobody took.
fn not_copied() -> Copied {
    Unreadable::NotCopied.into()
}

#[cfg(test)]
mod tests;
