//! The events, as columns.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The events as columns of the same length, and tables that they point into by position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// Events of the run.
    pub total: u64,
    /// Events that are not listed, by kind: past the bound only those are that something else here names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
    /// Table of kinds.
    pub kinds: Vec<String>,
    /// Table of outcomes.
    pub outcomes: Vec<EventOutcome>,
    /// Table of texts: what an event was done to or with.
    pub texts: Vec<String>,
    /// Column: number of the event, as the difference to the one listed before it.
    pub seq: Vec<u64>,
    /// Column: microseconds since the event listed before it (since the first event of the run). Negative where
    /// events of several processors arrived in another order than they happened.
    pub time: Vec<i64>,
    /// Column: position in `kinds`.
    pub kind: Vec<u32>,
    /// Column: position in `processes` plus one; 0 for none that is listed.
    pub process: Vec<u32>,
    /// Column: position in `outcomes`.
    pub outcome: Vec<u32>,
    /// Column: position in `texts`.
    pub text: Vec<u32>,
}

/// An entry of the table of outcomes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventOutcome {
    /// `success`, `failure` or `unfinished`.
    pub result: String,
    /// For people: nothing for a success, else the error and who refused.
    pub text: String,
    /// Whether a control or a wall is known to have caused it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enforced: bool,
}
