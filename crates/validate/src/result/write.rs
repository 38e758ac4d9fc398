//! Writing a result: whole or not at all.

use super::{ATTESTATION, DOCUMENT, ENGINES, INPUTS, Inputs, ResultDocument, attest};
use detektr_evidence::{SigningKey, dsse, sha256_hex};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Writes `document`, with the files that its plan names, into a new folder below `folder`, named by the result's
/// id; `carry` adds what goes along. What a kill leaves is named `.ID.partial`, is no result, and goes with the next that is
/// written there.
///
/// # Errors
/// Where the folder can't be written to; nothing is left then.
pub fn write(
    folder: &Path,
    document: &ResultDocument,
    inputs: &Inputs,
    key: &SigningKey,
    carry: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<PathBuf> {
    // two runs that used the same arms give the same result
    let alone = File::open(folder)?;
    alone.lock()?;
    clear(folder)?;
    let partial = folder.join(format!(".{}{PARTIAL}", document.id));
    let place = folder.join(&document.id);
    let written = fill(&partial, document, inputs, key)
        .and_then(|()| carry(&partial))
        .and_then(|()| put(&partial, &place));
    if let Err(error) = written {
        let _ = fs::remove_dir_all(&partial);
        return Err(error);
    }
    alone.sync_all()?;
    Ok(place)
}

/// How the folder of a result ends that is being written.
const PARTIAL: &str = ".partial";

/// Removes what was left by a kill: nobody else writes here now.
fn clear(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(PARTIAL) && entry.path().join(INPUTS).is_dir() {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Puts `partial` at `place`. An id says what a result is of: what stands there is the same, or was left by somebody's hand.
fn put(partial: &Path, place: &Path) -> io::Result<()> {
    if !place.exists() {
        return fs::rename(partial, place);
    }
    match renameat_with(CWD, partial, CWD, place, RenameFlags::EXCHANGE) {
        Ok(()) => fs::remove_dir_all(partial),
        // not every file system can
        Err(_) => fs::remove_dir_all(place).and_then(|()| fs::rename(partial, place)),
    }
}

fn fill(partial: &Path, document: &ResultDocument, inputs: &Inputs, key: &SigningKey) -> io::Result<()> {
    let private = |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path);
    private(&partial.join(INPUTS))?;
    for content in inputs.values() {
        file(&partial.join(INPUTS).join(sha256_hex(content)), content)?;
    }
    if !document.engines.is_empty() {
        private(&partial.join(ENGINES))?;
    }
    for reply in &document.engines {
        file(&partial.join(ENGINES).join(&reply.output.sha256), &reply.content)?;
    }
    let bytes = bytes(document);
    let statement = attest::statement(document, &bytes, &key.public());
    file(&partial.join(DOCUMENT), &bytes)?;
    file(&partial.join(ATTESTATION), &dsse::sign(&statement, key))
}

/// The bytes of `result.json`: the same document always gives the same.
pub(super) fn bytes(document: &ResultDocument) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).expect("a result is JSON");
    bytes.push(b'\n');
    bytes
}

fn file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}
