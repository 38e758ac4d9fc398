//! What programs log.

use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `log.message`: a message that reached the environment's own `/dev/log`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogMessage {
    /// The message as sent, priority included.
    pub message: Copied,
}
