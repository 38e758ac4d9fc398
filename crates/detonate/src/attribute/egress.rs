//! What a refusal by rules for what leaves looks like: a connection or a datagram that fails, or never comes to an end.
//! Each of these may have other causes. It is credited only where the rules of just one control have, by then, refused
//! more packets than were credited to it: every credit needs a refused packet of its own.

use crate::clock::boot_ns;
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

/// How often the counters are read while a run goes on. Each reading is a program that is run, so that an attack which
/// is refused a hundred thousand times would have its record wait for them.
const READINGS: usize = 1000;

/// Packets that were refused by now, by control.
type Counters = Box<dyn FnMut() -> BTreeMap<String, u64> + Send>;

/// Refused packets, and those that explain an event already.
pub(super) struct Refusals {
    counters: Option<Counters>,
    /// Read at this time of the kernel, nanoseconds since it began.
    read: u64,
    readings: usize,
    refused: BTreeMap<String, u64>,
    credited: BTreeMap<String, u64>,
}

impl Refusals {
    pub(super) fn new(rules: Option<Loaded>) -> Refusals {
        // who can't read them credits nobody; the end of the run says why
        Refusals::counted(
            rules.map(|rules| Box::new(move || rules.refused().unwrap_or_default()) as Counters),
        )
    }

    fn counted(counters: Option<Counters>) -> Refusals {
        Refusals { counters, read: 0, readings: 0, refused: BTreeMap::new(), credited: BTreeMap::new() }
    }

    /// The control whose rules refused what `event` sent.
    pub(super) fn of(&mut self, event: &Event) -> Option<String> {
        if !fits(event) {
            return None;
        }
        self.look(event.boot_ns);
        let name = self.only_surplus()?;
        *self.credited.entry(name.clone()).or_default() += 1;
        Some(name)
    }

    /// The one control that has refused more than was credited to it.
    fn only_surplus(&self) -> Option<String> {
        let credited = |name: &str| self.credited.get(name).copied().unwrap_or(0);
        let mut more = self.refused.iter().filter(|(name, refused)| **refused > credited(name));
        let (name, _) = more.next().filter(|_| more.next().is_none())?;
        Some(name.clone())
    }

    /// Reads the counters where what is known of them does not say enough of an event at `at`.
    fn look(&mut self, at: u64) {
        // the packet came before the event: what was read later knows of it
        if self.read >= at {
            return;
        }
        // counters only grow, so that a surplus stays one; of several, another may have one by now
        let alone = self.refused.len() == 1;
        if alone && self.only_surplus().is_some() {
            return;
        }
        let Some(counters) = self.counters.as_mut() else { return };
        if self.readings < READINGS {
            let now = boot_ns();
            self.refused = counters();
            self.read = now;
            self.readings += 1;
        } else if !alone {
            self.refused.clear();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// A refused connection, after everything that was read before.
    fn refused() -> Event {
        let event = json!({
            "seq": 1, "time": "2026-03-01T12:00:00.000000000Z", "boot_ns": u64::MAX, "phase": "execute",
            "kind": "network.connect", "sensor": "ebpf", "outcome": {"result": "failure", "errno": "ECONNREFUSED"},
            "process": {"id": "64-7-1", "pid": 7, "tid": 7, "exe": "/usr/bin/x", "euid": 0, "actor": "artifact"},
            "network": {"fd": 3, "address": {"family": "inet", "address": "192.0.2.7", "port": 4444}},
        });
        serde_json::from_value(event).unwrap()
    }

    /// How many of `calls` refused calls are credited, and how often the counters are read for that. Before each call the
    /// rules of each of `controls` refuse so many packets.
    fn credits(calls: usize, controls: &[(&'static str, u64)]) -> (usize, u64) {
        let (made, readings) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (seen, counted, controls) = (made.clone(), readings.clone(), controls.to_vec());
        let read = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let calls = seen.load(Ordering::Relaxed);
            controls.iter().map(|(name, each)| ((*name).to_owned(), each * calls)).collect()
        };
        let mut refusals = Refusals::counted(Some(Box::new(read)));
        let event = refused();
        let credited = (0..calls).filter(|_| {
            made.fetch_add(1, Ordering::Relaxed);
            refusals.of(&event).is_some()
        });
        (credited.count(), readings.load(Ordering::Relaxed))
    }

    #[test]
    fn a_hundred_thousand_refused_calls_cost_a_bounded_number_of_readings() {
        let (credited, readings) = credits(100_000, &[("it", 1)]);
        assert_eq!((credited, readings), (READINGS, READINGS as u64));
        // a connection that asks again is refused more than once: what is known already needs no reading
        let (credited, readings) = credits(4000, &[("it", 4)]);
        assert_eq!(credited, 4000);
        assert!(readings < READINGS as u64, "{readings}");
    }

    #[test]
    fn no_credit_is_given_without_a_refused_packet_or_where_it_may_be_anothers() {
        assert_eq!(credits(50, &[("it", 0)]), (0, 50));
        assert_eq!(credits(50, &[("it", 1), ("other", 1)]).0, 0);
        assert_eq!(credits(50, &[("it", 1), ("other", 0)]).0, 50);
        // which of several has refused more can't be known any more
        assert_eq!(credits(5000, &[("it", 9), ("other", 0)]).0, READINGS);
    }
}
