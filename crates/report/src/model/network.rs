//! With whom the run talked.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// With whom the run talked, or tried to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Conversations, in the order of their beginning; past the bound they are only counted.
    pub conversations: Vec<Conversation>,
    /// Conversations that are not listed.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub left_out: u64,
    /// What was said to the simulated internet, in its order; past the bound it is only counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// Exchanges that are not listed.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub exchanges_left_out: u64,
}

/// A question, a request, a handshake or a whole conversation, as the simulated internet saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Number of the event.
    pub event: u64,
    /// `dns`, `http`, `tls` or `flow`.
    pub kind: String,
    /// Number of the conversation within the run.
    pub flow: u64,
    /// What was said, in one line.
    pub what: String,
    /// Position of the process in `processes`, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// Headers, fingerprints, first bytes: one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What one process did with one peer or address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conversation {
    /// `connect`, `send`, `bind`, `accept` or `raw socket`.
    pub act: String,
    /// The peer, or the own address.
    pub address: String,
    /// `inet`, `inet6`, `unix`, `netlink`, …
    pub family: String,
    /// Position of the process in `processes`, where it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<u32>,
    /// Acts that took effect.
    pub succeeded: u64,
    /// Acts that did not, by how they ended.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<String, u64>,
    /// Bytes sent by calls that name the peer.
    #[serde(default, skip_serializing_if = "super::is_zero")]
    pub sent: u64,
    /// Numbers of its events, at most [`Sentence::LINKS`].
    pub events: Vec<u64>,
}
