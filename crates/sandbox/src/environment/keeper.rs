//! The supervisor's side of a keeper: when what watches does so, when the attack has ended, and what became of each.

use super::wait::{ExitStatus, exit_status};
use crate::namespaces::others::Own;
use crate::namespaces::protocol::Report;
use crate::plan::{Watcher, WatcherEnd};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long what watches may be busy after the attack, and how long it may take to end.
const UNTIL_IDLE: Duration = Duration::from_secs(10);

/// How long one lies still that is stopped. With a tracer every call stops it, for a moment.
const UNTIL_STOPPED: Duration = Duration::from_secs(1);

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

/// What is known of the processes: how many are the attack's, and what the keeper's do.
pub(super) type Others = (usize, Own);

/// One keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    socket: OwnedFd,
    ready: Vec<Option<Arc<AtomicBool>>>,
    settle: Option<Duration>,
    /// How long each of these may take: to bring about what is needed, to watch, and to run to the end afterwards.
    patience: Duration,
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
    /// The attack has ended.
    Idles(Idle),
    /// It was told to end.
    Ends(Instant),
    /// All has ended.
    Done,
}

/// What the keeper's processes do once the attack has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Idle {
    /// It has ended since this.
    since: Instant,
    /// What they did when last asked.
    own: Own,
    /// They do so since this.
    unchanged: Instant,
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
    /// The connection to a keeper for `watchers`, and its end of it; none where there is nothing to run. Each of their
    /// steps may take as long as the attack itself may.
    pub(super) fn of(watchers: &[Watcher], wall: Duration) -> io::Result<Option<(Keeper, OwnedFd)>> {
        if watchers.is_empty() {
            return Ok(None);
        }
        let (socket, theirs) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        let keeper = Keeper {
            socket,
            ready: watchers.iter().map(|one| one.ready.clone()).collect(),
            settle: watchers.iter().filter_map(|one| one.settle).max(),
            patience: wall,
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
                Err(_) => return self.failed("the process that runs it was ended".into()),
            }
        }
        match self.stage {
            Stage::Begins(since) => self.begin(since),
            Stage::Watches | Stage::Idles(..) => self.look(others),
            Stage::Ends(since) if since.elapsed() > UNTIL_IDLE + self.patience => {
                Unwatched::lost(None, format!("it did not end within {}", self.bound()))
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
            _ if since.elapsed() < self.patience => Step::Wait,
            _ if self.pid.is_none() => {
                Unwatched::not_ready(None, format!("its `setup` did not end within {}", self.bound()))
            }
            number => {
                Unwatched::not_ready(number, format!("no line of it was `ready` within {}", self.bound()))
            }
        }
    }

    /// The bound that its user can set, in words.
    fn bound(&self) -> String {
        format!("{:?}, the time that the attack has (`timeout`)", self.patience)
    }

    /// Whether the attack has ended, and what watches has seen all of it.
    fn look(&mut self, others: Option<Others>) -> Step {
        let Some(pid) = self.pid else { return Step::Wait };
        let Some((attack, own)) = others else {
            if Instant::now() < self.next {
                return Step::Wait;
            }
            self.next = Instant::now() + BETWEEN_LOOKS;
            return Step::Look(pid);
        };
        let now = Instant::now();
        let idle = match self.stage {
            _ if attack > 0 => {
                self.stage = Stage::Watches;
                return Step::Wait;
            }
            Stage::Idles(idle) if idle.own == own => idle,
            Stage::Idles(idle) => Idle { own, unchanged: now, ..idle },
            _ => Idle { since: now, own, unchanged: now },
        };
        // whoever stopped one is gone, and nobody will have it go on
        let held = |of_keeper| matches!(own, Own::Held { keeper, .. } if keeper == of_keeper);
        let lies = now - idle.unchanged >= UNTIL_STOPPED;
        if held(true) && lies {
            return Unwatched::lost(None, "the process that runs it was stopped".into());
        }
        let stopped = held(false) && lies;
        let still = matches!(own, Own::Asleep(_)) && idle.unchanged < now;
        let over = self.settle.map_or(still, |settle| still && now - idle.since >= settle);
        // a program that never rests is ended all the same, once it had the time that was asked for
        let late = now - idle.since >= self.settle.map_or(UNTIL_IDLE, |settle| settle + UNTIL_IDLE);
        if !over && !late && !stopped {
            self.stage = Stage::Idles(idle);
            return Step::Wait;
        }
        self.drained = over || (self.settle.is_some() && !stopped);
        self.stage = Stage::Ends(Instant::now());
        match rustix::net::send(&self.socket, b"e", SendFlags::NOSIGNAL) {
            Ok(_) => Step::Wait,
            Err(_) => Unwatched::lost(None, "the process that runs it was ended".into()),
        }
    }

    /// The keeper itself has failed: before the attack, or later.
    fn failed(&self, why: String) -> Step {
        match self.stage {
            Stage::Begins(_) => Unwatched::not_ready(None, why),
            _ => Unwatched::lost(None, why),
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
            Report::Broken { errno } => {
                let why = format!("it can't be run: {}", io::Error::from_raw_os_error(errno));
                Some(self.failed(why))
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

    /// A keeper at `stage`, and its own end of the connection.
    fn keeper(stage: Stage) -> (Keeper, OwnedFd) {
        let watcher = Watcher {
            when: crate::controls::monitor::When::Beside,
            setup: Vec::new(),
            argv: Vec::new(),
            output: std::fs::File::open("/dev/null").unwrap().into(),
            ready: Some(Arc::default()),
            settle: None,
        };
        let (keeper, theirs) = Keeper::of(&[watcher], Duration::from_secs(60)).unwrap().unwrap();
        (Keeper { stage, pid: Some(2), ..keeper }, theirs)
    }

    #[test]
    fn a_keeper_that_is_killed_is_told_of_at_every_stage_but_the_last() {
        let now = Instant::now();
        let begins = Stage::Begins(now);
        let idles = Stage::Idles(Idle { since: now, own: Own::Asleep(1), unchanged: now });
        for stage in [begins, Stage::Watches, idles, Stage::Ends(now), Stage::Done] {
            let (mut keeper, theirs) = keeper(stage);
            drop(theirs);
            let told = match keeper.step(Some((0, Own::Asleep(1)))) {
                Step::Failed(why) => why.code,
                _ => "",
            };
            let expected = match stage {
                Stage::Begins(_) => "monitor_not_ready",
                Stage::Done => "",
                _ => "monitor_lost",
            };
            assert_eq!(told, expected, "{stage:?}");
        }
    }

    #[test]
    fn what_is_not_ready_in_the_attacks_own_time_is_told_with_that_bound() {
        let (keeper, _theirs) = keeper(Stage::Begins(Instant::now()));
        let mut keeper = Keeper { patience: Duration::ZERO, ..keeper };
        let Step::Failed(why) = keeper.step(None) else { panic!("it waits on") };
        assert_eq!((why.code, why.number), ("monitor_not_ready", Some(0)));
        assert_eq!(why.why, "no line of it was `ready` within 0ns, the time that the attack has (`timeout`)");
    }

    #[test]
    fn a_keeper_that_fails_says_why() {
        for (stage, code) in
            [(Stage::Begins(Instant::now()), "monitor_not_ready"), (Stage::Watches, "monitor_lost")]
        {
            let (mut keeper, theirs) = keeper(stage);
            let broken = serde_json::to_vec(&Report::Broken { errno: libc::EAGAIN }).unwrap();
            rustix::net::send(&theirs, &broken, SendFlags::empty()).unwrap();
            let Step::Failed(why) = keeper.step(None) else { panic!("it goes on") };
            assert_eq!(why.code, code);
            assert!(why.why.starts_with("it can't be run: Resource temporarily unavailable"), "{}", why.why);
        }
    }

    /// The attack has ended, and what the keeper's processes do is the same since so long.
    fn since(own: Own, time: Duration) -> Stage {
        let then = Instant::now().checked_sub(time).unwrap();
        Stage::Idles(Idle { since: then, own, unchanged: then })
    }

    #[test]
    fn what_was_stopped_has_not_seen_all_and_is_not_waited_for() {
        let held = Own::Held { switches: 7, keeper: false };
        let (mut keeper, _theirs) = keeper(since(held, UNTIL_STOPPED));
        keeper.settle = Some(Duration::ZERO);
        assert_eq!(keeper.step(Some((1, held))), Step::Wait);
        assert_eq!(keeper.stage, Stage::Watches, "the attack may yet have it go on");
        keeper.stage = since(Own::Held { switches: 6, keeper: false }, UNTIL_STOPPED);
        assert_eq!(keeper.step(Some((0, held))), Step::Wait);
        assert!(matches!(keeper.stage, Stage::Idles(..)), "it did something meanwhile: {keeper:?}");
        keeper.stage = since(held, UNTIL_STOPPED);
        assert_eq!(keeper.step(Some((0, held))), Step::Wait);
        assert!(matches!(keeper.stage, Stage::Ends(_)) && !keeper.drained, "{keeper:?}");
    }

    #[test]
    fn what_sleeps_at_two_looks_and_did_nothing_between_has_seen_all() {
        let (mut keeper, _theirs) = keeper(Stage::Watches);
        for (switches, ends) in [(1, false), (2, false), (2, true)] {
            assert_eq!(keeper.step(Some((0, Own::Asleep(switches)))), Step::Wait);
            assert_eq!(matches!(keeper.stage, Stage::Ends(_)), ends, "{switches}");
        }
        assert!(keeper.drained);
    }

    #[test]
    fn a_keeper_that_was_stopped_is_lost() {
        let held = Own::Held { switches: 7, keeper: true };
        let (mut keeper, _theirs) = keeper(since(held, UNTIL_STOPPED));
        let lost = keeper.step(Some((0, held)));
        assert!(matches!(lost, Step::Failed(Unwatched { code: "monitor_lost", .. })), "{lost:?}");
    }
}
