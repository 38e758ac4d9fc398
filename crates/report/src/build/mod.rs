//! From a sealed bundle to its [`Report`]: one pass over the events, each room noting what it will show.

mod baits;
mod behaviours;
mod environment;
mod events;
mod facts;
mod files;
mod network;
mod persistence;
mod processes;

use crate::clean::{clean, clean_bytes, shorten, words_line};
use crate::model::{
    Artifact, Behaviour, Ending, FORMAT, Headline, Outcome, Output, Phase, Report, Sentence, Severity,
    Signature, Stream,
};
use crate::tree::Tree;
use detektr_detect::BehaviourReport;
use detektr_event::{Actor, Event};
use detektr_evidence::{Bundle, EvidenceError, Exit, Manifest, OutputSpan, sha256_hex};
use std::collections::HashSet;
use std::io::{self, Read};

/// Longest text of a name, a path, an object of an event, in characters.
const TEXT: usize = 600;
/// Longest command line, in characters.
const COMMAND: usize = 1_000;
/// Longest line of an output or of a file's content, in characters.
const LINE: usize = 400;
/// Bytes of an output stream that are shown.
const STREAM: u64 = 64 * 1024;

/// Why there is no report.
#[derive(Debug)]
pub enum BuildError {
    /// A file of the bundle can't be read.
    Evidence(EvidenceError),
    /// The events or a content can't be read to the end.
    Io(io::Error),
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bundle can't be read to its end")
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            BuildError::Evidence(e) => Some(e),
            BuildError::Io(e) => Some(e),
        }
    }
}

impl From<EvidenceError> for BuildError {
    fn from(e: EvidenceError) -> Self {
        BuildError::Evidence(e)
    }
}

impl From<io::Error> for BuildError {
    fn from(e: io::Error) -> Self {
        BuildError::Io(e)
    }
}

/// An event with what the rooms of a report ask of it.
struct Seen<'a> {
    event: &'a Event,
    /// Position of its process in the tree.
    at: Option<usize>,
    /// It is the artifact's doing, and not that of Detektr's launcher.
    artifact: bool,
}

/// The report of `bundle`, which was verified and is signed by `signer`. `meaning` is what its events mean.
///
/// # Errors
/// What of the bundle can't be read.
pub fn report(bundle: &Bundle, signer: &str, meaning: &BehaviourReport) -> Result<Report, BuildError> {
    let manifest = bundle.manifest();
    let changes = bundle.changes()?;
    let installed = bundle.persistence()?;
    let mut named: HashSet<u64> = meaning.findings.iter().flat_map(|f| f.events.iter().copied()).collect();
    for entry in installed.iter().flat_map(|installed| &installed.entries) {
        named.extend(entry.made_by.iter().chain(&entry.proven_by));
    }
    let mut tree = Tree::default();
    let mut events = events::Columns::default();
    let mut files = files::Changes::new(&changes);
    let mut network = network::Talk::default();
    let mut baits = baits::Baits::new(&manifest.baits);
    let mut facts = facts::Facts::default();
    let mut begin = None;
    for event in bundle.events()? {
        let event = event?;
        let begin = *begin.get_or_insert(event.boot_ns);
        tree.add(&event);
        let process = event.process.as_ref();
        let seen = Seen {
            event: &event,
            at: process.and_then(|p| tree.position(p.id.process())),
            artifact: process.is_some_and(|p| p.actor == Actor::Artifact),
        };
        let mut telling = named.contains(&event.seq);
        telling |= files.event(&seen);
        telling |= network.event(&seen);
        telling |= baits.event(&seen);
        telling |= facts.event(&seen);
        events.event(&seen, begin, telling);
    }
    let begin = begin.unwrap_or(0);
    let mut behaviours: Vec<Behaviour> =
        meaning.findings.iter().map(|finding| behaviours::behaviour(finding, &tree)).collect();
    behaviours.sort_by_key(|behaviour| std::cmp::Reverse(behaviour.severity));
    let files = files.finish(manifest, bundle)?;
    let network = network.finish();
    let baits = baits.finish();
    let ending = ending(manifest, begin);
    let (sentences, brief) = facts.finish(&tree, &files, &network, &baits, &ending);
    let (processes, processes_left_out) = processes::list(&tree, begin);
    let manifest_bytes = std::fs::read(bundle.path().join("manifest.json"))?;
    Ok(Report {
        format: FORMAT.into(),
        run: clean(&manifest.run),
        tool_version: clean(&manifest.tool_version),
        headline: headline(brief, &behaviours),
        artifact: artifact(manifest),
        ending,
        sentences,
        behaviours,
        behaviours_incomplete: meaning.holes.iter().map(|hole| text(hole.as_bytes())).collect(),
        processes,
        processes_left_out,
        events: events.finish(),
        files,
        network,
        persistence: persistence::persistence(installed.as_ref()),
        baits,
        output: Output {
            stdout: stream(manifest.output.stdout, bundle.stdout()?)?,
            stderr: stream(manifest.output.stderr, bundle.stderr()?)?,
        },
        evidence: environment::evidence(manifest),
        environment: environment::environment(manifest),
        signature: Signature { signer: signer.into(), manifest_sha256: sha256_hex(&manifest_bytes) },
    })
}

fn artifact(manifest: &Manifest) -> Artifact {
    let artifact = &manifest.artifact;
    Artifact {
        name: text(artifact.name.as_bytes()),
        kind: clean(&artifact.kind),
        sha256: artifact.sha256.as_deref().map(clean),
        path: artifact.path.as_ref().map(|path| text(path.as_bytes())),
        command: words_line(&artifact.argv, COMMAND),
    }
}

fn ending(manifest: &Manifest, begin: u64) -> Ending {
    let since = |time: detektr_event::Timestamp| {
        let begin = i64::try_from(begin).unwrap_or(i64::MAX).saturating_add(manifest.boot_to_wall_ns);
        time.0.saturating_sub(begin) / 1_000
    };
    let phases = manifest.phases.iter().map(|span| Phase {
        name: format!("{:?}", span.phase).to_lowercase(),
        start_us: since(span.start),
        end_us: since(span.end),
    });
    let mut incomplete = manifest.incomplete.clone();
    for hole in &mut incomplete {
        hole.reason = clean(&hole.reason);
        hole.detail = text(hole.detail.as_bytes());
    }
    Ending {
        state: manifest.state.name().into(),
        exit: exit(manifest),
        started: manifest.phases.first().map(|span| span.start.to_string()),
        phases: phases.collect(),
        complete: manifest.complete,
        incomplete,
    }
}

/// How the artifact ended: what Detektr itself ended it for goes before the signal that it used.
fn exit(manifest: &Manifest) -> Option<String> {
    if let Some(wall) = manifest.wall_reached() {
        return Some(format!("ended by Detektr's own wall against {}", clean(wall)));
    }
    if let Some(limit) = manifest.limit_reached() {
        return Some(format!("killed at the limit of {}", clean(limit)));
    }
    Some(match manifest.exit.as_ref()? {
        Exit::Code { code } => format!("exit code {code}"),
        Exit::Signal { signal } => format!("killed by {}", clean(signal)),
    })
}

/// What it did, in one line: the worst of its behaviours, else the facts.
fn headline(brief: String, behaviours: &[Behaviour]) -> Headline {
    let severity = behaviours.iter().map(|b| b.severity).max();
    let mut titles: Vec<&str> = Vec::new();
    // what ordinary programs do as well is no headline
    for behaviour in behaviours.iter().filter(|b| b.severity > Severity::Informational) {
        if !titles.contains(&behaviour.title.as_str()) {
            titles.push(&behaviour.title);
        }
    }
    let sentence = if titles.is_empty() {
        brief
    } else {
        let more = titles.len().saturating_sub(3);
        titles.truncate(3);
        let rest = if more > 0 { format!(", and {more} more") } else { String::new() };
        let told: Vec<String> = titles.iter().map(|title| as_it_ended(title, behaviours)).collect();
        format!("{}{rest}", told.join("; "))
    };
    Headline { sentence: shorten(&format!("{sentence}."), TEXT), severity }
}

/// A title, with what became of it where it did not succeed even once: titles say that something was done.
fn as_it_ended(title: &str, behaviours: &[Behaviour]) -> String {
    let ended = |outcome| behaviours.iter().any(|b| b.title == title && b.outcome == outcome);
    if ended(Outcome::Succeeded) {
        title.to_owned()
    } else if ended(Outcome::Attempted) {
        format!("{title} (attempted)")
    } else {
        format!("{title} (blocked)")
    }
}

fn stream(span: OutputSpan, file: impl Read) -> io::Result<Stream> {
    let mut head = Vec::new();
    file.take(STREAM).read_to_end(&mut head)?;
    let lines: Vec<String> = lines(&head).map(|line| line.collect_line()).collect();
    Ok(Stream { seen: span.seen, kept: span.kept, cut: span.kept > STREAM, lines })
}

/// A line of a content, without its end.
struct Line<'a>(&'a [u8]);

impl Line<'_> {
    /// The line, clean and bounded; tabs stay.
    fn collect_line(&self) -> String {
        // a line of megabytes is not cleaned to its end only to be cut
        let head = &self.0[..self.0.len().min(LINE * 4)];
        let parts: Vec<String> = head.split(|b| *b == b'\t').map(clean_bytes).collect();
        let line = shorten(&parts.join("\t"), LINE);
        if head.len() < self.0.len() && !line.ends_with('…') { format!("{line}…") } else { line }
    }
}

fn lines(content: &[u8]) -> impl Iterator<Item = Line<'_>> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let nothing = content.is_empty();
    content.split(|b| *b == b'\n').map(Line).filter(move |_| !nothing)
}

/// A name or path, clean and bounded.
fn text(bytes: &[u8]) -> String {
    shorten(&clean_bytes(bytes), TEXT)
}

/// Notes the number of an event where there is room for it; whether there was none is told by `more`.
fn link(list: &mut Vec<u64>, more: &mut u64, seq: u64) {
    if list.len() < Sentence::LINKS {
        list.push(seq);
    } else {
        *more += 1;
    }
}
