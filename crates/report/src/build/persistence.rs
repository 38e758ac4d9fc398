//! What was installed to be started again, and whether it was.

use super::{LINE, link, text};
use crate::clean::{clean, shorten};
use crate::model::{Persisted, Persistence};
use detektr_evidence::persistence::{self as evidence, Entry, Status};

/// Entries, and lines of one, that are listed.
const LISTED: usize = 500;
const LINES: usize = 20;

pub(super) fn persistence(found: Option<&evidence::Persistence>) -> Option<Persistence> {
    let found = found?;
    // what was proven first
    let of = |status| found.entries.iter().filter(move |entry| entry.status == status);
    let ordered = of(Status::Proven).chain(of(Status::Installed)).chain(of(Status::Removed));
    Some(Persistence {
        phases: found
            .phases
            .iter()
            .map(|phase| {
                let name = format!("{:?}", phase.phase).to_lowercase();
                format!("{name}: {} started, {}", phase.started, clean(&phase.end))
            })
            .collect(),
        entries: ordered.take(LISTED).map(entry).collect(),
        left_out: found.entries.len().saturating_sub(LISTED) as u64,
    })
}

fn entry(entry: &Entry) -> Persisted {
    let links = |list: &[u64]| {
        let mut kept = Vec::new();
        list.iter().for_each(|seq| link(&mut kept, &mut 0, *seq));
        kept
    };
    let (status, why) = match entry.status {
        Status::Proven => ("proven", entry.triggered_by.as_deref().map(|by| format!("started by {by}"))),
        Status::Installed => {
            ("installed", entry.reason.map(|reason| format!("not proven: {}", reason.name())))
        }
        Status::Removed => ("removed", Some("taken away before the end".into())),
    };
    Persisted {
        mechanism: entry.mechanism.name().into(),
        technique: clean(&entry.technique),
        path: text(entry.path.as_bytes()),
        lines: entry.lines.iter().take(LINES).map(|line| shorten(&clean(&line.lossy()), LINE)).collect(),
        runs: entry.runs.as_ref().map(|runs| text(runs.as_bytes())),
        user: entry.user.as_deref().map(clean),
        status: status.into(),
        why: why.map(|why| text(why.as_bytes())),
        made_by: links(&entry.made_by),
        proven_by: links(&entry.proven_by),
    }
}
