//! What it did, in sentences that claim no more than the events show.

use super::{Seen, link};
use crate::clean::shorten;
use crate::describe;
use crate::model::{Bait, Ending, Files, Network, Sentence};
use crate::tree::Tree;
use detektr_event::{Detail, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Examples in one sentence.
const EXAMPLES: usize = 3;

/// Numbers of events, with those that found no room.
#[derive(Default)]
struct Links {
    events: Vec<u64>,
    more: u64,
}

impl Links {
    fn add(&mut self, seq: u64) {
        link(&mut self.events, &mut self.more, seq);
    }
}

#[derive(Default)]
pub(super) struct Facts {
    execs: Links,
    programs: BTreeSet<String>,
    refusals: Links,
    refused: Vec<String>,
    rights: Links,
    changed_rights: Vec<String>,
    notable: Links,
    notable_kinds: BTreeMap<&'static str, u64>,
}

impl Facts {
    /// Notes the event, where a sentence will be about it.
    pub(super) fn event(&mut self, seen: &Seen<'_>) -> bool {
        let event = seen.event;
        if !seen.artifact {
            return false;
        }
        let mut telling = false;
        let outcome = &event.outcome;
        let refused = matches!(outcome.errno.as_deref(), Some("EPERM" | "EACCES" | "EROFS"));
        // what was masked "succeeded", on something else
        if outcome.enforcer.is_some() || (!outcome.is_success() && refused) {
            self.refusals.add(event.seq);
            let what = format!("{} {}", event.kind().name(), describe::object(&event.detail));
            example(&mut self.refused, what);
            telling = true;
        }
        if !outcome.is_success() {
            return telling;
        }
        match &event.detail {
            Detail::ProcessExec { exec } => {
                self.execs.add(event.seq);
                self.programs.insert(exec.file.lossy().into_owned());
                telling = true;
            }
            Detail::ProcessCredentials { credentials: c } if c.old != c.new => {
                self.rights.add(event.seq);
                example(&mut self.changed_rights, describe::object(&event.detail));
                telling = true;
            }
            detail if is_notable(detail.kind()) => {
                self.notable.add(event.seq);
                *self.notable_kinds.entry(event.kind().name()).or_default() += 1;
                telling = true;
            }
            _ => {}
        }
        telling
    }

    pub(super) fn finish(
        self,
        tree: &Tree,
        files: &Files,
        network: &Network,
        baits: &[Bait],
        ending: &Ending,
    ) -> (Vec<Sentence>, String) {
        let mut all = Vec::new();
        let mut brief = vec![format!("ran {}", counted(self.programs.len() as u64, "program", "programs"))];
        let mut say = |about: &str, text: String, links: Links| {
            all.push(Sentence { text, about: about.into(), events: links.events, more: links.more });
        };
        let processes = tree.count() as u64;
        say(
            "processes",
            format!(
                "Ran {} in {}.",
                counted(self.programs.len() as u64, "program", "programs"),
                counted(processes, "process", "processes")
            ),
            self.execs,
        );
        if let Some((text, links)) = changed(files) {
            let total = files.created + files.modified + files.removed + files.metadata;
            brief.push(format!("changed {}", counted(total, "path", "paths")));
            say("files", text, links);
        }
        if let Some((text, links)) = talked(network) {
            brief.push("asked for the network".into());
            say("network", text, links);
        }
        if let Some((text, links)) = touched(baits) {
            brief.push("read planted secrets".into());
            say("baits", text, links);
        }
        if !self.refused.is_empty() {
            let times = self.refusals.events.len() as u64 + self.refusals.more;
            brief.push(format!("was refused {}", counted(times, "time", "times")));
            let text =
                format!("Was refused {}: {}.", counted(times, "time", "times"), examples(&self.refused));
            say("refusals", text, self.refusals);
        }
        if !self.changed_rights.is_empty() {
            brief.push("changed its rights".into());
            let text = format!("Changed its rights: {}.", examples(&self.changed_rights));
            say("rights", text, self.rights);
        }
        if !self.notable_kinds.is_empty() {
            let kinds = self.notable_kinds.iter().map(|(kind, count)| format!("{kind} ({count})"));
            let text = format!("Also did: {}.", kinds.collect::<Vec<_>>().join(", "));
            say("rights", text, self.notable);
        }
        let exit = ending.exit.as_deref().unwrap_or("no exit was seen");
        let text = match ending.state.as_str() {
            "completed" => format!("Ended by itself: {exit}."),
            state => format!("Did not end by itself: {state}, {exit}."),
        };
        say("ending", text, Links::default());
        (all, capital(&joined(&brief)))
    }
}

fn is_notable(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::ProcessNamespace
            | Kind::ProcessPtrace
            | Kind::ProcessMemoryWrite
            | Kind::ProcessChroot
            | Kind::ProcessSeccomp
            | Kind::ProcessArgumentRace
            | Kind::FileMount
            | Kind::FileUmount
            | Kind::FilePivotRoot
            | Kind::FileMemfdCreate
            | Kind::KernelModuleLoad
            | Kind::KernelBpf
            | Kind::KernelIoUring
            | Kind::KernelKeyctl
            | Kind::KernelKexec
            | Kind::KernelSysctlWrite
    )
}

fn changed(files: &Files) -> Option<(String, Links)> {
    let parts = [
        (files.created, "created"),
        (files.modified, "changed the content of"),
        (files.removed, "removed"),
        (files.metadata, "changed the attributes of"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{word} {n}")).collect();
    if parts.is_empty() {
        return None;
    }
    let mut links = Links::default();
    for seq in files.changes.iter().flat_map(|change| &change.events) {
        links.add(*seq);
    }
    let total = files.created + files.modified + files.removed + files.metadata;
    let noun = if total == 1 { "path" } else { "paths" };
    let names: Vec<String> = files.changes.iter().take(EXAMPLES).map(|c| shorten(&c.path, 80)).collect();
    let more = total.saturating_sub(names.len() as u64);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let mut text = format!("{} {noun} of the file system: {}{rest}.", parts.join(", "), names.join(", "));
    text = capital(&text);
    Some((text, links))
}

fn talked(network: &Network) -> Option<(String, Links)> {
    let abroad = |c: &&crate::model::Conversation| {
        matches!(c.family.as_str(), "inet" | "inet6") && matches!(c.act.as_str(), "connect" | "send")
    };
    let mut reached = BTreeSet::new();
    let mut tried = BTreeSet::new();
    let mut links = Links::default();
    for conversation in network.conversations.iter().filter(abroad) {
        tried.insert(conversation.address.as_str());
        if conversation.succeeded > 0 {
            reached.insert(conversation.address.as_str());
        }
        conversation.events.iter().for_each(|seq| links.add(*seq));
    }
    if tried.is_empty() {
        return None;
    }
    let names: Vec<String> = tried.iter().map(|name| (*name).to_owned()).collect();
    let what = counted(tried.len() as u64, "network address", "network addresses");
    let how = match reached.len() {
        0 => "none was reached".to_owned(),
        n if n == tried.len() => "all were reached".to_owned(),
        n => format!("{n} were reached"),
    };
    let how = match (tried.len(), reached.len()) {
        (1, 0) => "it was not reached".to_owned(),
        (1, _) => "it was reached".to_owned(),
        _ => how,
    };
    Some((format!("Asked for {what}, and {how}: {}.", examples(&names)), links))
}

fn touched(baits: &[Bait]) -> Option<(String, Links)> {
    let read: Vec<&Bait> =
        baits.iter().filter(|b| !b.reads.is_empty() || !b.exfiltrated.is_empty()).collect();
    if read.is_empty() {
        return None;
    }
    let mut links = Links::default();
    read.iter().flat_map(|b| b.reads.iter().chain(&b.exfiltrated)).for_each(|seq| links.add(*seq));
    let names: Vec<String> = read.iter().map(|b| b.place.clone()).collect();
    let gone = read.iter().filter(|b| !b.exfiltrated.is_empty()).count() as u64;
    let sent = match gone {
        0 => String::new(),
        n => format!("; {} seen leaving", counted(n, "value was", "values were")),
    };
    let what = counted(read.len() as u64, "planted secret", "planted secrets");
    Some((format!("Read {what}: {}{sent}.", examples(&names)), links))
}

fn capital(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// Keeps `what` as an example: one more than are shown, so that the sentence can tell that there are others.
fn example(list: &mut Vec<String>, what: String) {
    let what = shorten(&what, 120);
    if list.len() <= EXAMPLES && !list.contains(&what) {
        list.push(what);
    }
}

fn examples(list: &[String]) -> String {
    let shown: Vec<&str> = list.iter().take(EXAMPLES).map(String::as_str).collect();
    let others = if list.len() > EXAMPLES { " and others" } else { "" };
    format!("{}{others}", shown.join(", "))
}
