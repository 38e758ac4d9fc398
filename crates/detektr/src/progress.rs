//! The live line while something runs: on standard error, and only where that is a terminal.

use crate::units;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
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
