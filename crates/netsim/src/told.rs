//! What the simulated internet tells.

use detektr_event::Detail;
use std::sync::mpsc::SyncSender;

/// The content of a body, to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes, whole.
    pub bytes: Vec<u8>,
}

/// One fact. The attribution in it is not known yet, and bodies are not stored yet.
#[derive(Clone, Debug)]
pub struct Told {
    /// When, nanoseconds since boot: of a conversation its first packet, else the act itself.
    pub boot_ns: u64,
    /// What.
    pub detail: Detail,
    /// Bodies of a request and its response, where they are to be kept.
    pub contents: Vec<Content>,
}

/// Where facts go. A reader that is too slow makes the internet wait, which bounds what waits.
pub(crate) type Sink = SyncSender<Told>;
