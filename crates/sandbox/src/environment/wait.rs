//! Waiting for the end of a launched program and of all that it started, while limits are watched.

use super::keeper::{Keeper, Step, Unwatched};
use super::{Environment, unexpected};
use crate::error::SandboxError;
use crate::limits::{Limit, watch};
use crate::namespaces::others::Own;
use crate::namespaces::protocol::{FromInit, ToInit};
use crate::plan::WatcherEnd;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant, SystemTime};

/// How often watched limits and the caller are asked.
const TICK: Duration = Duration::from_millis(20);
/// How long processes that are killed may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How often the disk's use is counted.
const DISK_TICK: Duration = Duration::from_millis(250);

/// Why a wait for a starter was broken off: all was started, and what was left had its time.
const SETTLED: &str = "settled";

/// Where the count of memory stands.
enum MemoryWatch {
    /// It is asked for at this time.
    Next(Instant),
    /// It was asked for then.
    Asked(Instant),
}

/// How the waiting ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndState {
    /// No process is left.
    Completed,
    /// The deadline passed.
    Timeout,
    /// A limit was hit, and all was ended.
    LimitKilled(Limit),
    /// The caller stopped it.
    Stopped(String),
    /// Init is gone, and all with it.
    InitLost,
}

/// How the first program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself.
    Code(u8),
    /// By a signal.
    Signal(i32),
}

/// The end of a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Why.
    pub state: EndState,
    /// The program's own end, where it was seen.
    pub exit: Option<ExitStatus>,
    /// How many process numbers the environment has given out (init included).
    pub last_pid: Option<u32>,
    /// The program could not be executed: errno and its text.
    pub exec_error: Option<(i32, String)>,
    /// What was to run before the program: where it failed (one past the last: at the controls that follow), if it did,
    /// and when it was done; absent where it was not done, or nothing was to run.
    pub prepared: Option<(Option<usize>, SystemTime)>,
    /// What became of the programs that watched, in their order.
    pub watchers: Vec<WatcherEnd>,
    /// Why what was to watch did not.
    pub unwatched: Option<Unwatched>,
    /// How often the bound on processes refused a birth.
    pub refused_processes: u64,
    /// Packets that were dropped before they were read; absent without a network device, or where nobody can know.
    pub packets_lost: Option<u64>,
}

impl Environment {
    /// Waits until no process but init is left, a limit is hit, the deadline passes or the caller, asked at every
    /// tick, breaks it off with a reason. In all but the first case everything inside is killed.
    pub fn wait(&mut self, deadline: Instant, watch: &mut dyn FnMut() -> ControlFlow<String>) -> Ended {
        self.wait_for(deadline, None, watch)
    }

    /// As [`Self::wait`], for a starter: what its jobs leave running is ended `settle` after the starter itself.
    pub fn wait_settled(
        &mut self,
        deadline: Instant,
        settle: Duration,
        watch: &mut dyn FnMut() -> ControlFlow<String>,
    ) -> Ended {
        self.wait_for(deadline, Some(settle), watch)
    }

    fn wait_for(
        &mut self,
        mut deadline: Instant,
        settle: Option<Duration>,
        watch: &mut dyn FnMut() -> ControlFlow<String>,
    ) -> Ended {
        let mut unwatched = None;
        let mut since = Instant::now();
        let mut settled = None;
        let mut memory = MemoryWatch::Next(Instant::now());
        let mut disk_next = Instant::now() + DISK_TICK;
        let state = loop {
            match self.listen(TICK.min(deadline.saturating_duration_since(Instant::now()))) {
                Ok(()) if self.pending.ended.is_some() => break EndState::Completed,
                Ok(()) => {}
                Err(_) => break EndState::InitLost,
            }
            if self.cgroups.out_of_memory() {
                break EndState::LimitKilled(Limit::Memory);
            }
            match self.keep() {
                Ok(Step::Failed(why)) => {
                    let state = EndState::Stopped(why.code.into());
                    unwatched = Some(why);
                    break state;
                }
                Ok(_) => {}
                Err(_) => break EndState::InitLost,
            }
            // what watches takes none of the attack's time
            let now = Instant::now();
            if self.keeper.as_ref().is_some_and(|keeper| !keeper.is_beside_attack()) {
                deadline += now - since;
            }
            since = now;
            if let ControlFlow::Break(reason) = watch() {
                break EndState::Stopped(reason);
            }
            if Instant::now() >= deadline {
                break EndState::Timeout;
            }
            if let (Some(settle), true) = (settle, self.pending.exit.is_some())
                && Instant::now() >= *settled.get_or_insert_with(|| Instant::now() + settle)
            {
                break EndState::Stopped(SETTLED.into());
            }
            match self.watch_memory(&mut memory) {
                Ok(used) if used > self.plan.limits.memory => break EndState::LimitKilled(Limit::Memory),
                Ok(_) => {}
                Err(_) => break EndState::InitLost,
            }
            if Instant::now() >= disk_next {
                let (used, began) = (self.disk_usage(), Instant::now());
                if used > self.plan.limits.disk {
                    break EndState::LimitKilled(Limit::Disk);
                }
                // Counting may take its time where there is much to count, and no more than a part of ours.
                disk_next = Instant::now() + DISK_TICK.max(began.elapsed() * 4);
            }
        };
        // What the kernel killed for want of memory may be the last thing that happened.
        let state = match state {
            EndState::Completed if self.cgroups.out_of_memory() => EndState::LimitKilled(Limit::Memory),
            other => other,
        };
        if state == EndState::Completed {
            self.ask_for_loss();
            // its last words came before its end
            if let Some(Step::Failed(why)) = self.keeper.as_mut().map(|keeper| keeper.step(None)) {
                unwatched = Some(why);
            }
        } else {
            self.end_all();
        }
        Ended {
            state,
            exit: self.pending.exit,
            last_pid: self.pending.ended.flatten(),
            exec_error: self
                .pending
                .exec_error
                .map(|errno| (errno, io::Error::from_raw_os_error(errno).to_string())),
            prepared: self.pending.prepared,
            watchers: self.keeper.take().map(Keeper::ends).unwrap_or_default(),
            unwatched,
            refused_processes: self.cgroups.refused_processes(),
            packets_lost: self.pending.packets_lost.flatten(),
        }
    }

    /// Leads what watches through the run: lets the attack begin once it is watched, and ends what is left once all
    /// that watches has ended.
    fn keep(&mut self) -> Result<Step, SandboxError> {
        let Some(keeper) = &mut self.keeper else { return Ok(Step::Wait) };
        let mut others = self.pending.others.take();
        if let Some((_, own)) = &mut others
            && (self.pending.paused || self.cgroups.paused())
        {
            // what is frozen seems to sleep
            *own = Own::Busy;
        }
        let step = keeper.step(others);
        match step {
            Step::Begin => self.ask(&ToInit::Release, &[])?,
            Step::Look(keeper) => {
                self.pending.paused = self.cgroups.paused();
                self.ask(&ToInit::Others { keeper }, &[])?;
            }
            Step::Over => self.ask(&ToInit::KillAll, &[])?,
            Step::Wait | Step::Failed(..) => {}
        }
        Ok(step)
    }

    /// Has init count the memory where no cgroup bounds it; 0 while there is nothing new. Counting takes its time where
    /// there are many processes, so that it pauses for four times as long as it took, up to a fifth of a second.
    fn watch_memory(&mut self, watch: &mut MemoryWatch) -> Result<u64, SandboxError> {
        if self.cgroups.keeps("memory") {
            return Ok(0);
        }
        match *watch {
            MemoryWatch::Next(at) if Instant::now() >= at => {
                self.pending.memory = None;
                self.ask(&ToInit::Usage, &[])?;
                *watch = MemoryWatch::Asked(Instant::now());
            }
            MemoryWatch::Next(_) => {}
            MemoryWatch::Asked(at) => {
                if let Some(used) = self.pending.memory.take() {
                    *watch = MemoryWatch::Next(Instant::now() + (at.elapsed() * 4).clamp(TICK, TICK * 10));
                    return Ok(used);
                }
            }
        }
        Ok(0)
    }

    fn disk_usage(&self) -> u64 {
        watch::disk_usage(&[self.run_dir.join("upper"), self.run_dir.join("work")], self.plan.limits.disk)
    }

    /// Has init kill everything but itself, and waits for the ends; where they don't come, kills init. Processes
    /// that die with init leave no accounting record, for the kernel closes the file first.
    fn end_all(&mut self) {
        let deadline = Instant::now() + LAST_WORDS;
        if self.ask(&ToInit::KillAll, &[]).is_ok() {
            while self.pending.ended.is_none() && Instant::now() < deadline {
                if self.listen(TICK).is_err() {
                    break;
                }
            }
        }
        self.ask_for_loss();
        if self.pending.ended.is_none() {
            self.kill_all();
            self.lost = true;
        }
    }

    /// Whether another program can be launched: init lives, and nothing else does.
    pub fn idle(&self) -> bool {
        !self.lost && self.pending.ended.is_some()
    }

    /// Asks init what the network device lost, while it is still there.
    fn ask_for_loss(&mut self) {
        if self.plan.network.is_none() || self.ask(&ToInit::Loss, &[]).is_err() {
            return;
        }
        let deadline = Instant::now() + LAST_WORDS;
        while self.pending.packets_lost.is_none() && Instant::now() < deadline {
            let heard = match self.receive(TICK) {
                Ok(Some((frame, _))) => self.note(frame),
                Ok(None) => Ok(()),
                Err(error) => Err(error),
            };
            if heard.is_err() {
                break;
            }
        }
    }

    /// Takes what init has to say, waiting at most so long for the first word.
    fn listen(&mut self, patience: Duration) -> Result<(), SandboxError> {
        let mut patience = patience;
        while let Some((frame, _)) = self.receive(patience)? {
            patience = Duration::ZERO;
            self.note(frame)?;
            if self.pending.ended.is_some() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn note(&mut self, frame: FromInit) -> Result<(), SandboxError> {
        match frame {
            FromInit::Prepared { failed } => {
                if failed.is_none() && self.egress.is_some() {
                    self.load_rules()?;
                    self.release()?;
                }
                self.pending.prepared = Some((failed, SystemTime::now()));
            }
            FromInit::ExecFailed { errno } => self.pending.exec_error = Some(errno),
            FromInit::Exited { status } => self.pending.exit = Some(exit_status(status)),
            FromInit::Ended { last_pid } => self.pending.ended = Some(last_pid),
            FromInit::Others { attack, own } => self.pending.others = Some((attack, own)),
            FromInit::Usage { memory } => self.pending.memory = Some(memory),
            FromInit::Loss { packets } => self.pending.packets_lost = Some(packets),
            other => return Err(unexpected(other)),
        }
        Ok(())
    }
}

pub(super) fn exit_status(status: i32) -> ExitStatus {
    if libc::WIFSIGNALED(status) {
        ExitStatus::Signal(libc::WTERMSIG(status))
    } else {
        ExitStatus::Code((libc::WEXITSTATUS(status) & 0xff) as u8)
    }
}
