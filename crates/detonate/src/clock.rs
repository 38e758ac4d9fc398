//! Time and randomness of one run: all that makes two runs of the same request differ.

use detektr_event::Timestamp;
use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

/// Random for each run; baits, names and the host name follow from it.
pub fn random() -> [u8; 8] {
    let mut seed = [0; 8];
    let mut filled = 0;
    while filled < seed.len() {
        match rustix::rand::getrandom(&mut seed[filled..], rustix::rand::GetRandomFlags::empty()) {
            Ok(length) => filled += length,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => panic!("the kernel gives no random numbers: {error}"),
        }
    }
    seed
}

/// Sorts by time, and is unique: `YYYYMMDD-HHMMSS-XXXXXX`.
pub fn run_id() -> String {
    let time = now().to_string();
    let digits: String = time.chars().filter(char::is_ascii_digit).take(14).collect();
    let random = random();
    format!("{}-{}-{:02x}{:02x}{:02x}", &digits[..8], &digits[8..], random[0], random[1], random[2])
}

/// The wall clock.
pub fn now() -> Timestamp {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Timestamp(time.tv_sec * 1_000_000_000 + time.tv_nsec)
}

/// `at` of the wall clock.
pub fn wall(at: SystemTime) -> Timestamp {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Nanoseconds since boot.
pub fn boot_ns() -> u64 {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(boot.tv_sec * 1_000_000_000 + boot.tv_nsec).unwrap_or_default()
}

/// What to add to nanoseconds since boot to get the wall clock's.
pub fn boot_to_wall_ns() -> i64 {
    let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    now().0 - (boot.tv_sec * 1_000_000_000 + boot.tv_nsec)
}

/// Where the time went.
pub struct Timing {
    last: Instant,
    /// Microseconds by step.
    pub steps: BTreeMap<String, u64>,
}

impl Default for Timing {
    fn default() -> Self {
        Timing { last: Instant::now(), steps: Default::default() }
    }
}

impl Timing {
    /// The step that has just ended.
    pub fn mark(&mut self, step: &str) {
        let passed = self.last.elapsed();
        self.last = Instant::now();
        self.steps.insert(step.into(), u64::try_from(passed.as_micros()).unwrap_or(u64::MAX));
    }
}
