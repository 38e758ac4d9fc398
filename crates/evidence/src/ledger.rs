//! The ledger: what became of every record, by kind of event. It must balance.

use detektr_event::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of the records of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Records that the sensor's hooks set out to make.
    pub attempted: u64,
    /// Records that left the hook.
    pub emitted: u64,
    /// Records lost between hook and reader.
    pub dropped: u64,
    /// Records that came out at the reader's end.
    pub received: u64,
    /// Events of this kind in `events.ndjson.zst`. The decoder turns one record into no, one or several
    /// events, of this kind or a near one, so that `received` and `written` need not agree.
    pub written: u64,
}

impl Counts {
    /// Whether nothing went astray unnoticed: `attempted = emitted + dropped` and `emitted = received`.
    pub fn balances(&self) -> bool {
        self.emitted.checked_add(self.dropped) == Some(self.attempted) && self.emitted == self.received
    }
}

/// Counts by kind. Kinds of which nothing was seen may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ledger(pub BTreeMap<Kind, Counts>);

impl Ledger {
    /// The kinds whose counts don't balance.
    pub fn unbalanced(&self) -> impl Iterator<Item = (Kind, &Counts)> {
        self.0.iter().filter(|(_, counts)| !counts.balances()).map(|(kind, counts)| (*kind, counts))
    }

    /// The kinds of which records were lost.
    pub fn lossy(&self) -> impl Iterator<Item = (Kind, &Counts)> {
        self.0.iter().filter(|(_, counts)| counts.dropped > 0).map(|(kind, counts)| (*kind, counts))
    }
}
