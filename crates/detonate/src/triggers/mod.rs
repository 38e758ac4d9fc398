//! The trigger phases: what a real system would start again, because of what the run installed, is started, over the
//! same file system, and what comes of it is told as persistence.
//!
//! Nothing is started where nothing was found. Each phase is one starter in fresh namespaces: it begins the planned
//! programs in turn, in the order of the plan, and the sensor watches them as it watched the artifact.

mod job;
mod login;
mod reboot;
mod schedule;

use crate::artifact::ArtifactKind;
use crate::clock::now;
use crate::closing::{close, logged};
use crate::detonation::{Detonator, EndedResult, Failed, environment_failed, read_logs, sensor_failed};
use crate::error::DetonateError;
use crate::eyes::{Eyes, numbers, sensor_name};
use crate::recorder::{Follower, Inputs, Recorder};
use crate::request::{DetonateRequest, Progress, TRIGGERS};
use crate::witnesses::{Overlays, Populations};
use detektr_event::Phase;
use detektr_evidence::persistence::{
    Entry, FORMAT, Found, Look, Persistence, Prover, Reason, Status, Target, Triggered, Users, find,
};
use detektr_evidence::{ChangeKind, Diff, FileType, Manifest, MergedView, PhaseSpan};
use detektr_sandbox::{EndState, Environment, Job, Launched, Plan, Program, RANGE, RunAs};
use detektr_sensor::decode::{Decoder, DecoderConfig};
use std::collections::HashSet;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long programs that go on may run on once all were started.
const SETTLE: Duration = Duration::from_secs(2);
/// The most programs that one phase starts.
const JOBS: usize = 200;

/// What the trigger phases of one run need.
pub struct Stage<'a> {
    /// Has the sensor.
    pub detonator: &'a Detonator,
    /// What was asked for.
    pub request: &'a DetonateRequest,
    /// What the artifact is: the same sensor watches.
    pub kind: &'a ArtifactKind,
    /// The plan of the environment.
    pub plan: &'a Plan,
    /// Its files.
    pub overlays: &'a Overlays,
    /// What the artifact changed.
    pub diff: &'a Diff,
    /// The sockets that programs log to.
    pub sockets: &'a [OwnedFd],
}

/// What comes out of the trigger phases.
pub struct Staged {
    /// The recorder's things.
    pub inputs: Inputs,
    /// The last end of the environment's processes.
    pub ended: EndedResult,
    /// Whether a phase ran.
    pub ran: bool,
}

/// A program to start, and what it may prove.
struct Planned {
    job: Job,
    /// It runs what the artifact wrote.
    implant: bool,
    /// What starts it, for people.
    by: String,
    /// As whom, by name.
    user: String,
    /// Entries and ways, by position.
    proves: Vec<(usize, usize)>,
}

/// What became of one way to start an entry.
#[derive(Clone)]
struct Tried {
    phase: Phase,
    by: String,
    user: String,
    result: Result<Vec<u64>, Reason>,
}

impl Stage<'_> {
    /// Finds what was installed, runs the phases that start it, and writes what came of it.
    pub fn run(
        &self,
        mut inputs: Inputs,
        mut ended: EndedResult,
        environment: &mut Environment,
        manifest: &mut Manifest,
        population: &mut Populations,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Staged, DetonateError> {
        let Follower::Journal(journal) = &inputs.follower else {
            return Ok(Staged { inputs, ended, ran: false });
        };
        let (before, after) = self.overlays.views();
        let users = Users::read(&after);
        let person = match self.plan.user {
            RunAs::User => self.plan.identity.user.as_str(),
            RunAs::Root => {
                users.people().find(|user| user.uid != 0).map_or("root", |user| user.name.as_str())
            }
        };
        let look = Look {
            changes: &self.diff.changes,
            before: &before,
            after: &after,
            journal,
            users: &users,
            person,
        };
        let found = find(&look);
        if found.is_empty() {
            return Ok(Staged { inputs, ended, ran: false });
        }
        let implants = self.implants();
        let mut tried: Vec<Vec<Tried>> = vec![Vec::new(); found.len()];
        let mut phases = Vec::new();
        for phase in TRIGGERS.into_iter().filter(|phase| self.request.triggers.contains(phase)) {
            let planned = jobs(phase, &found, &users, &after, environment.only_user(), &mut tried);
            if planned.is_empty() || !self.goes_on(&ended, environment) {
                continue;
            }
            let start = now();
            let done =
                self.phase(phase, planned, &found, &implants, inputs, environment, manifest, progress)?;
            inputs = done.inputs;
            manifest.phases.push(PhaseSpan { phase, start, end: now() });
            phases.push(Triggered { phase, started: done.started, end: done.end });
            if let Some(watched) = done.ended {
                population.add(&inputs.decoder);
                ended = watched;
            }
            done.tried.into_iter().for_each(|(entry, way)| tried[entry].push(way));
        }
        let entries = found.into_iter().zip(tried).map(|(found, tried)| told(found, tried)).collect();
        let ran = !phases.is_empty();
        inputs.writer.persistence(&Persistence { format: FORMAT.into(), phases, entries })?;
        Ok(Staged { inputs, ended, ran })
    }

    /// Whether anything can still be started: the environment is whole, and nobody ended the run.
    fn goes_on(&self, ended: &EndedResult, environment: &Environment) -> bool {
        let alive = ended.as_ref().is_ok_and(|ended| ended.state != EndState::InitLost);
        alive && environment.idle() && !self.request.cancel.load(Ordering::Relaxed)
    }

    /// The files that the artifact wrote: who executes one of them in a trigger phase acts for the artifact.
    fn implants(&self) -> HashSet<Vec<u8>> {
        let wrote = |change: &&detektr_evidence::Change| {
            let file = change.after.as_ref().is_some_and(|after| after.file_type == FileType::File);
            file && matches!(change.change, ChangeKind::Created | ChangeKind::Modified)
        };
        self.diff.changes.iter().filter(wrote).map(|change| change.path.as_bytes().to_vec()).collect()
    }

    /// Runs one phase. What keeps it from running is told in its end and in the manifest.
    #[expect(clippy::too_many_arguments, reason = "each is another part of one detonation")]
    fn phase(
        &self,
        phase: Phase,
        planned: Vec<Planned>,
        found: &[Found],
        implants: &HashSet<Vec<u8>>,
        mut inputs: Inputs,
        environment: &mut Environment,
        manifest: &mut Manifest,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Done, DetonateError> {
        let begun = self.begin(&planned, environment);
        let Begun { eyes, launched } = match begun {
            Ok(begun) => begun,
            Err(failed) => {
                manifest.mark_incomplete("trigger_failed", format!("phase {}: {}", name(phase), failed.why));
                return Ok(Done { inputs, ended: None, end: "failed".into(), started: 0, tried: Vec::new() });
            }
        };
        let Eyes { mut watching, receiver, description, .. } = eyes;
        let mut decoder = Decoder::new(DecoderConfig {
            sensor: sensor_name(&description),
            environment: numbers(&launched),
            boot_to_wall_ns: manifest.boot_to_wall_ns,
        });
        decoder.launcher(launched.pid);
        decoder.trigger(phase, planned.iter().map(|way| way.implant).collect(), implants.clone());
        inputs.decoder = decoder;
        let targets = planned.iter().enumerate().flat_map(|(job, way)| {
            way.proves.iter().map(move |(entry, start)| Target {
                job,
                entry: *entry,
                rule: found[*entry].starts[*start].rule.clone(),
            })
        });
        inputs.follower = Follower::Prover(Prover::new(targets.collect()));
        let (reading, logs) = read_logs(self.sockets, manifest.boot_to_wall_ns)?;
        inputs.logs = logs;
        let live = inputs.live.clone();
        let recorder =
            Recorder::start(receiver, inputs).map_err(|source| DetonateError::Thread { source })?;
        let begin = Instant::now();
        let ended: EndedResult = environment.release().map(|()| {
            let mut watch = || {
                progress(Progress {
                    elapsed: begin.elapsed(),
                    phase: name(phase),
                    events: live.events.load(Ordering::Relaxed),
                    processes: live.processes.load(Ordering::Relaxed),
                });
                if self.request.cancel.load(Ordering::Relaxed) {
                    return ControlFlow::Break("cancelled".into());
                }
                if live.broken.load(Ordering::Relaxed) {
                    return ControlFlow::Break("bundle_failed".into());
                }
                match watching.health() {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => ControlFlow::Break(format!("sensor_lost: {error}")),
                }
            };
            environment.wait_settled(begin + self.plan.limits.wall, SETTLE, &mut watch)
        });
        let closing = watching.finish();
        drop(reading);
        let Ok((mut inputs, recorded)) = recorder.finish() else { return Err(DetonateError::Recorder) };
        recorded?;
        manifest.sentinel &= closing.sentinel;
        close(manifest, &closing, &inputs.decoder);
        logged(manifest, inputs.logs.take());
        let started = match &inputs.follower {
            Follower::Prover(prover) => prover.started(),
            Follower::Journal(_) => 0,
        };
        let mut end = end(&ended);
        if started < planned.len() && matches!(end.as_str(), "completed" | "settled") {
            end = format!("the starter ended after {started} of {} programs", planned.len());
        }
        if !matches!(end.as_str(), "completed" | "settled") {
            manifest.mark_incomplete("trigger_cut", format!("phase {} was cut short: {end}", name(phase)));
        }
        let follower = std::mem::replace(&mut inputs.follower, Follower::Prover(Prover::new(Vec::new())));
        let Follower::Prover(prover) = follower else { unreachable!("a prover was put there") };
        let way = |(target, result): (Target, Result<Vec<u64>, Reason>)| {
            let way = &planned[target.job];
            (target.entry, Tried { phase, by: way.by.clone(), user: way.user.clone(), result })
        };
        let tried = prover.finish().into_iter().map(way).collect();
        Ok(Done { inputs, ended: Some(ended), end, started, tried })
    }

    /// A starter, paused, under the eyes of the sensor.
    fn begin(&self, planned: &[Planned], environment: &mut Environment) -> Result<Begun, Failed> {
        let mut eyes = self.detonator.watch(self.request, self.kind, environment)?;
        let null = || -> Result<OwnedFd, Failed> {
            let file = File::options().read(true).write(true).open("/dev/null");
            Ok(file.map_err(environment_failed)?.into())
        };
        let program = Program {
            argv: Vec::new(),
            cwd: None,
            stdin: null()?,
            stdout: null()?,
            stderr: null()?,
            filter: eyes.filter.take(),
            shut: eyes.doors.shut,
            setup: Vec::new(),
            monitors: Vec::new(),
        };
        let jobs: Vec<Job> = planned.iter().map(|way| way.job.clone()).collect();
        let launched = environment.start(program, jobs).map_err(environment_failed)?;
        eyes.watching.adopt(launched.pid).map_err(sensor_failed)?;
        Ok(Begun { eyes, launched })
    }
}

struct Begun {
    eyes: Eyes,
    launched: Launched,
}

/// One phase that was run, or could not be.
struct Done {
    inputs: Inputs,
    /// How its processes ended; none where none was started.
    ended: Option<EndedResult>,
    end: String,
    started: usize,
    tried: Vec<(usize, Tried)>,
}

/// The programs of a phase. A way that can't be gone is noted as tried.
fn jobs(
    phase: Phase,
    found: &[Found],
    users: &Users,
    tree: &MergedView,
    only_user: Option<u32>,
    tried: &mut [Vec<Tried>],
) -> Vec<Planned> {
    let mut planned = match phase {
        Phase::Login => login::jobs(found, users, tree),
        Phase::Schedule => schedule::jobs(found, users),
        Phase::Reboot => reboot::jobs(found, users),
        Phase::Setup | Phase::Execute => Vec::new(),
    };
    let mut count = 0;
    planned.retain(|way| {
        let fits =
            only_user.is_none_or(|uid| uid == way.job.uid) && way.job.uid < RANGE && way.job.gid < RANGE;
        count += usize::from(fits);
        if fits && count <= JOBS {
            return true;
        }
        let reason = if fits { Reason::NotReached } else { Reason::OtherUser };
        for (entry, _) in &way.proves {
            let (by, user) = (way.by.clone(), way.user.clone());
            tried[*entry].push(Tried { phase, by, user, result: Err(reason) });
        }
        false
    });
    planned
}

/// The entry with what came of all ways to start it.
fn told(found: Found, tried: Vec<Tried>) -> Entry {
    let mut entry = found.entry;
    if found.starts.is_empty() {
        return entry;
    }
    let proven = tried.iter().find_map(|way| Some((way, way.result.as_ref().ok()?)));
    if let Some((way, proof)) = proven {
        entry.status = Status::Proven;
        entry.triggered_by = Some(way.by.clone());
        entry.user = Some(way.user.clone());
        entry.phase = Some(way.phase);
        entry.proven_by.clone_from(proof);
        return entry;
    }
    // what a program that was started showed says more than that another could not be
    let reasons = tried.iter().filter_map(|way| way.result.as_ref().err().copied());
    let weight = |reason: &Reason| !matches!(reason, Reason::NotReached | Reason::OtherUser);
    entry.reason = Some(reasons.max_by_key(weight).unwrap_or(Reason::NotTriggered));
    entry
}

/// How a phase ended, for the document.
fn end(ended: &EndedResult) -> String {
    match ended {
        Err(error) => error.to_string(),
        Ok(ended) => match &ended.state {
            EndState::Completed => "completed".into(),
            EndState::Timeout => "timeout".into(),
            EndState::LimitKilled(limit) => format!("limit: {limit:?}").to_lowercase(),
            EndState::Stopped(why) => why.clone(),
            EndState::InitLost => "the environment's init was lost".into(),
        },
    }
}

/// A phase's name, as in JSON.
fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Setup => "setup",
        Phase::Execute => "execute",
        Phase::Login => "login",
        Phase::Schedule => "schedule",
        Phase::Reboot => "reboot",
    }
}
