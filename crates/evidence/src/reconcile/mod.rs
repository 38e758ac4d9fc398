//! Witnesses of one run held against each other: events against the file-system difference, against the kernel's
//! process accounting, and against the packets of its network. All of it is computed from values.
//!
//! Order between processes is known only roughly and a sensor tells a write when its file is closed, so that
//! events and difference are compared as sets: a change needs an event that can have made it, and an event that
//! must have left something needs the change. Where both are possible, nothing is reported.

mod act;
mod files;
mod judge;
mod names;
mod packets;
mod processes;
mod resolve;

pub use files::{Files, Scope, files};
pub use judge::FilesVerdict;
pub use packets::Packets;
pub use processes::{ProcessAccount, processes};
