//! The bundle: write, seal, sign, read, verify; file-system difference and reconciliation.
//!
//! A [`BundleWriter`] takes what a detonation yields as it happens; [`BundleWriter::seal`] turns it into a
//! [`Bundle`], which nobody writes to any more, and [`verify`] tells whether a bundle is still what was sealed.
//! [`fsdiff`] compares what a run left in its overlay with the file system beneath, and [`reconcile`] holds the
//! result, and the kernel's process accounting, against the events. The format is told to the byte in
//! `docs/evidence-format.md`.
#![forbid(unsafe_code)]

mod applied;
mod archive;
mod bundle;
pub mod changes;
pub mod dsse;
mod error;
pub mod fsdiff;
mod hash;
pub mod keys;
mod ledger;
pub mod manifest;
mod output;
pub mod persistence;
pub mod reconcile;
pub mod schema;
pub mod seal;
mod store;
pub mod stream;
mod verify;
mod witness;

pub use bundle::{Bundle, BundleWriter, Leftover, Readable, Start, leftovers, recover};
pub use changes::{Change, ChangeKind, FileState, FileType};
pub use error::{EvidenceError, Result};
pub use fsdiff::{
    Baseline, Diff, DiffOptions, IdMap, IdMaps, IdRange, Layer, LayerIds, LowerView, MergedView, fsdiff,
};
pub use hash::{Hashing, sha256_hex};
pub use keys::{PublicKey, SigningKey};
pub use ledger::{Counts, Ledger};
pub use manifest::{
    AppliedControl, Artifact, Bait, BaitPlace, EgressEffects, Exit, FileEntry, Incomplete, Manifest,
    Monitored, Output, OutputSpan, Paused, PhaseSpan, RefusedPackets, RulesState, Sensor, State,
};
pub use output::OutputWriter;
pub use store::{FileBounds, FileStore, Stored};
pub use verify::{Problem, Verification, verify};
pub use witness::{
    CaptureTotals, FsdiffWitness, LinkUsed, PacketsWitness, ProcessesWitness, Side, Unexplained, Witnesses,
};
