//! What programs log.

use crate::text::Copied;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `log.message`: a message that reached one of the environment's own sockets for logs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogMessage {
    /// The message as sent: of syslog(3) with its priority, of the journal with all its fields.
    pub message: Copied,
    /// The socket: `/dev/log`, or one of the journal's.
    pub socket: String,
}
