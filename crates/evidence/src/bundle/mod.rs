//! The bundle as a folder: [`BundleWriter`] while it is written, [`Bundle`] once it is sealed.

mod open;
mod recover;
mod sealed;

pub use open::{BundleWriter, Start};
pub use recover::{Leftover, Readable, leftovers, recover};
pub use sealed::Bundle;
pub(crate) use sealed::{parse_manifest, read_bounded};

use crate::error::{EvidenceError, Result};

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const ATTESTATION: &str = "attestation.dsse.json";
pub(crate) const EVENTS: &str = "events.ndjson.zst";
pub(crate) const CHANGES: &str = "changes.ndjson";
pub(crate) const PERSISTENCE: &str = "persistence.json";
pub(crate) const STDOUT: &str = "stdout";
pub(crate) const STDERR: &str = "stderr";
/// How the names of what watching programs put out begin; a number follows.
pub(crate) const MONITOR: &str = "monitor-";
pub(crate) const CAPTURE: &str = "network.pcapng";
pub(crate) const FILES: &str = "files";
/// Says what is being recorded; only there until the seal.
pub(crate) const START: &str = "start.json";
/// What the name of an unsealed bundle's folder ends with.
pub(crate) const PARTIAL: &str = ".partial";

/// Checks that a run id can name a folder and a path within an archive.
pub(crate) fn check_run_id(run: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let good = (1..=64).contains(&run.len())
        && run.bytes().all(allowed)
        && run.as_bytes()[0].is_ascii_alphanumeric()
        && !run.ends_with(PARTIAL);
    if good { Ok(()) } else { Err(EvidenceError::RunId(run.to_owned())) }
}

/// Whether `name` is one that a bundle's file can have.
pub(crate) fn is_file_name(name: &str) -> bool {
    match name.strip_prefix("files/") {
        Some(hash) => crate::hash::is_sha256(hash),
        None if name.starts_with(MONITOR) => {
            let number = &name[MONITOR.len()..];
            matches!(number.len(), 1..=2) && number.bytes().all(|digit| digit.is_ascii_digit())
        }
        None => matches!(
            name,
            MANIFEST | ATTESTATION | EVENTS | CHANGES | PERSISTENCE | STDOUT | STDERR | CAPTURE
        ),
    }
}
