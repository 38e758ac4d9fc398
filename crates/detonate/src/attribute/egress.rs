//! What a refusal by rules for what leaves looks like: a connection or a datagram that fails, or never comes to an end.
//! Each of these may have other causes. It is credited only where the rules of just one control have, by then, refused
//! more packets than were credited to it: every credit needs a refused packet of its own.

use detektr_event::{Address, Detail, Event, OutcomeResult};
use detektr_sandbox::controls::egress::Loaded;
use std::collections::BTreeMap;

/// What a reject or a drop makes of a call, the one that doesn't wait included. One that never returned has no error.
const ERRORS: [&str; 8] = [
    "ECONNREFUSED",
    "EPERM",
    "EACCES",
    "EHOSTUNREACH",
    "ENETUNREACH",
    "ECONNRESET",
    "ETIMEDOUT",
    "EINPROGRESS",
];

/// Refused packets, and those that explain an event already.
pub(super) struct Refusals {
    rules: Option<Loaded>,
    /// Read at this time of the kernel, nanoseconds since it began.
    read: u64,
    refused: BTreeMap<String, u64>,
    credited: BTreeMap<String, u64>,
}

impl Refusals {
    pub(super) fn new(rules: Option<Loaded>) -> Refusals {
        Refusals { rules, read: 0, refused: BTreeMap::new(), credited: BTreeMap::new() }
    }

    /// The control whose rules refused what `event` sent.
    pub(super) fn of(&mut self, event: &Event) -> Option<String> {
        if !fits(event) {
            return None;
        }
        let rules = self.rules.as_ref()?;
        // the packet came before the event: what was read later knows of it
        if self.read < event.boot_ns {
            let now = boot_ns();
            // who can't read them credits nobody; the end of the run says why
            self.refused = rules.refused().unwrap_or_default();
            self.read = now;
        }
        let credited = |name: &str| self.credited.get(name).copied().unwrap_or(0);
        let mut more = self.refused.iter().filter(|(name, refused)| **refused > credited(name));
        let (name, _) = more.next().filter(|_| more.next().is_none())?;
        *self.credited.entry(name.clone()).or_default() += 1;
        Some(name.clone())
    }
}

/// Whether a refused packet may be what made `event` fail.
fn fits(event: &Event) -> bool {
    let address = match &event.detail {
        Detail::NetworkConnect { network } => &network.address,
        Detail::NetworkSend { network } => &network.address,
        _ => return false,
    };
    let leaves = match address {
        Address::Inet { address, .. } => !address.is_loopback(),
        Address::Inet6 { address, .. } => !address.is_loopback(),
        _ => false,
    };
    let failed = match event.outcome.errno.as_deref() {
        Some(errno) => ERRORS.contains(&errno),
        None => event.outcome.result == OutcomeResult::Unfinished,
    };
    leaves && failed && !event.outcome.skipped
}

fn boot_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}
