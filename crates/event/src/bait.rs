//! Baits: values planted so that touching them tells something.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `bait.read`: a bait was opened for reading, or asked for and given.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaitRead {
    /// Name of the bait, as in the manifest.
    pub bait: String,
    /// The conversation in which it was given, where the simulated internet gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<crate::internet::FlowRef>>,
}

/// `bait.exfiltrated`: a bait's value was seen leaving.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaitExfiltrated {
    /// Name of the bait, as in the manifest.
    pub bait: String,
    /// How it was encoded (`plain`, `base64`, …).
    pub encoding: String,
    /// The conversation in which it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<Box<crate::internet::FlowRef>>,
}
