//! Shells that are spoken to over the network: their standard input and output are a socket, or pipes to who has one.

use super::definition::Coded;
use super::{Collector, Confidence, Images, Level, Watch};
use detektr_event::{Address, Copied, Detail, Event, OutcomeResult};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

pub(super) const CODED: &[Coded] = &[
    Coded {
        id: "reverse-shell",
        title: "Shell that talks to a remote host",
        sentence: "A shell ({process.name}) is started whose input and output go to {address}, which the run connected to.",
        level: Level::Critical,
        confidence: Confidence::High,
        tags: &["attack.command_and_control", "attack.t1095", "attack.t1059.004"],
    },
    Coded {
        id: "bind-shell",
        title: "Shell for whoever connects",
        sentence: "A shell ({process.name}) is started whose input and output are a connection that the run accepted.",
        level: Level::Critical,
        confidence: Confidence::High,
        tags: &["attack.command_and_control", "attack.t1095", "attack.t1059.004"],
    },
    Coded {
        id: "network-piped-to-shell",
        title: "Shell that runs what comes from the network",
        sentence: "A shell ({process.name}) reads its commands from a program that talks to {address}.",
        level: Level::High,
        confidence: Confidence::Medium,
        tags: &["attack.command_and_control", "attack.t1105", "attack.t1059.004"],
    },
];

const SHELLS: &[&str] =
    &["ash", "bash", "busybox", "csh", "dash", "fish", "ksh", "mksh", "sh", "tcsh", "zsh"];

/// A conversation of a process or of the one that it was forked from.
#[derive(Clone, Debug)]
struct Talk {
    seq: u64,
    peer: Rc<str>,
    accepted: bool,
}

/// A process as far as it matters here.
#[derive(Clone, Debug, Default)]
struct End {
    talk: Option<Talk>,
    stdio: [Option<Rc<str>>; 3],
    /// The exec, if it is a shell's.
    shell: Option<Rc<Event>>,
}

#[derive(Default)]
pub(super) struct RemoteShell {
    ends: HashMap<String, End>,
    /// Who has a pipe as one of its first three descriptors.
    holders: HashMap<Rc<str>, HashSet<String>>,
}

impl Watch for RemoteShell {
    fn event(&mut self, event: &Event, _: &Images, found: &mut Collector<'_>) {
        let Some(process) = &event.process else { return };
        let key = process.id.process();
        let done = event.outcome.result != OutcomeResult::Failure;
        match &event.detail {
            Detail::NetworkConnect { network } if done => {
                if let Some(peer) = peer(&network.address) {
                    self.talks(key, Talk { seq: event.seq, peer, accepted: false }, found);
                }
            }
            Detail::NetworkAccept { network } if event.outcome.is_success() => {
                let peer = match &network.address {
                    Some(address) => peer(address),
                    // not asked for: a unix socket's peer would have no address worth asking for either
                    None => Some("?".into()),
                };
                if let Some(peer) = peer {
                    self.talks(key, Talk { seq: event.seq, peer, accepted: true }, found);
                }
            }
            Detail::ProcessFork { fork } if event.outcome.is_success() && !fork.thread => {
                if let Some(end) = self.ends.get(key) {
                    let end = End { shell: None, ..end.clone() };
                    self.holds(fork.child.process(), &end.stdio);
                    self.ends.insert(fork.child.process().to_owned(), end);
                }
            }
            Detail::ProcessExec { exec } if event.outcome.is_success() => {
                let stdio = exec
                    .stdio
                    .each_ref()
                    .map(|one| one.as_ref().and_then(Copied::text).map(|t| t.lossy().into()));
                let name = process.exe.lossy();
                let shell = SHELLS.contains(&name.rsplit('/').next().unwrap_or_default());
                self.forget(key);
                self.holds(key, &stdio);
                let end = self.ends.entry(key.to_owned()).or_default();
                end.stdio = stdio;
                end.shell = shell.then(|| Rc::new(event.clone()));
                if shell {
                    self.shell(key, found);
                }
            }
            Detail::ProcessExit { exit } if !exit.thread => {
                self.forget(key);
                self.ends.remove(key);
            }
            _ => {}
        }
    }
}

impl RemoteShell {
    fn talks(&mut self, key: &str, talk: Talk, found: &mut Collector<'_>) {
        let end = self.ends.entry(key.to_owned()).or_default();
        end.talk = Some(talk);
        let pipes: Vec<Rc<str>> = end.stdio.iter().flatten().cloned().collect();
        let mut others: Vec<String> =
            pipes.iter().filter_map(|pipe| self.holders.get(pipe)).flatten().cloned().collect();
        others.sort();
        others.dedup();
        for other in others {
            if other != key && self.ends.get(&other).is_some_and(|end| end.shell.is_some()) {
                self.shell(&other, found);
            }
        }
    }

    /// Tells of the shell `key` if the network speaks to it.
    fn shell(&mut self, key: &str, found: &mut Collector<'_>) {
        let Some(end) = self.ends.get(key) else { return };
        let Some(event) = end.shell.clone() else { return };
        let socket = |one: &Option<Rc<str>>| one.as_ref().is_some_and(|one| one.starts_with("socket:["));
        if let Some(talk) = &end.talk
            && (socket(&end.stdio[0]) || socket(&end.stdio[1]))
        {
            let id = if talk.accepted { "bind-shell" } else { "reverse-shell" };
            found.saw(id, &event, &[talk.seq], &[("address", talk.peer.to_string())]);
            return;
        }
        // who talks to the network, and which ends of the shell it holds
        let mut talkers: Vec<(&String, &Talk)> = Vec::new();
        for pipe in end.stdio.iter().flatten() {
            for holder in self.holders.get(pipe).into_iter().flatten().filter(|holder| *holder != key) {
                if let Some(talk) = self.ends.get(holder).and_then(|end| end.talk.as_ref()) {
                    talkers.push((holder, talk));
                }
            }
        }
        talkers.sort_by_key(|(_, talk)| talk.seq);
        for (holder, talk) in talkers {
            let other = &self.ends[holder];
            let shares = |one: &Option<Rc<str>>, at: usize| one.is_some() && *one == other.stdio[at];
            let told = [("address", talk.peer.to_string())];
            let (reads, writes) =
                (shares(&end.stdio[0], 1), shares(&end.stdio[1], 0) || shares(&end.stdio[2], 0));
            match (reads, writes) {
                (true, true) => found.saw("reverse-shell", &event, &[talk.seq], &told),
                (true, false) => found.saw("network-piped-to-shell", &event, &[talk.seq], &told),
                _ => continue,
            }
            return;
        }
    }

    /// Pipes, and files that may be named ones.
    fn holds(&mut self, key: &str, stdio: &[Option<Rc<str>>; 3]) {
        for one in stdio.iter().flatten() {
            if one.starts_with("pipe:[") || (one.starts_with('/') && !one.starts_with("/dev/")) {
                self.holders.entry(one.clone()).or_default().insert(key.to_owned());
            }
        }
    }

    fn forget(&mut self, key: &str) {
        let Some(end) = self.ends.get(key) else { return };
        for one in end.stdio.iter().flatten() {
            if let Some(holders) = self.holders.get_mut(one) {
                holders.remove(key);
                if holders.is_empty() {
                    self.holders.remove(one);
                }
            }
        }
    }
}

/// An address of the internet protocols.
fn peer(address: &Address) -> Option<Rc<str>> {
    match address {
        Address::Inet { address, port } => Some(format!("{address}:{port}").into()),
        Address::Inet6 { address, port, .. } => Some(format!("[{address}]:{port}").into()),
        _ => None,
    }
}
