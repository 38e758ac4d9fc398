//! How what was tried ended.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The `enforcer` of what one of Detektr's own walls answered.
pub const WALL: &str = "detektr";

/// How a call or an act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeResult {
    /// It took effect.
    Success,
    /// It didn't: `errno` says why, where the kernel gave one.
    Failure,
    /// Killed in the call, still in progress, or submitted and never completed.
    Unfinished,
}

/// The outcome of an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// How it ended.
    pub result: OutcomeResult,
    /// The error by name (`EACCES`), of a failure; of a call that is unfinished what it returned, where it
    /// returned (`EINPROGRESS`, `ERESTARTSYS`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errno: Option<String>,
    /// Who refused, where it is known: `detektr` for one of Detektr's own walls, else a control's name. On a
    /// success: the control whose mask was reached in place of the file. Of an unfinished act: who killed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enforcer: Option<String>,
    /// The kernel skipped the call: it was seen to return and never to be entered. A seccomp filter, a tracer
    /// or a race can be the cause; see `docs/events.md`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipped: bool,
}

impl Outcome {
    /// It took effect.
    pub const SUCCESS: Outcome =
        Outcome { result: OutcomeResult::Success, errno: None, enforcer: None, skipped: false };
    /// It never returned.
    pub const UNFINISHED: Outcome =
        Outcome { result: OutcomeResult::Unfinished, errno: None, enforcer: None, skipped: false };

    /// It failed with the error named `errno`.
    pub fn failure(errno: impl Into<String>) -> Self {
        Outcome { result: OutcomeResult::Failure, errno: Some(errno.into()), enforcer: None, skipped: false }
    }

    /// Whether it took effect.
    pub fn is_success(&self) -> bool {
        self.result == OutcomeResult::Success
    }

    /// Whether it took effect on what it was meant for, and not on a mask in its place.
    pub fn reached(&self) -> bool {
        self.is_success() && self.enforcer.is_none()
    }
}
