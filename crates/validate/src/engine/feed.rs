//! What an engine is asked: the events of a run, one JSON object a line.

use crate::plan::Digest;
use detektr_detect::{Processes, Shape};
use detektr_event::Detail;
use detektr_evidence::{Bundle, Hashing};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// What was in it.
pub(crate) struct Fed {
    /// The numbers of the events.
    pub(super) events: BTreeSet<u64>,
    /// The start of the artifact's file, which is Detektr's doing.
    pub(super) launched: Option<u64>,
    /// Its bytes.
    pub(super) digest: Digest,
}

/// Writes to `out` the events of `bundle` in the shape `view`: the same bytes for the same bundle.
///
/// # Errors
/// Where the bundle can't be read to its end, or `out` can't be written to.
pub(crate) fn feed(view: Shape, bundle: &Bundle, out: impl Write) -> io::Result<Fed> {
    let artifact = bundle.manifest().artifact.path.as_ref().map(|path| path.lossy().into_owned());
    let mut out = Hashing::new(io::BufWriter::new(out));
    let mut known = Processes::default();
    let (mut events, mut launched) = (BTreeSet::new(), None);
    for event in bundle.events().map_err(io::Error::other)? {
        let event = event?;
        known.event(&event);
        if launched.is_none()
            && let (Detail::ProcessExec { exec }, Some(artifact)) = (&event.detail, &artifact)
            && event.outcome.is_success()
            && exec.file.path.text().is_some_and(|path| path.lossy() == *artifact)
        {
            launched = Some(event.seq);
        }
        for record in view.records(&event, &known) {
            serde_json::to_writer(&mut out, &record)?;
            out.write_all(b"\n")?;
            events.insert(event.seq);
        }
    }
    out.flush()?;
    let (sha256, size) = out.finish();
    Ok(Fed { events, launched, digest: Digest { sha256, size } })
}
