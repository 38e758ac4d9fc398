//! Programs that watch the artifact: what they put out is kept, and read while it comes where a line tells that they
//! watch.

use crate::outputs::Pump;
use detektr_evidence::{BundleWriter, Exit, Manifest, Monitored};
use detektr_sandbox::controls::{Control, Monitor};
use detektr_sandbox::{Ended, ExitStatus, Watcher};
use regex::bytes::Regex;
use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest beginning of a line that is looked at.
const LONGEST: usize = 64 << 10;

/// The controls among `controls` that watch, in order.
pub fn of(controls: &[Control]) -> impl Iterator<Item = (&Control, &Monitor)> {
    controls.iter().filter_map(|control| Some((control, control.monitor()?)))
}

/// What the sandbox is to run, and the threads that read it.
///
/// # Errors
/// Where a pipe, a file or a thread can't be made; where a pattern is none.
pub fn begin(
    controls: &[Control],
    bound: u64,
    writer: &mut BundleWriter,
) -> Result<(Vec<Watcher>, Vec<Pump>), Box<dyn std::error::Error>> {
    let (mut watchers, mut pumps) = (Vec::new(), Vec::new());
    for (_, monitor) in of(controls) {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let keep = writer.monitor(bound)?;
        let mut ready = None;
        let pump = match &monitor.ready {
            None => Pump::start("monitor", read, keep)?,
            Some(pattern) => {
                let flag = ready.insert(Arc::new(AtomicBool::new(false))).clone();
                let pattern = Regex::new(pattern)?;
                Pump::start("monitor", read, Awaits { keep, pattern, line: Vec::new(), ready: flag })?
            }
        };
        pumps.push(pump);
        let words = |line: &Vec<String>| line.iter().map(OsString::from).collect::<Vec<_>>();
        watchers.push(Watcher {
            when: monitor.when,
            setup: monitor.setup.iter().map(words).collect(),
            argv: words(&monitor.command),
            output: write,
            ready,
            settle: monitor.settle_ms.map(Duration::from_millis),
        });
    }
    Ok((watchers, pumps))
}

/// Writes what became of each. One that could not watch makes the run say nothing.
pub fn tell(manifest: &mut Manifest, controls: &[Control], ended: &Ended) {
    let nothing = Default::default();
    for (number, (control, _)) in of(controls).enumerate() {
        let end = ended.watchers.get(number).unwrap_or(&nothing);
        manifest.monitors.push(Monitored {
            control: control.name.clone(),
            exit: end.exit.map(exit),
            early: end.early,
            whole: end.whole,
            output: Default::default(),
        });
    }
    if let Some(unwatched) = &ended.unwatched {
        let name = |number| of(controls).nth(number).map(|(control, _)| control.name.as_str());
        let who = unwatched.number.and_then(name).unwrap_or("what watches");
        manifest.mark_incomplete(unwatched.code, format!("{who}: {}", unwatched.why));
    }
}

/// An end as the manifest tells it.
pub fn exit(exit: ExitStatus) -> Exit {
    match exit {
        ExitStatus::Code(code) => Exit::Code { code },
        ExitStatus::Signal(signal) => {
            Exit::Signal { signal: detektr_sensor::decode::signal_name(i64::from(signal)) }
        }
    }
}

/// Keeps what comes, and says when a line of it tells that the program watches.
struct Awaits<W> {
    keep: W,
    pattern: Regex,
    line: Vec<u8>,
    ready: Arc<AtomicBool>,
}

impl<W: Write> Write for Awaits<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // what is not taken comes again
        let taken = self.keep.write(bytes)?;
        for part in bytes[..taken].split_inclusive(|byte| *byte == b'\n') {
            if self.ready.load(Ordering::Relaxed) {
                break;
            }
            let room = LONGEST.saturating_sub(self.line.len());
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            if self.pattern.is_match(self.line.strip_suffix(b"\n").unwrap_or(&self.line)) {
                self.ready.store(true, Ordering::Release);
            }
            if part.ends_with(b"\n") {
                self.line.clear();
            }
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.keep.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::Awaits;
    use regex::bytes::Regex;
    use std::io::Write;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Takes three bytes at once.
    struct Slow(Vec<u8>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.write(&bytes[..bytes.len().min(3)])
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_taken_in_parts_is_looked_at_once() {
        let ready = Arc::new(AtomicBool::new(false));
        let pattern = Regex::new("^Watches established$").unwrap();
        let mut awaits = Awaits { keep: Slow(Vec::new()), pattern, line: Vec::new(), ready: ready.clone() };
        awaits.write_all(b"Watches established").unwrap();
        assert!(ready.load(Ordering::Relaxed));
        assert_eq!(awaits.keep.0, b"Watches established");
    }

    #[test]
    fn a_line_that_comes_in_pieces_is_one_line() {
        let ready = Arc::new(AtomicBool::new(false));
        let pattern = Regex::new("^Watches established").unwrap();
        let mut awaits = Awaits { keep: Vec::new(), pattern, line: Vec::new(), ready: ready.clone() };
        awaits.write_all(b"not Watches established\nWatch").unwrap();
        assert!(!ready.load(Ordering::Relaxed));
        awaits.write_all(b"es established.").unwrap();
        assert!(ready.load(Ordering::Relaxed));
        assert_eq!(awaits.keep, b"not Watches established\nWatches established.");
    }
}
