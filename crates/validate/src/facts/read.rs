//! Reading one arm's bundle once, in the order of its events.

use super::beside::Beside;
use super::condition::{Watch, is_refusal};
use super::watched;
use super::{Denial, Observed, Operation, Seen, Unusable};
use crate::goal::{Condition, FactName};
use crate::plan::{Arm, Moment, Plan};
use crate::truth::Truth;
use detektr_detect::operation::{Act, Key, key};
use detektr_detect::{Behaviours, Content, Derivation};
use detektr_detect::{Preparation, Stable};
use detektr_event::{Actor, Detail, End, Event, Exec};
use detektr_evidence::persistence::Persistence;
use detektr_evidence::{Artifact, BaitPlace, Change, Exit, Manifest, State};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Most operations that are remembered of one arm.
const OPERATIONS: usize = 200_000;
/// Denials that are remembered of one operation.
const DENIALS: usize = 4;

/// Bytes of the shortest value that is looked for.
const SHORTEST: usize = 8;

/// Whether a bundle is what was sealed.
pub type Trust = Result<(), String>;

/// What a run left beside its events.
pub struct Left<'a> {
    /// The difference of the file system.
    pub changes: &'a [Change],
    /// What was installed to be started again, if anything was.
    pub persistence: Option<&'a Persistence>,
    /// The contents that were kept.
    pub content: &'a Content<'a>,
    /// What the watching program at this place of the manifest's list put out.
    pub monitor: &'a dyn Fn(usize) -> Option<Vec<u8>>,
}

impl Observed {
    /// Reduces the run of `arm` to what a judge asks.
    ///
    /// # Errors
    /// Where the events can't be read to their end.
    pub fn read<E>(
        plan: &Plan,
        arm: &Arm,
        manifest: &Manifest,
        events: impl Iterator<Item = Result<Event, E>>,
        left: &Left<'_>,
        trust: Trust,
    ) -> Result<Observed, E> {
        let mut missing = missing(manifest);
        let mut complete = missing.is_none();
        let goal = plan.goal.as_ref();
        let parse = |text: &str| Condition::parse(text).unwrap_or_else(|_| Condition::executed());
        let condition = goal.map_or_else(Condition::executed, |goal| parse(&goal.condition));
        let moment = goal.map_or(Moment::Ever, |goal| goal.moment);
        let sought = sought(manifest);
        let attempt = plan
            .attempt
            .as_deref()
            .map(|text| Watch::new(parse(text), Moment::Ever, complete, sought.clone()));
        let goal_watch = Watch::new(condition, moment, complete, sought);
        let baits = manifest.baits.iter().filter(|bait| goal_watch.is_about_bait(&bait.name));
        let bait_paths: BTreeSet<Vec<u8>> = baits
            .filter_map(|bait| match &bait.place {
                BaitPlace::Path(path) => Some(path.as_bytes().to_vec()),
                BaitPlace::Variable(_) | BaitPlace::Url(_) => None,
            })
            .collect();
        let asked = |name| {
            goal_watch.asks_for(name) || attempt.as_ref().is_some_and(|attempt| attempt.asks_for(name))
        };
        let shipped = asked(FactName::Behaviour).then(Behaviours::shipped);
        let mut reader = Reader {
            behaviours: shipped.as_ref().map(|shipped| shipped.watch(manifest.artifact.path.as_ref())),
            deadline: goal.and_then(|goal| goal.by_ms).and_then(|ms| deadline(manifest, ms)),
            stable: Stable::new(manifest.artifact.path.as_ref().map(|path| path.as_bytes())),
            goal: goal_watch,
            attempt,
            first_euid: None,
            executed: None,
            not_started: None,
            started: (!manifest.monitors.is_empty()).then(|| manifest.artifact.clone()),
            operations: BTreeMap::new(),
            toward: BTreeSet::new(),
            bait_paths,
            left_to: BTreeSet::new(),
            made: BTreeSet::new(),
            forgotten: false,
            busy: false,
            programs: BTreeSet::new(),
            last_exec: BTreeMap::new(),
            last: 0,
            preparation: Preparation::default(),
            beside: Beside::new(
                !manifest.monitors.is_empty(),
                logs(plan),
                manifest.artifact.path.as_ref().map(|path| path.as_bytes()),
            ),
        };
        for event in events {
            reader.event(&event?);
        }
        if let Some(taken) = reader.beside.taken() {
            complete = false;
            reader.goal.doubt();
            reader.attempt.iter_mut().for_each(Watch::doubt);
            missing = Some(missing.into_iter().chain([taken.to_owned()]).collect::<Vec<_>>().join("; "));
        }
        reader.behave(left);
        reader.connected();
        if let Some(persistence) = left.persistence {
            reader.persist(persistence);
        }
        let goal_before = reader.goal.before() && plan.goal.is_some();
        let executed = reader.executed.map_or_else(|| Seen::absent(complete), |event| Seen::yes(vec![event]));
        let changes = if complete { left.changes } else { &[] };
        let preparation = reader.preparation;
        Ok(Observed {
            arm: arm.clone(),
            run: manifest.run.clone(),
            unusable: unusable(plan, arm, manifest, trust),
            missing,
            executed,
            not_started: reader.not_started,
            goal: reader.goal.finish(changes, &preparation),
            goal_before,
            attempt: reader.attempt.map(|attempt| attempt.finish(changes, &preparation)),
            operations: reader.operations,
            toward: reader.toward.into_iter().collect(),
            forgotten: reader.forgotten,
            works: works(manifest),
            busy: reader.busy,
            programs: reader.programs.len(),
            watched: watched::read(plan, manifest, left, &reader.beside),
            limit: limit(manifest),
        })
    }
}

struct Reader<'a> {
    /// Where a condition asks for behaviours.
    behaviours: Option<Derivation<'a>>,
    /// Nanoseconds since 1970 after which nothing counts for the goal.
    deadline: Option<i64>,
    stable: Stable,
    goal: Watch,
    attempt: Option<Watch>,
    first_euid: Option<u32>,
    executed: Option<u64>,
    not_started: Option<Denial>,
    /// What the launcher starts, where monitors start programs for the environment too.
    started: Option<Artifact>,
    operations: BTreeMap<Key, Operation>,
    toward: BTreeSet<Key>,
    /// Where the baits lie whose leaving the goal is.
    bait_paths: BTreeSet<Vec<u8>>,
    /// Connections by which they left.
    left_to: BTreeSet<Key>,
    /// Connections that conversations show.
    made: BTreeSet<Key>,
    forgotten: bool,
    busy: bool,
    /// By their paths; the artifact itself is none.
    programs: BTreeSet<Vec<u8>>,
    /// What each process runs: whoever gains rights by an exec does so by that file.
    last_exec: BTreeMap<u32, Key>,
    /// The last event in time.
    last: u64,
    /// What was brought about before.
    preparation: Preparation,
    /// What passes between the attack and what watches it.
    beside: Beside,
}

impl Reader<'_> {
    fn event(&mut self, event: &Event) {
        let in_time = self.deadline.is_none_or(|deadline| event.time.0 <= deadline);
        if in_time {
            self.last = event.seq;
        }
        if let Some(behaviours) = self.behaviours.as_mut().filter(|_| in_time) {
            behaviours.event(event);
        }
        self.preparation.event(event);
        self.beside.event(event);
        let Some(process) = &event.process else {
            // what left has left, whoever sent it
            if let Detail::BaitExfiltrated { .. } = event.detail {
                self.follow(event, in_time);
            }
            return;
        };
        if process.actor == Actor::Environment {
            if let Detail::ProcessExec { exec } = &event.detail
                && !event.outcome.is_success()
                && self.executed.is_none()
                && self.started.as_ref().is_none_or(|artifact| starts(exec, artifact))
            {
                self.not_started = Some(denial(event));
            }
            return;
        }
        if let Detail::ProcessExec { exec } = &event.detail
            && event.outcome.is_success()
        {
            self.first_euid.get_or_insert(exec.credentials.euid);
            self.busy |= self.executed.is_some();
            if let Some(path) = exec.file.path.as_whole().filter(|_| self.executed.is_some()) {
                self.programs.insert(path.as_bytes().to_vec());
            }
            if self.executed.is_none() {
                // what was denied before was in preparation
                self.not_started = None;
                self.executed = Some(event.seq);
            }
        }
        self.follow(event, in_time);
        let Some(key) = key(event, &self.stable) else { return };
        self.busy |= !key.act.is_ordinary() && key.act != Act::Execute && event.outcome.is_success();
        self.aim(event, process.pid, &key);
        if self.operations.len() >= OPERATIONS && !self.operations.contains_key(&key) {
            self.forgotten = true;
            return;
        }
        let operation = self.operations.entry(key).or_default();
        if event.outcome.reached() {
            operation.succeeded.get_or_insert(event.seq);
        } else if operation.denied.len() < DENIALS {
            operation.denied.push(denial(event));
        }
    }

    /// Has the conditions take notice.
    fn follow(&mut self, event: &Event, in_time: bool) {
        if in_time {
            self.goal.event(event, self.first_euid);
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.event(event, self.first_euid);
        }
        if let Detail::NetworkFlow { network } = &event.detail
            && network.flow.protocol == "tcp"
            && !is_refusal(&network.end)
        {
            let End { address, port } = &network.flow.remote;
            let to = SocketAddr::new(*address, *port).to_string();
            self.made.insert(Key { act: Act::Connect, object: self.stable.text(&to) });
        }
        if let Detail::BaitExfiltrated { bait } = &event.detail
            && let Some(flow) = bait.flow.as_ref().filter(|_| self.goal.is_about_bait(&bait.bait))
        {
            let to = SocketAddr::new(flow.remote.address, flow.remote.port).to_string();
            self.left_to.insert(Key { act: Act::Connect, object: self.stable.text(&to) });
        }
    }

    /// Notes the connections that were made, and those by which baits left. A client that does not wait for its connection leaves the call
    /// unfinished; what was said in it tells that it was made.
    fn connected(&mut self) {
        for key in std::mem::take(&mut self.made) {
            let Some(operation) = self.operations.get_mut(&key) else { continue };
            if operation.succeeded.is_some() {
                continue;
            }
            // the last is the one that came about, rather than one that is credited; of all that are credited one was not
            // refused either
            let begun = |credited: bool| {
                let is =
                    |denial: &Denial| denial.how == "EINPROGRESS" && denial.enforcer.is_some() == credited;
                operation.denied.iter().rposition(is)
            };
            if let Some(at) = begun(false).or_else(|| begun(true)) {
                operation.succeeded = Some(operation.denied[at].event);
                operation.denied[at].enforcer = None;
            }
        }
        for key in std::mem::take(&mut self.left_to) {
            let Some(operation) = self.operations.get_mut(&key) else { continue };
            let begun = operation.denied.first().map(|begun| begun.event);
            operation.succeeded = operation.succeeded.or(begun);
            self.toward.insert(key);
        }
    }

    /// Asks for the behaviours, and notes the operations that they are made of.
    fn behave(&mut self, left: &Left<'_>) {
        let Some(mut behaviours) = self.behaviours.take() else { return };
        if self.deadline.is_none() {
            behaviours.changes(left.changes, left.content);
        }
        let report = behaviours.finish();
        self.goal.behaved(&report);
        if let Some(attempt) = &mut self.attempt {
            attempt.behaved(&report);
        }
        let about = report.findings.iter().filter(|finding| self.goal.is_about_behaviour(&finding.id));
        let events = about.flat_map(|finding| finding.events.iter().copied()).collect();
        self.head_for(&events);
    }

    /// Asks what persists, and notes the operations that installed it.
    fn persist(&mut self, persistence: &Persistence) {
        let mut persistence = persistence.clone();
        persistence.entries.retain(|entry| !self.preparation.alone_has(entry.path.as_bytes()));
        let persistence = &persistence;
        self.goal.persisted(persistence, self.last);
        if let Some(attempt) = &mut self.attempt {
            attempt.persisted(persistence, self.last);
        }
        self.head_for(&self.goal.installs(persistence).into_iter().collect());
    }

    /// Notes the operations that are among `events`: they lead to the goal.
    fn head_for(&mut self, events: &BTreeSet<u64>) {
        let part = |operation: &Operation| {
            operation
                .succeeded
                .iter()
                .chain(operation.denied.iter().map(|denial| &denial.event))
                .any(|seq| events.contains(seq))
        };
        let toward =
            self.operations.iter().filter(|(_, operation)| part(operation)).map(|(key, _)| key.clone());
        self.toward.extend(toward);
    }

    /// Notes operations on what the goal is about.
    fn aim(&mut self, event: &Event, pid: u32, key: &Key) {
        let paths = event.detail.paths();
        let peer = match &event.detail {
            Detail::NetworkConnect { network } => Some(&network.address),
            Detail::NetworkSend { network } => Some(&network.address),
            _ => None,
        };
        let about = |path: &[u8]| self.goal.is_about(path) || self.bait_paths.contains(path);
        if paths.iter().filter_map(|path| path.in_environment()).any(about)
            || peer.is_some_and(|peer| self.goal.is_about_address(peer))
        {
            self.toward.insert(key.clone());
        }
        match &event.detail {
            Detail::ProcessExec { .. } => {
                self.last_exec.insert(pid, key.clone());
            }
            Detail::ProcessCredentials { .. } if self.goal.gains() => {
                self.toward.insert(key.clone());
                // the file whose execution gave the rights, and would be executed where it gives none
                self.toward.extend(self.last_exec.get(&pid).cloned());
            }
            _ => {}
        }
    }
}

fn denial(event: &Event) -> Denial {
    let outcome = &event.outcome;
    Denial {
        event: event.seq,
        how: match &outcome.errno {
            Some(errno) => errno.clone(),
            None if outcome.is_success() => "masked".into(),
            None if outcome.enforcer.is_some() => "killed".into(),
            None => "it never returned".into(),
        },
        enforcer: outcome.enforcer.clone(),
        skipped: outcome.skipped,
    }
}

/// The files in which something that watches tells what it saw.
fn logs(plan: &Plan) -> Vec<String> {
    let monitors = plan.controls.iter().filter_map(|control| control.monitor());
    monitors.filter_map(|monitor| Some(monitor.alert.log.as_ref()?.file.clone())).collect()
}

/// What is missing of the evidence. That the artifact was not executed is told by what was seen.
fn missing(manifest: &Manifest) -> Option<String> {
    let holes: Vec<&str> = manifest
        .incomplete
        .iter()
        .filter(|hole| hole.reason != "not_executed")
        .map(|hole| hole.detail.as_str())
        .collect();
    (!holes.is_empty()).then(|| holes.join("; "))
}

/// The baits that were looked for in what left: there must be somebody who listens, and a value long enough to be known.
fn sought(manifest: &Manifest) -> Vec<String> {
    let simulated = manifest.environment.get("network").and_then(|network| network.as_str());
    if !simulated.is_some_and(|mode| mode.starts_with("sim")) {
        return Vec::new();
    }
    let long = manifest.baits.iter().filter(|bait| bait.value.as_bytes().len() >= SHORTEST);
    long.map(|bait| bait.name.clone()).collect()
}

/// Why the bundle can't stand for the arm.
fn unusable(plan: &Plan, arm: &Arm, manifest: &Manifest, trust: Trust) -> Option<Unusable> {
    let unusable = |reason, what: String| Some(Unusable { reason, what });
    if let Err(what) = trust {
        return unusable("not_sealed", what);
    }
    if manifest.tool_version != env!("CARGO_PKG_VERSION") {
        let what = format!("it was recorded by Detektr {}", manifest.tool_version);
        return unusable("other_version", what);
    }
    if manifest.seed != arm.seed {
        return unusable("arms_differ", format!("its seed {} is not that of its repeat", manifest.seed));
    }
    if !plan.has_controls_of(&arm.role, manifest) {
        return unusable("arms_differ", "other controls were in force".into());
    }
    for reason in ["not_prepared", "monitor_not_ready", "monitor_lost"] {
        if let Some(hole) = manifest.incomplete.iter().find(|hole| hole.reason == reason) {
            return unusable(reason, hole.detail.clone());
        }
    }
    match manifest.state {
        State::EnvironmentFailed => unusable("environment_failed", why(manifest, "the environment failed")),
        State::SensorLost => unusable("sensor_lost", why(manifest, "the sensor stopped")),
        _ => None,
    }
}

fn why(manifest: &Manifest, otherwise: &str) -> String {
    manifest.incomplete.first().map_or_else(|| otherwise.to_owned(), |hole| hole.detail.clone())
}

fn works(manifest: &Manifest) -> Truth {
    match (&manifest.state, &manifest.exit) {
        (State::Completed, Some(Exit::Code { code: 0 })) => Truth::Yes,
        (State::Completed | State::Crashed | State::Timeout, _) => Truth::No,
        (State::Killed, _) if limit(manifest).is_some() => Truth::No,
        _ => Truth::Unknown,
    }
}

/// The bound that ended the run, in the words of `limits`.
fn limit(manifest: &Manifest) -> Option<String> {
    match manifest.state {
        State::Timeout => Some("wall".into()),
        State::Killed => manifest.limit_reached().map(String::from),
        _ => None,
    }
}

fn deadline(manifest: &Manifest, ms: u64) -> Option<i64> {
    let execute = manifest.phases.iter().find(|span| span.phase == detektr_event::Phase::Execute)?;
    Some(execute.start.0.saturating_add(i64::try_from(ms).ok()?.saturating_mul(1_000_000)))
}

/// Whether `exec` is the launcher's, of the artifact.
fn starts(exec: &Exec, artifact: &Artifact) -> bool {
    let path = exec.file.path.as_whole().map(|path| path.as_bytes());
    let at_its_path = artifact.path.as_ref().is_some_and(|own| path == Some(own.as_bytes()));
    let words = exec.argv.iter().map(|word| word.as_whole().map(|word| word.as_bytes()));
    at_its_path || words.eq(artifact.argv.iter().map(|word| Some(word.as_bytes())))
}
