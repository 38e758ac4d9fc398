//! Following a condition over the facts of a run: each fact is true from the event on that shows it.

use crate::facts::Seen;
use crate::goal::{Condition, Fact, FactName, is_technique};
use crate::plan::Moment;
use crate::truth::Truth;
use detektr_detect::operation::address;
use detektr_detect::{BehaviourReport, Preparation, Reached};
use detektr_event::glob::Glob;
use detektr_event::{Access, Address, Detail, End, Event, Flow, OutcomeResult};
use detektr_evidence::persistence::{Entry, Persistence, Reason, Status};
use detektr_evidence::{Change, ChangeKind};

/// Most events that are kept as witnesses of one fact.
const WITNESSES: usize = 8;

/// A condition under watch.
pub(super) struct Watch {
    condition: Condition,
    facts: Vec<Watched>,
    moment: Moment,
    /// Facts that were not seen are false; unknown where records may be missing.
    complete: bool,
    /// The baits that were looked for in what left.
    sought: Vec<String>,
    before: bool,
    ever: Option<Vec<u64>>,
}

struct Watched {
    fact: Fact,
    glob: Option<Glob>,
    events: Vec<u64>,
    /// The first event that may be it.
    doubtful: Option<u64>,
    /// Connections that were begun, and of which it is not known yet whether they were made.
    begun: u32,
}

impl Watch {
    pub(super) fn new(condition: Condition, moment: Moment, complete: bool, sought: Vec<String>) -> Self {
        let globbed = |name: FactName, arg: &str| arg.starts_with('/') || name == FactName::Exfiltrated;
        let watched = |fact: &Fact| Watched {
            fact: fact.clone(),
            glob: fact.args.first().filter(|arg| globbed(fact.name, arg)).and_then(|path| path.parse().ok()),
            events: Vec::new(),
            doubtful: None,
            begun: 0,
        };
        let facts = condition.facts().iter().map(watched).collect();
        let mut watch = Watch { condition, facts, moment, complete, sought, before: false, ever: None };
        // before anything ran, what was not seen did not happen
        watch.before = watch.condition.evaluate(&mut |_| Truth::No) == Truth::Yes;
        watch
    }

    /// Whether it was true before anything ran.
    pub(super) fn before(&self) -> bool {
        self.before
    }

    /// Whether a path is one that a fact is about.
    pub(super) fn is_about(&self, path: &[u8]) -> bool {
        self.facts
            .iter()
            .filter(|watched| watched.fact.name != FactName::Exfiltrated)
            .any(|watched| watched.glob.as_ref().is_some_and(|glob| glob.matches_one(path)))
    }

    /// Whether a bait is one that a fact is about.
    pub(super) fn is_about_bait(&self, name: &str) -> bool {
        self.facts.iter().any(|watched| watched.is_bait(name))
    }

    /// Whether an address is one that a fact is about.
    pub(super) fn is_about_address(&self, peer: &Address) -> bool {
        self.facts.iter().any(|w| w.fact.name == FactName::Connected && fits_address(&w.fact, peer))
    }

    /// The user ids that a fact asks to be gained; an empty list of arguments means any.
    pub(super) fn gains(&self) -> bool {
        self.facts.iter().any(|watched| watched.fact.name == FactName::UidGained)
    }

    /// Says that records may be missing after all.
    pub(super) fn doubt(&mut self) {
        self.complete = false;
    }

    /// Takes the next event of the artifact. `first_euid` is what it began with.
    pub(super) fn event(&mut self, event: &Event, first_euid: Option<u32>) {
        let mut changed = false;
        for watched in &mut self.facts {
            match watched.shows(event, first_euid) {
                Truth::Yes if watched.events.len() < WITNESSES => {
                    changed |= watched.events.is_empty();
                    watched.events.push(event.seq);
                }
                Truth::Unknown => {
                    watched.doubtful.get_or_insert(event.seq);
                    watched.begun += 1;
                }
                Truth::No if watched.is_refused(event) => {
                    watched.begun = watched.begun.saturating_sub(1);
                    watched.doubtful = watched.doubtful.filter(|_| watched.begun > 0);
                }
                _ => {}
            }
        }
        if changed && self.ever.is_none() && self.now() == Truth::Yes {
            self.ever = Some(self.witnesses());
        }
    }

    /// Whether it asks about facts of that name.
    pub(super) fn asks_for(&self, name: FactName) -> bool {
        self.condition.asks_for(name)
    }

    /// Whether a fact asks for that behaviour.
    pub(super) fn is_about_behaviour(&self, id: &str) -> bool {
        let asked =
            |fact: &Fact| fact.name == FactName::Behaviour && fact.args.first().is_some_and(|arg| arg == id);
        self.facts.iter().any(|watched| asked(&watched.fact))
    }

    /// Takes what the run as a whole shows of behaviours. They are known at its end only.
    pub(super) fn behaved(&mut self, report: &BehaviourReport) {
        for watched in self.facts.iter_mut().filter(|watched| watched.fact.name == FactName::Behaviour) {
            let found = report.findings.iter().find(|finding| watched.fact.args.first() == Some(&finding.id));
            match found {
                Some(finding) if finding.outcome == Reached::Succeeded => {
                    watched.events = finding.events.iter().copied().take(WITNESSES).collect();
                }
                _ if !report.holes.is_empty() => watched.doubtful = Some(0),
                _ => {}
            }
        }
    }

    /// Takes what was installed to be started again, and what of it was. `last` is the last event that counts.
    pub(super) fn persisted(&mut self, persistence: &Persistence, last: u64) {
        for watched in self.facts.iter_mut().filter(|watched| watched.fact.name == FactName::Persists) {
            let in_time = |entry: &Entry| entry.made_by.first().is_none_or(|first| *first <= last);
            for entry in persistence.entries.iter().filter(|entry| in_time(entry)) {
                match persists(entry) {
                    _ if !watched.names(entry) => {}
                    Truth::Yes => {
                        // whatever no event made still is there
                        let events = entry.made_by.iter().chain(&entry.proven_by).copied();
                        watched.events.extend(events.chain([0]).take(WITNESSES - 1));
                    }
                    Truth::Unknown => watched.doubtful = Some(0),
                    Truth::No => {}
                }
            }
        }
    }

    /// The events that installed what a fact asks about.
    pub(super) fn installs(&self, persistence: &Persistence) -> Vec<u64> {
        let asked = self.facts.iter().filter(|watched| watched.fact.name == FactName::Persists);
        let entries =
            asked.flat_map(|watched| persistence.entries.iter().filter(move |entry| watched.names(entry)));
        entries.flat_map(|entry| entry.made_by.iter().copied()).collect()
    }

    /// What came of it. `changes` is what the file system shows at the end, where it was compared; of what preparation had
    /// a part in, it shows nothing.
    pub(super) fn finish(mut self, changes: &[Change], preparation: &Preparation) -> Seen {
        let own = preparation.without(changes);
        let prepared = |change: &&Change| preparation.has(change.path.as_bytes());
        let prepared: Vec<&Change> = changes.iter().filter(prepared).collect();
        for watched in &mut self.facts {
            watched.compare(&own, &prepared, self.moment);
        }
        match (self.moment, self.ever.take()) {
            (Moment::Ever, Some(events)) => Seen::yes(events),
            _ => match self.now() {
                Truth::Yes => Seen::yes(self.witnesses()),
                truth => Seen { truth, events: Vec::new() },
            },
        }
    }

    fn now(&self) -> Truth {
        let absent = if self.complete { Truth::No } else { Truth::Unknown };
        self.condition.evaluate(&mut |fact| {
            let Some(watched) = self.facts.iter().find(|watched| watched.fact == *fact) else {
                return absent;
            };
            match watched {
                Watched { events, .. } if !events.is_empty() => Truth::Yes,
                Watched { doubtful: Some(_), .. } => Truth::Unknown,
                // nobody looked for it, so that nobody saw it
                _ if fact.name == FactName::Exfiltrated
                    && !self.sought.iter().any(|name| watched.is_bait(name)) =>
                {
                    Truth::Unknown
                }
                _ => absent,
            }
        })
    }

    fn witnesses(&self) -> Vec<u64> {
        let mut all: Vec<u64> = self.facts.iter().flat_map(|watched| watched.events.clone()).collect();
        all.retain(|event| *event > 0);
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whether an entry runs again, or lets somebody in. It is not known where nobody tried.
fn persists(entry: &Entry) -> Truth {
    match (entry.status, entry.reason) {
        (Status::Proven, _) | (Status::Installed, Some(Reason::GrantsAccess)) => Truth::Yes,
        (
            Status::Installed,
            None | Some(Reason::NotTriggered | Reason::NotReached | Reason::OtherUser | Reason::NotEmulated),
        ) => Truth::Unknown,
        (Status::Installed | Status::Removed, _) => Truth::No,
    }
}

impl Watched {
    /// Whether the fact is about that bait's leaving.
    fn is_bait(&self, name: &str) -> bool {
        self.fact.name == FactName::Exfiltrated
            && (self.fact.args.is_empty()
                || self.glob.as_ref().is_some_and(|glob| glob.matches_one(name.as_bytes())))
    }

    /// Whether it asks about that entry: any, or one by its mechanism, technique or file.
    fn names(&self, entry: &Entry) -> bool {
        self.fact.args.first().is_none_or(|wanted| match &self.glob {
            Some(glob) => glob.matches_one(entry.path.as_bytes()),
            None => wanted == entry.mechanism.name() || is_technique(wanted, &entry.technique),
        })
    }

    /// Whether `event` shows the fact; unknown where it may.
    fn shows(&self, event: &Event, first_euid: Option<u32>) -> Truth {
        let success = event.outcome.reached();
        let here = |path: Option<&[u8]>| {
            path.is_some_and(|path| self.glob.as_ref().is_some_and(|glob| glob.matches_one(path)))
        };
        let about = || event.detail.paths().first().is_some_and(|path| here(path.in_environment()));
        let of = |yes: bool| Truth::from(yes && success);
        match (self.fact.name, &event.detail) {
            // an open that may have found the file there
            (FactName::Created, Detail::FileCreate { file }) if success && about() => {
                if file.certain {
                    Truth::Yes
                } else {
                    Truth::Unknown
                }
            }
            (
                FactName::Created,
                Detail::FileMkdir { .. }
                | Detail::FileMknod { .. }
                | Detail::FileLink { .. }
                | Detail::FileSymlink { .. },
            ) => of(about()),
            (FactName::Created, Detail::FileRename { file }) => of(here(file.to.in_environment())),
            (
                FactName::Changed,
                Detail::FileChmod { .. }
                | Detail::FileChown { .. }
                | Detail::FileUtime { .. }
                | Detail::FileXattr { .. }
                | Detail::FileTruncate { .. },
            ) => of(about()),
            (FactName::Changed | FactName::Wrote, Detail::FileWrite { file }) => match about() && success {
                true if file.bytes > 0 => Truth::Yes,
                true if file.mapped => Truth::Unknown,
                _ => Truth::No,
            },
            (FactName::Changed, Detail::FileOpen { file }) => {
                of(about() && file.flags.iter().any(|flag| flag == "O_TRUNC"))
            }
            (FactName::Removed, Detail::FileUnlink { .. } | Detail::FileRmdir { .. }) => of(about()),
            (FactName::Removed, Detail::FileRename { .. }) => of(about()),
            (FactName::Read, Detail::FileOpen { file }) => {
                of(about() && matches!(file.access, Access::Read | Access::ReadWrite))
            }
            (FactName::Ran, Detail::ProcessExec { .. }) => of(about()),
            (FactName::Connected, Detail::NetworkConnect { network })
                if fits_address(&self.fact, &network.address) =>
            {
                match event.outcome.result {
                    OutcomeResult::Success => Truth::Yes,
                    // its packet was refused; should a later one pass, the conversation tells it
                    OutcomeResult::Unfinished if event.outcome.enforcer.is_some() => Truth::No,
                    OutcomeResult::Unfinished => Truth::Unknown,
                    OutcomeResult::Failure => Truth::No,
                }
            }
            // a call that did not wait for the answer can't tell; what was said afterwards does
            (FactName::Connected, Detail::NetworkFlow { network }) => {
                Truth::from(self.is_about_flow(network) && !is_refusal(&network.end))
            }
            (FactName::UidGained, Detail::ProcessCredentials { credentials }) => {
                let wanted: Option<u32> = self.fact.args.first().and_then(|uid| uid.parse().ok());
                let gained = credentials.new.euid;
                let new = Some(gained) != first_euid && credentials.old.euid != gained;
                of(new && wanted.is_none_or(|uid| uid == gained))
            }
            (FactName::Executed, Detail::ProcessExec { .. }) => of(true),
            (FactName::Exfiltrated, Detail::BaitExfiltrated { bait }) => of(self.is_bait(&bait.bait)),
            _ => Truth::No,
        }
    }

    /// Whether `event` says that a connection which the fact is about did not come to be.
    fn is_refused(&self, event: &Event) -> bool {
        match &event.detail {
            Detail::NetworkFlow { network } => {
                self.fact.name == FactName::Connected
                    && self.is_about_flow(network)
                    && is_refusal(&network.end)
            }
            _ => false,
        }
    }

    fn is_about_flow(&self, flow: &Flow) -> bool {
        let End { address, port } = &flow.flow.remote;
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        flow.flow.protocol == "tcp" && fits(&self.fact, &format!("{host}:{port}"))
    }

    /// What the file system shows at the end: a second way to know, and for the end the only one.
    fn compare(&mut self, changes: &[Change], prepared: &[&Change], moment: Moment) {
        let Some(glob) = &self.glob else { return };
        if prepared.iter().any(|change| glob.matches_one(change.path.as_bytes())) {
            // events tell what the attack did, and not what is left of it
            if moment == Moment::End {
                self.doubtful = self.doubtful.or(self.events.first().copied());
                self.events.clear();
            }
            return;
        }
        let fits = |change: &&Change| glob.matches_one(change.path.as_bytes());
        let shows = |change: &Change| match self.fact.name {
            FactName::Created => change.change == ChangeKind::Created,
            FactName::Removed => change.change == ChangeKind::Removed,
            FactName::Changed => matches!(change.change, ChangeKind::Modified | ChangeKind::Metadata),
            _ => false,
        };
        let shown = changes.iter().filter(fits).any(shows);
        let told_by_files =
            matches!(self.fact.name, FactName::Created | FactName::Removed | FactName::Changed);
        if shown {
            let told = self.doubtful.take();
            if self.events.is_empty() {
                // seen at the end, and perhaps by no event
                self.events.push(told.unwrap_or(0));
            }
        } else if told_by_files {
            // what was there before and only changed was not created by the open
            self.doubtful = self.doubtful.filter(|_| !changes.iter().any(|change| fits(&change)));
            if moment == Moment::End {
                self.events.clear();
            }
        }
    }
}

/// A conversation that ended so was none.
pub(super) fn is_refusal(end: &str) -> bool {
    matches!(end, "refused" | "unanswered")
}

/// Whether `connected` is about that peer.
fn fits_address(fact: &Fact, peer: &Address) -> bool {
    fits(fact, &address(peer))
}

/// `connected('192.0.2.1:443')`, `connected('192.0.2.1', 443)`, or an address with any port.
fn fits(fact: &Fact, peer: &str) -> bool {
    match fact.args.as_slice() {
        [host, port] => peer == format!("{host}:{port}") || peer == format!("[{host}]:{port}"),
        [wanted] => {
            let host = peer.rsplit_once(':').map_or(peer, |(host, _)| host);
            *wanted == peer || *wanted == host || format!("[{wanted}]") == host
        }
        _ => false,
    }
}
