//! The live line while something runs: on standard error, and only where that is a terminal.

use crate::terminal::clean;
use crate::units;
use detektr_validate::Arm;
use detektr_validate::run::Stage;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A live line, or nothing where nobody watches.
pub struct Live {
    bar: Option<ProgressBar>,
}

impl Live {
    /// A line on standard error; none with `quiet`.
    pub fn new(quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Live { bar: None };
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(120));
        Live { bar: Some(bar) }
    }

    /// Tells how far it is.
    pub fn tell(&self, phase: &str, elapsed: Duration, events: u64, processes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(line(phase, elapsed, events, processes));
        }
    }

    /// Takes the line away.
    pub fn clear(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The live line of a validation: which arm runs, and how many are done.
pub struct Arms {
    live: Live,
    validation: String,
    all: usize,
    done: AtomicUsize,
}

impl Arms {
    /// A line for the `all` arms of `validation`; none with `quiet`.
    pub fn new(quiet: bool, validation: &str, all: usize) -> Self {
        Arms { live: Live::new(quiet), validation: clean(validation), all, done: AtomicUsize::new(0) }
    }

    /// Tells what happens to `arm`.
    pub fn tell(&self, arm: &Arm, stage: Stage) {
        let Some(bar) = &self.live.bar else { return };
        if matches!(stage, Stage::Done | Stage::Reused) {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        let now = now(stage);
        let done = self.done.load(Ordering::Relaxed);
        let role = clean(&arm.role.to_string());
        bar.set_message(format!(
            "{} {done}/{}  {role} #{}: {now}",
            self.validation,
            self.all,
            arm.repeat + 1
        ));
    }

    /// Takes the line away.
    pub fn clear(self) {
        self.live.clear();
    }
}

/// The live line of many executions: which runs, and how many are done.
pub struct Many {
    live: Live,
    all: usize,
    done: AtomicUsize,
}

impl Many {
    /// A line for `all` executions; none with `quiet`.
    pub fn new(quiet: bool, all: usize) -> Self {
        Many { live: Live::new(quiet), all, done: AtomicUsize::new(0) }
    }

    /// Tells what happens to the execution `name`.
    pub fn tell(&self, name: &str, stage: Stage) {
        if matches!(stage, Stage::Done | Stage::Reused) {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        let Some(bar) = &self.live.bar else { return };
        let done = self.done.load(Ordering::Relaxed);
        bar.set_message(format!("{done}/{}  {}: {}", self.all, clean(name), now(stage)));
    }

    /// Takes the line away while `write` writes where it stands.
    pub fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.live.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the line away.
    pub fn clear(self) {
        self.live.clear();
    }
}

fn now(stage: Stage) -> String {
    match stage {
        Stage::Runs(now) => line(now.phase, now.elapsed, now.events, now.processes),
        Stage::Begins => "begins".into(),
        Stage::Done => "done".into(),
        Stage::Reused => "was run before".into(),
    }
}

fn line(phase: &str, elapsed: Duration, events: u64, processes: u64) -> String {
    format!("{phase}  {}  {events} events, {processes} processes", units::show_duration(elapsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_line_tells_phase_time_and_counts() {
        assert_eq!(
            line("execute", Duration::from_millis(1_500), 12, 3),
            "execute  1.5 s  12 events, 3 processes"
        );
    }
}
