//! One run in the form in which it is compared.

use super::{About, Stable};
use crate::BuildError;
use crate::clean::{clean, command_line, copied, shorten};
use crate::describe;
use crate::tree::{End, Tree};
use detektr_detect::operation::{Act, key};
use detektr_detect::{Finding, Lots};
use detektr_event::{Actor, Detail, Event};
use detektr_evidence::{Bundle, Change, ChangeKind, Exit, FileState, Manifest, sha256_hex};
use std::collections::BTreeMap;
use std::io::Read;

/// Different acts of one run that are compared.
const ACTS: usize = 200_000;
/// Longest content that is compared as a text.
const CONTENT: u64 = 1 << 20;
/// Longest command line, in characters.
const COMMAND: usize = 1_000;

/// What a run did, without what differs from run to run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Id of the run.
    pub(super) run: String,
    pub(super) sensor: String,
    pub(super) complete: bool,
    /// There were more different acts than are kept.
    pub(super) forgotten: bool,
    /// Each thing with how often it was, and the first event that shows it.
    pub(super) entries: BTreeMap<About, BTreeMap<String, (u64, Option<u64>)>>,
}

impl Summary {
    /// The summary of `bundle`, which was verified. `names` are the environment's own: values, and what they stand for.
    ///
    /// # Errors
    /// What of the bundle can't be read.
    pub fn new(bundle: &Bundle, names: &[(String, &str)], findings: &[Finding]) -> Result<Self, BuildError> {
        let manifest = bundle.manifest();
        let mut stable = Stable::new(manifest.artifact.path.as_ref().map(|path| path.as_bytes()));
        for (value, meaning) in names {
            stable = stable.name(value, meaning);
        }
        for bait in &manifest.baits {
            // a bait of several lines is found again line by line
            for line in bait.value.lossy().lines().filter(|line| line.len() >= 8) {
                stable = stable.name(line, &format!("bait {}", bait.name));
            }
        }
        let mut lots = Lots::default();
        for event in bundle.events()? {
            let event = event?;
            if event.outcome.is_success() {
                lots.see(&event.detail);
            }
        }
        for path in lots.names() {
            stable = stable.made(path);
        }
        let mut summary = Summary {
            run: clean(&manifest.run),
            sensor: clean(&manifest.sensor.name),
            complete: manifest.complete,
            ..Summary::default()
        };
        let mut tree = Tree::default();
        for event in bundle.events()? {
            let event = event?;
            tree.add(&event);
            summary.event(&event, &stable);
        }
        summary.processes(&tree, &stable);
        for change in bundle.changes()? {
            let what = changed(&change, bundle, &stable)?;
            summary.count(About::Changes, what, None);
        }
        for finding in findings {
            let what = format!("{} ({:?}): {}", finding.id, finding.outcome, stable.text(&finding.sentence));
            summary.count(About::Behaviours, what, finding.events.first().copied());
        }
        summary.count(About::Ending, ending(manifest), None);
        Ok(summary)
    }

    /// Whether its evidence is whole.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    fn event(&mut self, event: &Event, stable: &Stable) {
        if let Some(said) = said(&event.detail) {
            let what = clean(&stable.text(&said));
            self.entries.entry(About::Network).or_default().entry(what).or_insert((1, Some(event.seq)));
            return;
        }
        let artifact = event.process.as_ref().is_some_and(|process| process.actor == Actor::Artifact);
        // what is tried again until it works is a matter of time
        let again = matches!(event.outcome.errno.as_deref(), Some("EAGAIN" | "EINTR"))
            || event.outcome.errno.as_ref().is_some_and(|errno| errno.starts_with("ERESTART"));
        if !artifact || again {
            return;
        }
        let Some(key) = key(event, stable) else { return };
        let about = match key.act {
            // processes are compared by themselves
            Act::Fork => return,
            Act::Execute if event.outcome.is_success() => return,
            Act::Execute => About::Processes,
            Act::Socket | Act::Connect | Act::Listen => About::Network,
            Act::Read
            | Act::Write
            | Act::Remove
            | Act::Rename
            | Act::Make
            | Act::Attribute
            | Act::MapCode => About::Files,
            Act::Mount
            | Act::Credentials
            | Act::Namespace
            | Act::Process
            | Act::Signal
            | Act::Kernel
            | Act::Other => About::Other,
        };
        let mut what = key.to_string();
        if let Detail::FileRename { file } = &event.detail {
            what.push_str(&format!(" to {}", stable.path(&file.to.lossy())));
        }
        let ending = describe::ending(event);
        if !ending.is_empty() {
            what.push_str(&format!(" ({ending})"));
        }
        let what = clean(&what);
        let entries = self.entries.entry(about).or_default();
        // how often an act is made is a matter of time more often than of meaning
        if entries.len() < ACTS {
            entries.entry(what).or_insert((1, Some(event.seq)));
        } else if !entries.contains_key(&what) {
            self.forgotten = true;
        }
    }

    fn processes(&mut self, tree: &Tree, stable: &Stable) {
        for process in tree.processes.iter().filter(|process| process.artifact) {
            let command = match process.programs.last() {
                Some(program) if program.argv.is_empty() => copied(&program.path),
                Some(program) => command_line(&program.argv, COMMAND),
                None => format!("fork of {}", copied(&process.born_as)),
            };
            let end = match &process.end {
                Some(End::Code(code)) => format!("exit {code}"),
                Some(End::Signal(signal)) => format!("killed by {signal}"),
                Some(End::Unknown) => "ended".into(),
                None => "not seen to end".into(),
            };
            let what = format!("{}: {end}", stable.text(&command));
            self.count(About::Processes, what, Some(process.born_seq));
        }
    }

    fn count(&mut self, about: About, what: String, event: Option<u64>) {
        let entry = self.entries.entry(about).or_default().entry(what).or_insert((0, event));
        entry.0 += 1;
    }
}

/// What was said to the simulated internet, without addresses and lengths that are a run's own.
fn said(detail: &Detail) -> Option<String> {
    Some(match detail {
        Detail::NetworkDns { network } => {
            format!("asking for {} {} ({})", network.query, network.name.lossy(), network.code)
        }
        Detail::NetworkHttp { network } => format!(
            "{} {}://{}{} ({})",
            network.method,
            if network.secure { "https" } else { "http" },
            network.host.lossy(),
            network.target.lossy(),
            network.status
        ),
        Detail::NetworkTls { network } => {
            let name = network.server_name.as_ref().map_or("no name".into(), |name| name.lossy());
            format!("TLS to {name} ({})", network.failure.as_deref().unwrap_or("agreed"))
        }
        _ => return None,
    })
}

fn ending(manifest: &Manifest) -> String {
    match &manifest.exit {
        Some(Exit::Code { code }) => format!("{}, exit code {code}", manifest.state.name()),
        Some(Exit::Signal { signal }) => format!("{}, killed by {}", manifest.state.name(), clean(signal)),
        None => manifest.state.name().into(),
    }
}

fn changed(change: &Change, bundle: &Bundle, stable: &Stable) -> Result<String, BuildError> {
    let word = match change.change {
        ChangeKind::Created => "created",
        ChangeKind::Modified => "modified",
        ChangeKind::Removed => "removed",
        ChangeKind::Metadata => "changed the attributes of",
    };
    let path = clean(&stable.path(&change.path.lossy()));
    let mut text = format!("{word} {path}");
    if let Some(after) = &change.after {
        text.push_str(&format!(" ({:?}, {:04o}, {}:{}", after.file_type, after.mode, after.uid, after.gid));
        if let Some(content) = content(after, bundle, stable)? {
            text.push_str(&format!(", {content}"));
        }
        if let Some(target) = &after.target {
            text.push_str(&format!(", to {}", clean(&stable.path(&target.lossy()))));
        }
        for name in after.xattrs.keys() {
            text.push_str(&format!(", with {}", shorten(&clean(name), 80)));
        }
        text.push(')');
    }
    Ok(text)
}

/// What a file holds, by a hash that is the same in another run that wrote the same.
fn content(state: &FileState, bundle: &Bundle, stable: &Stable) -> Result<Option<String>, BuildError> {
    let Some(hash) = &state.sha256 else { return Ok(None) };
    let short = |hash: &str| hash.get(..12).unwrap_or(hash).to_owned();
    let stored = match bundle.file(hash)? {
        Some(file) if state.size.is_some_and(|size| size <= CONTENT) => file,
        _ => return Ok(Some(format!("content {}", clean(&short(hash))))),
    };
    let mut bytes = Vec::new();
    stored.take(CONTENT).read_to_end(&mut bytes)?;
    let hash = match std::str::from_utf8(&bytes) {
        Ok(text) => sha256_hex(stable.text(text).as_bytes()),
        Err(_) => hash.clone(),
    };
    Ok(Some(format!("content {}", clean(&short(&hash)))))
}
