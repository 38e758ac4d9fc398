//! What the bundle of one test shows.

use crate::commands::behaviours;
use crate::failure::Failure;
use crate::recording::with_sources;
use crate::terminal::{Out, clean, shorten};
use detektr_detect::{BehaviourReport, Preparation};
use detektr_event::{Actor, Detail};
use detektr_evidence::persistence::Persistence;
use detektr_evidence::{Bundle, ChangeKind, Exit, Manifest};
use detektr_validate::atomic::lacked;
use detektr_validate::run::Located;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

/// Facts of one kind that are shown to people.
const SHOWN: usize = 6;

/// What one bundle shows.
pub(super) struct Seen {
    manifest: Manifest,
    behaviours: BehaviourReport,
    persistence: Option<Persistence>,
    facts: Facts,
    /// Commands that a shell did not find.
    lacked: BTreeSet<String>,
}

/// Facts by kind, as validations can ask for them.
#[derive(Default)]
struct Facts {
    created: BTreeSet<String>,
    modified: BTreeSet<String>,
    removed: BTreeSet<String>,
    ran: BTreeSet<String>,
    connected: BTreeSet<String>,
    baits: BTreeSet<String>,
    /// What was changed before the test, and not by it.
    prepared: BTreeSet<String>,
}

impl Facts {
    fn each(&self) -> [(&'static str, &BTreeSet<String>); 7] {
        [
            ("created", &self.created),
            ("modified", &self.modified),
            ("removed", &self.removed),
            ("ran", &self.ran),
            ("connected", &self.connected),
            ("baits", &self.baits),
            ("prepared", &self.prepared),
        ]
    }
}

/// Reads the bundle once.
pub(super) fn seen(located: &Located) -> Result<Seen, Failure> {
    let failed = |e: &dyn std::error::Error| Failure::failed("detektr::atomic", with_sources(e));
    let bundle = Bundle::open(&located.bundle).map_err(|e| failed(&e))?;
    let mut facts = Facts::default();
    let mut preparation = Preparation::default();
    for event in bundle.events().map_err(|e| failed(&e))? {
        let event = event.map_err(|e| failed(&e))?;
        preparation.event(&event);
        if event.process.as_ref().is_some_and(|process| process.actor == Actor::Environment) {
            continue;
        }
        match &event.detail {
            Detail::ProcessExec { exec } if event.outcome.is_success() => {
                facts.ran.extend(exec.file.path.as_whole().map(ToString::to_string));
            }
            Detail::NetworkConnect { network } if event.outcome.reached() => {
                facts.connected.insert(detektr_report::describe::address(&network.address));
            }
            Detail::BaitRead { bait } => {
                facts.baits.insert(bait.bait.clone());
            }
            Detail::BaitExfiltrated { bait } => {
                facts.baits.insert(bait.bait.clone());
            }
            _ => {}
        }
    }
    for change in bundle.changes().map_err(|e| failed(&e))? {
        let path = change.path.to_string();
        match change.change {
            _ if preparation.alone_has(change.path.as_bytes()) => facts.prepared.insert(path),
            ChangeKind::Created => facts.created.insert(path),
            ChangeKind::Removed => facts.removed.insert(path),
            _ => facts.modified.insert(path),
        };
    }
    let mut persistence = bundle.persistence().map_err(|e| failed(&e))?;
    if let Some(found) = &mut persistence {
        found.entries.retain(|entry| !preparation.alone_has(entry.path.as_bytes()));
    }
    Ok(Seen {
        behaviours: behaviours::of(&bundle)?,
        persistence,
        lacked: lacked(&bundle).map_err(|e| failed(&e))?,
        manifest: bundle.manifest().clone(),
        facts,
    })
}

impl Seen {
    /// Whether nothing is known to be missing.
    pub(super) fn complete(&self) -> bool {
        self.manifest.complete
    }

    /// How it ended, in a word or two.
    pub(super) fn end(&self) -> String {
        let end = match &self.manifest.exit {
            Some(Exit::Code { code }) => format!("exit {code}"),
            Some(Exit::Signal { signal }) => signal.clone(),
            None => "no exit".into(),
        };
        let state = self.manifest.state.name();
        let state = if state == "completed" { String::new() } else { format!(", {state}") };
        let complete = if self.complete() { "" } else { ", incomplete" };
        format!("{end}{state}{complete}, {} events", self.manifest.events)
    }

    /// What is told below a test's line.
    pub(super) fn lines(&self, out: &mut Out) -> io::Result<()> {
        let told = self.manifest.incomplete.iter().any(|hole| hole.reason == "not_prepared");
        for hole in self.manifest.incomplete.iter().filter(|_| !told) {
            writeln!(out, "      incomplete: {}", shorten(&clean(&hole.detail), 160))?;
        }
        if !self.lacked.is_empty() {
            let names: Vec<&str> = self.lacked.iter().map(String::as_str).collect();
            writeln!(out, "      not found: {}", shorten(&clean(&names.join(", ")), 160))?;
        }
        for finding in &self.behaviours.findings {
            writeln!(out, "      {}", shorten(&clean(&finding.sentence), 160))?;
        }
        for entry in self.persistence.iter().flat_map(|persistence| &persistence.entries) {
            let place = entry.path.to_string();
            // the words of `show`: `proven` where it was started again
            let (word, what) = (entry.status.name(), entry.mechanism.name());
            let why = entry.reason.map(|reason| format!(" ({})", reason.name())).unwrap_or_default();
            writeln!(out, "      {word}{why}: {what} {}", shorten(&clean(&place), 140))?;
        }
        for (kind, facts) in self.facts.each().into_iter().filter(|(kind, _)| *kind != "ran") {
            if facts.is_empty() {
                continue;
            }
            let shown: Vec<&str> = facts.iter().take(SHOWN).map(String::as_str).collect();
            let more = if facts.len() > SHOWN {
                format!(", … {} more", facts.len() - SHOWN)
            } else {
                String::new()
            };
            writeln!(out, "      {kind}: {}{more}", shorten(&clean(&shown.join(", ")), 160))?;
        }
        Ok(())
    }

    /// Writes it into the document of a test.
    pub(super) fn write(&self, document: &mut Value) {
        let facts: serde_json::Map<String, Value> =
            self.facts.each().into_iter().map(|(kind, facts)| (kind.to_owned(), json!(facts))).collect();
        let persistence = self.persistence.as_ref().map(|persistence| &persistence.entries);
        document["state"] = self.manifest.state.name().into();
        document["exit"] = json!(self.manifest.exit);
        document["complete"] = self.complete().into();
        document["incomplete"] = json!(self.manifest.incomplete);
        document["events"] = self.manifest.events.into();
        document["not_found"] = json!(self.lacked);
        document["behaviours"] = json!(self.behaviours.findings);
        document["persistence"] = json!(persistence.map_or(&[][..], Vec::as_slice));
        document["facts"] = facts.into();
    }
}
