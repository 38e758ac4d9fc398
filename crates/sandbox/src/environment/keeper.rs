//! The supervisor's side of a keeper: when what watches does so, when the attack has ended, and what became of each.

use super::wait::{ExitStatus, exit_status};
use crate::namespaces::protocol::Report;
use crate::plan::{Watcher, WatcherEnd};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long what watches may take until it does.
const UNTIL_READY: Duration = Duration::from_secs(60);
/// How long it may be busy after the attack.
const UNTIL_IDLE: Duration = Duration::from_secs(10);
/// How long it may take to end, and what runs afterwards to its end.
const UNTIL_DONE: Duration = Duration::from_secs(300);

/// How often it is asked who is there.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Why what was to watch did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// `monitor_not_ready` before the attack, `monitor_lost` afterwards.
    pub code: &'static str,
    /// Which, where that is known.
    pub number: Option<usize>,
    /// What happened, for people.
    pub why: String,
}

impl Unwatched {
    fn lost(number: Option<usize>, why: String) -> Step {
        Step::Failed(Unwatched { code: "monitor_lost", number, why })
    }

    fn not_ready(number: Option<usize>, why: String) -> Step {
        Step::Failed(Unwatched { code: "monitor_not_ready", number, why })
    }
}

/// What is known of the processes: how many are the attack's, and how often the keeper's went to sleep.
pub(super) type Others = (usize, Option<u64>);

/// One keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    socket: OwnedFd,
    ready: Vec<Option<Arc<AtomicBool>>>,
    settle: Option<Duration>,
    ends: Vec<WatcherEnd>,
    stage: Stage,
    /// Its number in the environment's pid namespace.
    pid: Option<u32>,
    /// It was idle at the end of the attack, or had the time that was asked for.
    drained: bool,
    /// When it may be asked again who is there.
    next: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What watches begins.
    Begins(Instant),
    /// The attack runs.
    Watches,
    /// The attack has ended since this; so often the keeper's processes had gone to sleep when last asked.
    Idles(Instant, Option<u64>),
    /// It was told to end.
    Ends(Instant),
    /// All has ended.
    Done,
}

/// What the supervisor has to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Wait,
    /// The attack can begin.
    Begin,
    /// It is to be asked who is there beside this keeper.
    Look(u32),
    /// What is left can be ended: it belongs to what watches.
    Over,
    /// What watches can't.
    Failed(Unwatched),
}

impl Keeper {
    /// The connection to a keeper for `watchers`, and its end of it; none where there is nothing to run.
    pub(super) fn of(watchers: &[Watcher]) -> io::Result<Option<(Keeper, OwnedFd)>> {
        if watchers.is_empty() {
            return Ok(None);
        }
        let (socket, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let keeper = Keeper {
            socket,
            ready: watchers.iter().map(|one| one.ready.clone()).collect(),
            settle: watchers.iter().filter_map(|one| one.settle).max(),
            ends: vec![WatcherEnd::default(); watchers.len()],
            stage: Stage::Begins(Instant::now()),
            pid: None,
            drained: false,
            next: Instant::now(),
        };
        Ok(Some((keeper, theirs)))
    }

    /// Whether the attack runs.
    pub(super) fn is_beside_attack(&self) -> bool {
        self.stage == Stage::Watches
    }

    /// What became of each.
    pub(super) fn ends(self) -> Vec<WatcherEnd> {
        let whole = |end: WatcherEnd| WatcherEnd { whole: end.whole && self.drained, ..end };
        self.ends.into_iter().map(whole).collect()
    }

    /// Takes what the keeper has to say, and `others`, where that was asked.
    pub(super) fn step(&mut self, others: Option<Others>) -> Step {
        loop {
            let mut packet = [0u8; 256];
            let length = match rustix::net::recv(&self.socket, &mut packet, RecvFlags::DONTWAIT) {
                Ok((_, length)) => length,
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => break,
                Err(_) => 0,
            };
            match serde_json::from_slice(&packet[..length]) {
                Ok(report) => {
                    if let Some(step) = self.hear(report) {
                        return step;
                    }
                }
                Err(_) if self.stage == Stage::Done => break,
                Err(_) => return Unwatched::lost(None, "the process that runs it was ended".into()),
            }
        }
        match self.stage {
            Stage::Begins(since) => self.begin(since),
            Stage::Watches | Stage::Idles(..) => self.look(others),
            Stage::Ends(since) if since.elapsed() > UNTIL_DONE => {
                Unwatched::lost(None, format!("it did not end within {} s", UNTIL_DONE.as_secs()))
            }
            Stage::Ends(_) | Stage::Done => Step::Wait,
        }
    }

    fn begin(&mut self, since: Instant) -> Step {
        let waits = |ready: &&Option<Arc<AtomicBool>>| {
            ready.as_ref().is_some_and(|ready| !ready.load(Ordering::Acquire))
        };
        match self.ready.iter().position(|ready| waits(&ready)) {
            None if self.pid.is_some() => {
                self.stage = Stage::Watches;
                Step::Begin
            }
            _ if since.elapsed() < if self.pid.is_none() { UNTIL_DONE } else { UNTIL_READY } => Step::Wait,
            waits => {
                let number = waits.filter(|_| self.pid.is_some());
                let bound = number.map_or(UNTIL_DONE, |_| UNTIL_READY);
                Unwatched::not_ready(number, format!("it did not watch within {} s", bound.as_secs()))
            }
        }
    }

    /// Whether the attack has ended, and what watches has seen all of it.
    fn look(&mut self, others: Option<Others>) -> Step {
        let Some(pid) = self.pid else { return Step::Wait };
        let Some((attack, slept)) = others else {
            if Instant::now() < self.next {
                return Step::Wait;
            }
            self.next = Instant::now() + BETWEEN_LOOKS;
            return Step::Look(pid);
        };
        let (since, before) = match self.stage {
            _ if attack > 0 => {
                self.stage = Stage::Watches;
                return Step::Wait;
            }
            Stage::Idles(since, before) => (since, before),
            _ => (Instant::now(), None),
        };
        let still = slept.is_some() && slept == before;
        let over = self.settle.map_or(still, |settle| still && since.elapsed() >= settle);
        // a program that never rests is ended all the same, once it had the time that was asked for
        let late = since.elapsed() >= self.settle.map_or(UNTIL_IDLE, |settle| settle + UNTIL_IDLE);
        if !over && !late {
            self.stage = Stage::Idles(since, slept);
            return Step::Wait;
        }
        self.drained = over || self.settle.is_some();
        self.stage = Stage::Ends(Instant::now());
        match rustix::net::send(&self.socket, b"e", SendFlags::NOSIGNAL) {
            Ok(_) => Step::Wait,
            Err(_) => Unwatched::lost(None, "the process that runs it was ended".into()),
        }
    }

    fn hear(&mut self, report: Report) -> Option<Step> {
        match report {
            Report::NotSetUp { number, status } => {
                let why = format!("what it needs was not brought about: {}", told(status));
                Some(Unwatched::not_ready(Some(number), why))
            }
            Report::NotStarted { number, errno } => {
                let why = format!("it can't be executed: {}", io::Error::from_raw_os_error(errno));
                Some(Unwatched::not_ready(Some(number), why))
            }
            Report::Watching { keeper } => {
                self.pid = Some(keeper);
                self.stage = Stage::Begins(Instant::now());
                None
            }
            Report::Ended { number, status, early } => {
                let exit = Some(exit_status(status));
                if let Some(end) = self.ends.get_mut(number) {
                    *end = WatcherEnd { exit, early, whole: !early };
                }
                let waits = self.ready.get(number).is_some_and(Option::is_some);
                let begins = matches!(self.stage, Stage::Begins(_)) && waits;
                begins.then(|| {
                    let why = format!("it ended before the attack began: {}", told(status));
                    Unwatched::not_ready(Some(number), why)
                })
            }
            Report::Done => {
                self.stage = Stage::Done;
                Some(Step::Over)
            }
        }
    }
}

fn told(status: i32) -> String {
    match exit_status(status) {
        ExitStatus::Code(code) => format!("exit code {code}"),
        ExitStatus::Signal(signal) => format!("signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keeper_that_is_killed_is_told_of_at_every_stage_but_the_last() {
        let now = Instant::now();
        let begins = Stage::Begins(now);
        for stage in [begins, Stage::Watches, Stage::Idles(now, Some(1)), Stage::Ends(now), Stage::Done] {
            let (socket, theirs) = rustix::net::socketpair(
                AddressFamily::UNIX,
                SocketType::SEQPACKET,
                SocketFlags::CLOEXEC,
                None,
            )
            .unwrap();
            let mut keeper = Keeper {
                socket,
                ready: vec![None],
                settle: None,
                ends: vec![WatcherEnd::default()],
                stage,
                pid: Some(2),
                drained: false,
                next: now,
            };
            drop(theirs);
            let lost = matches!(
                keeper.step(Some((0, Some(1)))),
                Step::Failed(Unwatched { code: "monitor_lost", .. })
            );
            assert_eq!(lost, stage != Stage::Done, "{stage:?}");
        }
    }
}
