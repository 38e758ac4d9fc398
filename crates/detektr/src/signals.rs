//! Ctrl-C and its like: the first ends what runs in order, a later one ends Detektr at once.

use crate::exit;
use crate::failure::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What comes within this time of the first is the same wish: `timeout` signals its child and then the child's
/// whole process group, a terminal's end sends SIGHUP more than once.
const SAME: Duration = Duration::from_secs(1);

/// The first signal sets `cancel`, upon which the run ends in order, with a sealed bundle; one that comes more
/// than a second later ends Detektr at once.
pub fn end_on_signals(cancel: &Arc<AtomicBool>) -> Result<(), Failure> {
    let failed = |e| Failure::failed("detektr::signals", "can't watch for signals").because(e);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
    let cancel = cancel.clone();
    let watch = move || {
        let mut first: Option<Instant> = None;
        for _ in signals.forever() {
            if first.is_some_and(|first| first.elapsed() > SAME) {
                signal_hook::low_level::exit(i32::from(exit::FAILED));
            }
            first.get_or_insert_with(Instant::now);
            cancel.store(true, Ordering::SeqCst);
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(watch).map_err(failed)?;
    Ok(())
}
