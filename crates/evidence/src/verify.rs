//! `verify`: whether a bundle is what was sealed, whole, and agrees with itself; and what is wrong if not.

use crate::archive;
use crate::bundle::{
    ATTESTATION, CHANGES, EVENTS, FILES, MANIFEST, MONITOR, PARTIAL, PERSISTENCE, START, STDERR, STDOUT,
    is_file_name, parse_manifest, read_bounded,
};
use crate::changes::{self, Change};
use crate::error::EvidenceError;
use crate::hash;
use crate::keys::PublicKey;
use crate::manifest::Manifest;
use crate::persistence;
use crate::reconcile::{Files, Packets};
use crate::seal;
use crate::stream::EventReader;
use crate::witness::PacketsWitness;
use detektr_event::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

/// Longest attestation and manifest that are read.
const MAX_ATTESTATION: u64 = 64 << 10;
const MAX_MANIFEST: u64 = 256 << 20;

/// What verification found.
#[derive(Debug, Default)]
pub struct Verification {
    /// What is wrong; empty for a good bundle.
    pub problems: Vec<Problem>,
    /// Whose signature the bundle bears, where that signature is right.
    pub signer: Option<PublicKey>,
    /// The manifest, where it can be read. Believe it only without problems.
    pub manifest: Option<Manifest>,
    /// Events that were read.
    pub events: u64,
}

impl Verification {
    /// Whether nothing is wrong. (A good bundle may still be incomplete: the manifest tells.)
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, code: &str, file: &str, detail: impl Into<String>) {
        self.problems.push(Problem { code: code.into(), file: file.into(), detail: detail.into() });
    }
}

/// Something wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// A stable code; `docs/evidence-format.md` lists them.
    pub code: String,
    /// The file of the bundle that it is about; empty for the bundle as a whole.
    pub file: String,
    /// A sentence for people.
    pub detail: String,
}

/// Verifies the bundle at `path`, a folder or a `.tar.zst`. With `trusted`, a bundle that another key signed is
/// a `foreign_key`; without, any key will do, and the caller judges [`Verification::signer`].
pub fn verify(path: &Path, trusted: Option<&PublicKey>) -> Verification {
    let mut found = Verification::default();
    if !path.is_dir() {
        match archive::unpack(path) {
            Ok(unpacked) => {
                if !unpacked.trailer {
                    found.problem("archive_hash", "", "the archive does not end with the hash of its bytes");
                }
                verify_folder(&unpacked.root, trusted, &mut found);
                let top = unpacked.root.file_name().map(|name| name.to_string_lossy().into_owned());
                if found.manifest.as_ref().is_some_and(|m| Some(&m.run) != top.as_ref()) {
                    found.problem("archive_name", "", "the archive's folder is not named as the run");
                }
            }
            Err(EvidenceError::Io { what, path, source }) => {
                found.problem("unreadable", "", format!("can't {what} {}: {source}", path.display()));
            }
            Err(e) => found.problem("archive_malformed", "", e.to_string()),
        }
        return found;
    }
    verify_folder(path, trusted, &mut found);
    found
}

fn verify_folder(root: &Path, trusted: Option<&PublicKey>, found: &mut Verification) {
    let unsealed = root.file_name().is_some_and(|name| name.to_string_lossy().ends_with(PARTIAL));
    if unsealed || root.join(START).symlink_metadata().is_ok() {
        found.problem("unsealed", "", "the bundle was never sealed");
    }
    let present = list(root, found);
    for name in [MANIFEST, ATTESTATION] {
        if !present.contains(name) {
            found.problem("missing_file", name, "the file is missing");
        }
    }
    let manifest = check_seal(root, &present, trusted, found);
    let Some(manifest) = manifest else { return };
    check_files(root, &present, &manifest, found);
    check_output(&manifest, found);
    let changes = check_changes(root, &manifest, found);
    check_events(root, &manifest, changes, found);
    check_persistence(root, &manifest, found);
    check_completeness(&manifest, found);
    found.manifest = Some(manifest);
}

/// The regular files of the bundle by name; anything else is a problem.
fn list(root: &Path, found: &mut Verification) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for folder in ["", FILES] {
        let path = root.join(folder);
        if !folder.is_empty() && !path.symlink_metadata().is_ok_and(|m| m.is_dir()) {
            continue;
        }
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) => {
                found.problem("unreadable", folder, e.to_string());
                continue;
            }
        };
        let before = names.len();
        for entry in entries {
            let (name, is_file, is_dir) = match entry.and_then(|e| Ok((e.file_name(), e.file_type()?))) {
                Ok((name, kind)) => (name.to_string_lossy().into_owned(), kind.is_file(), kind.is_dir()),
                Err(e) => {
                    found.problem("unreadable", folder, e.to_string());
                    continue;
                }
            };
            if folder.is_empty() && name == FILES && is_dir {
                continue;
            }
            let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            if !is_file {
                found.problem("not_a_file", &name, "a bundle holds nothing but regular files here");
            } else if !is_file_name(&name) {
                found.problem("added_file", &name, "no file of a bundle has this name");
            } else {
                names.insert(name);
            }
        }
        if !folder.is_empty() && names.len() == before {
            found.problem("added_file", folder, "the folder is empty: the seal leaves no such folder");
        }
    }
    names
}

/// Attestation and manifest.
fn check_seal(
    root: &Path,
    present: &BTreeSet<String>,
    trusted: Option<&PublicKey>,
    found: &mut Verification,
) -> Option<Manifest> {
    let mut attestation = None;
    if present.contains(ATTESTATION) {
        match read_bounded(&root.join(ATTESTATION), MAX_ATTESTATION).map_err(|e| e.to_string()) {
            Ok(bytes) => match seal::read(&bytes) {
                Ok(read) => attestation = Some(read),
                Err(why) => found.problem("attestation_invalid", ATTESTATION, why),
            },
            Err(why) => found.problem("unreadable", ATTESTATION, why),
        }
    }
    let mut manifest = None;
    if present.contains(MANIFEST) {
        match read_bounded(&root.join(MANIFEST), MAX_MANIFEST) {
            Ok(bytes) => match parse_manifest(&bytes, root) {
                Ok(read) => manifest = Some((read, bytes)),
                Err(e) => found.problem("manifest_malformed", MANIFEST, e.to_string()),
            },
            Err(e) => found.problem("unreadable", MANIFEST, e.to_string()),
        }
    }
    if let Some(attestation) = attestation {
        if let Some(trusted) = trusted.filter(|trusted| **trusted != attestation.signer) {
            let detail =
                format!("signed by {}, and the trusted key is {}", attestation.signer.id(), trusted.id());
            found.problem("foreign_key", ATTESTATION, detail);
        }
        if let Some((manifest, bytes)) = &manifest {
            let expected = seal::statement(manifest, bytes, &attestation.signer);
            if expected.subject[1] != attestation.statement.subject[1] {
                found.problem("manifest_changed", MANIFEST, "the manifest is not the one that was signed");
            } else if expected != attestation.statement {
                let detail = "the statement does not say what the manifest says";
                found.problem("statement_mismatch", ATTESTATION, detail);
            }
        }
        found.signer = Some(attestation.signer);
    }
    manifest.map(|(manifest, _)| manifest)
}

/// Every file is listed, every listed file is there, and is the same.
fn check_files(root: &Path, present: &BTreeSet<String>, manifest: &Manifest, found: &mut Verification) {
    for name in present.iter().filter(|name| !matches!(name.as_str(), MANIFEST | ATTESTATION)) {
        if !manifest.files.contains_key(name) {
            found.problem("added_file", name, "the manifest does not list this file");
        }
    }
    for name in [EVENTS, CHANGES, STDOUT, STDERR] {
        if !manifest.files.contains_key(name) {
            found.problem(
                "missing_file",
                name,
                "the manifest does not list this file, which every bundle has",
            );
        }
    }
    for (name, entry) in &manifest.files {
        if !is_file_name(name) || matches!(name.as_str(), MANIFEST | ATTESTATION) {
            found.problem("manifest_malformed", MANIFEST, format!("it lists {name:?}, which no bundle has"));
            continue;
        }
        if !present.contains(name) {
            found.problem("missing_file", name, "the manifest lists this file, and it is missing");
            continue;
        }
        match hash::of_file(&root.join(name)) {
            Ok((sha256, size)) => {
                if size != entry.size {
                    let detail = format!("it has {size} bytes, and {} were sealed", entry.size);
                    found.problem("wrong_size", name, detail);
                }
                if sha256 != entry.sha256 {
                    let detail = format!("its SHA-256 is {sha256}, and {} was sealed", entry.sha256);
                    found.problem("wrong_hash", name, detail);
                }
                if name.strip_prefix("files/").is_some_and(|named| named != sha256) {
                    found.problem("wrong_name", name, format!("its content has the SHA-256 {sha256}"));
                }
            }
            Err(e) => found.problem("unreadable", name, e.to_string()),
        }
    }
}

fn check_output(manifest: &Manifest, found: &mut Verification) {
    let own = [(STDOUT.to_owned(), manifest.output.stdout), (STDERR.to_owned(), manifest.output.stderr)];
    let monitors = manifest.monitors.iter().enumerate();
    let monitors = monitors.map(|(number, monitor)| (format!("{MONITOR}{number}"), monitor.output));
    for (name, span) in own.into_iter().chain(monitors) {
        let size = manifest.files.get(&name).map_or(0, |entry| entry.size);
        if span.kept != size || span.kept > span.seen || span.kept > span.bound {
            let detail = format!(
                "it has {size} bytes; the manifest says {} seen, {} kept, bound {}",
                span.seen, span.kept, span.bound
            );
            found.problem("output_mismatch", &name, detail);
        }
    }
}

/// What is said of persistence: it can be read, and names events that there are.
fn check_persistence(root: &Path, manifest: &Manifest, found: &mut Verification) {
    if !manifest.files.contains_key(PERSISTENCE) {
        return;
    }
    let path = root.join(PERSISTENCE);
    let read = fs::read(&path).map_err(|e| e.to_string());
    match read.and_then(|bytes| persistence::parse(&bytes, &path).map_err(|e| e.to_string())) {
        Err(why) => found.problem("persistence_malformed", PERSISTENCE, why),
        Ok(persistence) => {
            let mut named =
                persistence.entries.iter().flat_map(|entry| entry.made_by.iter().chain(&entry.proven_by));
            if let Some(seq) = named.find(|seq| !(1..=manifest.events).contains(seq)) {
                found.problem("persistence_malformed", PERSISTENCE, format!("there is no event {seq}"));
            }
        }
    }
}

/// The changes, where they can be read.
fn check_changes(root: &Path, manifest: &Manifest, found: &mut Verification) -> Option<Vec<Change>> {
    let changes = match File::open(root.join(CHANGES)).and_then(|f| changes::read(BufReader::new(f))) {
        Ok(changes) => changes,
        // a missing file is told already
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => {
            found.problem("changes_malformed", CHANGES, e.to_string());
            return None;
        }
    };
    for change in &changes {
        for state in [&change.before, &change.after].into_iter().flatten().filter(|state| state.stored) {
            let name = state.sha256.as_ref().map(|hash| format!("{FILES}/{hash}"));
            if !name.as_ref().is_some_and(|name| manifest.files.contains_key(name)) {
                let detail = format!("the content of {} is said to be stored, and is not", change.path);
                found.problem("content_missing", CHANGES, detail);
            }
        }
    }
    Some(changes)
}

/// The events: every line, their numbers, and what can be computed again from them.
fn check_events(root: &Path, manifest: &Manifest, changes: Option<Vec<Change>>, found: &mut Verification) {
    let mut written = BTreeMap::<Kind, u64>::new();
    let fsdiff = manifest.witnesses.fsdiff.as_ref();
    let mut files = fsdiff.map(|fsdiff| Files::with_links(fsdiff.scope(), &fsdiff.links));
    let packets = manifest.witnesses.packets.as_ref();
    let mut calls = packets.map(|packets| Packets::new(packets.own.clone()));
    let mut reader = match File::open(root.join(EVENTS)).and_then(EventReader::new) {
        Ok(reader) => reader,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return,
        Err(e) => return found.problem("unreadable", EVENTS, e.to_string()),
    };
    for event in reader.by_ref() {
        match event {
            Ok(event) => {
                *written.entry(event.kind()).or_default() += 1;
                if let Some(files) = &mut files {
                    files.event(&event);
                }
                if let Some(calls) = &mut calls {
                    calls.event(&event);
                }
            }
            Err(e) => {
                let truncated = e.kind() == std::io::ErrorKind::UnexpectedEof;
                let code = if truncated { "stream_truncated" } else { "stream_broken" };
                found.problem(code, EVENTS, e.to_string());
                break;
            }
        }
    }
    found.events = reader.events_read();
    if reader.events_read() != manifest.events {
        let detail = format!("{} events read, and {} were sealed", reader.events_read(), manifest.events);
        found.problem("event_count", EVENTS, detail);
    }
    for kind in Kind::ALL {
        let told = manifest.ledger.0.get(kind).map_or(0, |counts| counts.written);
        let read = written.get(kind).copied().unwrap_or(0);
        if told != read {
            let detail = format!("{read} {kind} events read, and the ledger says {told}");
            found.problem("ledger_mismatch", EVENTS, detail);
        }
    }
    if let (Some(packets), Some(calls)) = (packets, calls) {
        // what the capture came to is told by nothing but the capture
        let again = PacketsWitness { capture: packets.capture, ..calls.judge() };
        if again != *packets {
            let detail = format!(
                "reconciled again, {} conversations and {} calls are unexplained; the manifest says {} and {}",
                again.unexplained_flows,
                again.unexplained_calls,
                packets.unexplained_flows,
                packets.unexplained_calls
            );
            found.problem("packets_mismatch", EVENTS, detail);
        }
    }
    let (Some(changes), Some(fsdiff), Some(files)) = (changes, fsdiff, files) else { return };
    if changes.len() as u64 != fsdiff.changes {
        let detail = format!("{} changes read, and the manifest says {}", changes.len(), fsdiff.changes);
        found.problem("change_count", CHANGES, detail);
    }
    let mut again = fsdiff.clone();
    again.judge(files.judge(&changes, &fsdiff.copied_up).unexplained);
    if again != *fsdiff {
        let detail = format!(
            "reconciled again, {} changes and {} events are unexplained; the manifest says {} and {}",
            again.unexplained_changes,
            again.unexplained_events,
            fsdiff.unexplained_changes,
            fsdiff.unexplained_events
        );
        found.problem("reconciliation", MANIFEST, detail);
    }
}

/// A manifest says *complete* only if its own content bears it out.
fn check_completeness(manifest: &Manifest, found: &mut Verification) {
    if manifest.complete != manifest.incomplete.is_empty() {
        found.problem("completeness", MANIFEST, "`complete` and `incomplete` contradict each other");
    }
    for hole in manifest.implied_holes() {
        if !manifest.incomplete.iter().any(|known| known.reason == hole.reason) {
            let detail = format!("{}: {}, and the manifest does not admit it", hole.reason, hole.detail);
            found.problem("completeness", MANIFEST, detail);
        }
    }
}
