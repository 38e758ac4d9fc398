//! Behaviours: meanings derived from the events of one run, each with the events that prove it.
//!
//! Most are Sigma rules and correlations over the native taxonomy, shipped with Detektr or a user's own; those that
//! need more state than a rule has are code, a file each. Nothing but the events is asked, and of changed files what they held
//! and hold.

mod collect;
mod definition;
mod finding;
mod images;
mod shipped;
mod sigma;

mod argv_forged;
mod beaconing;
mod capability_gained;
mod daemonised;
mod dns_tunnel;
mod downloaded_executed;
mod dropped_executed;
mod fields;
mod files_encrypted;
mod mass_change;
mod mass_delete;
mod mining_load;
mod objects;
mod remote_shell;
mod self_delete;
mod timestomp;
mod traced_itself;

pub use definition::Definition;
pub use finding::{Actor, AttackName, Confidence, Finding, Level, Reached};

use crate::preparation::Preparation;
use crate::rules::{RuleError, RuleSet};
use collect::Collector;
use definition::Coded;
use detektr_event::{Actor as Whose, Detail, Event, Kind, Text};
use detektr_evidence::Change;
use images::Images;
use serde::{Deserialize, Serialize};
use sigma::{Compiled, Rules};
use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

/// Code that looks for behaviours.
trait Watch {
    /// Looks at the next event of the artifact's.
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>);

    /// Looks at what files held before and hold after, once all events were seen.
    fn changes(&mut self, _changes: &[Change], _content: &Content<'_>, _found: &mut Collector<'_>) {}
}

/// The beginning of the file of that hash; `None` where it was not kept.
pub type Content<'a> = dyn Fn(&str) -> Option<Vec<u8>> + 'a;

/// What finds some behaviours, made anew for each run.
type Maker = fn() -> Box<dyn Watch>;

/// Every behaviour that is code.
const CODED: &[(&[Coded], Maker)] = &[
    (argv_forged::CODED, || Box::<argv_forged::ArgvForged>::default()),
    (beaconing::CODED, || Box::<beaconing::Beaconing>::default()),
    (capability_gained::CODED, || Box::<capability_gained::CapabilityGained>::default()),
    (daemonised::CODED, || Box::<daemonised::Daemonised>::default()),
    (dns_tunnel::CODED, || Box::<dns_tunnel::DnsTunnel>::default()),
    (downloaded_executed::CODED, || Box::<downloaded_executed::DownloadedExecuted>::default()),
    (dropped_executed::CODED, || Box::<dropped_executed::DroppedExecuted>::default()),
    (files_encrypted::CODED, || Box::<files_encrypted::FilesEncrypted>::default()),
    (mass_change::CODED, || Box::<mass_change::MassChange>::default()),
    (mass_delete::CODED, || Box::<mass_delete::MassDelete>::default()),
    (mining_load::CODED, || Box::<mining_load::MiningLoad>::default()),
    (remote_shell::CODED, || Box::<remote_shell::RemoteShell>::default()),
    (self_delete::CODED, || Box::<self_delete::SelfDelete>::default()),
    (timestomp::CODED, || Box::<timestomp::Timestomp>::default()),
    (traced_itself::CODED, || Box::<traced_itself::TracedItself>::default()),
];

/// What can be looked for.
pub struct Behaviours {
    compiled: Compiled,
    definitions: BTreeMap<String, Definition>,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BehaviourReport {
    /// The behaviours, the gravest first.
    pub findings: Vec<Finding>,
    /// What makes the answer incomplete.
    pub holes: Vec<String>,
    /// How many events were looked at.
    pub events: u64,
}

impl Behaviours {
    /// Those that ship with Detektr, and those in `files` (name and content): Sigma rules over the native taxonomy.
    ///
    /// # Errors
    /// Everything that is wrong with any of the files; then none is used.
    pub fn load<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Self, Vec<RuleError>> {
        let shipped = shipped::FILES.iter().map(|(name, text)| (*name, text.as_bytes()));
        let files: Vec<_> = files.into_iter().collect();
        let rules = RuleSet::load(shipped.chain(files.iter().copied()))?;
        let coded = CODED.iter().flat_map(|(all, _)| all.iter().map(Coded::definition));
        let mut definitions: BTreeMap<String, Definition> = BTreeMap::new();
        let own = sigma::definitions(&rules)?;
        // of those that ship a test knows
        let mut errors = sigma::unknown_fields(&rules, &files.iter().map(|(name, _)| *name).collect());
        for definition in coded.chain(own) {
            if let Some(other) = definitions.get(&definition.id) {
                errors.push(RuleError {
                    file: definition.source.clone(),
                    what: format!("`{}` has the id {}, as `{}` has", definition.title, other.id, other.title),
                    remedy: "give each behaviour an id of its own".into(),
                });
            }
            definitions.insert(definition.id.clone(), definition);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Behaviours { compiled: Compiled::new(&rules), definitions })
    }

    /// Those that ship with Detektr. They are made ready at the first call, for all of a process.
    pub fn shipped() -> &'static Self {
        static SHIPPED: LazyLock<Behaviours> =
            LazyLock::new(|| Behaviours::load([]).expect("a test loads them"));
        &SHIPPED
    }

    /// Every behaviour, by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// Looks at the events of one run as they come; `artifact` is where the artifact was placed, if it is a file.
    pub fn watch(&self, artifact: Option<&Text>) -> Derivation<'_> {
        Derivation {
            found: Collector::new(&self.definitions),
            rules: Rules::new(&self.compiled),
            coded: CODED.iter().map(|(_, make)| make()).collect(),
            images: Images::new(artifact),
            launchers: HashSet::new(),
            preparation: Preparation::default(),
            events: 0,
        }
    }

    /// What a run did, by its events in their order alone. The first error of the stream ends it and is handed back.
    ///
    /// # Errors
    /// The stream's.
    pub fn derive<E>(
        &self,
        artifact: Option<&Text>,
        events: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<BehaviourReport, E> {
        let mut derivation = self.watch(artifact);
        for event in events {
            derivation.event(&event?);
        }
        Ok(derivation.finish())
    }
}

/// Behaviours at work on the events of one run.
pub struct Derivation<'a> {
    found: Collector<'a>,
    rules: Rules<'a>,
    coded: Vec<Box<dyn Watch>>,
    images: Images,
    /// Detektr's own, until they execute what they launch.
    launchers: HashSet<String>,
    preparation: Preparation,
    events: u64,
}

impl Derivation<'_> {
    /// Looks at the next event.
    pub fn event(&mut self, event: &Event) {
        self.events += 1;
        self.images.event(event);
        self.preparation.event(event);
        if self.launches(event) {
            return;
        }
        let known = event.process.as_ref().and_then(|process| self.images.known(&process.id));
        self.rules.event(event, known, &mut self.found);
        for watch in &mut self.coded {
            watch.event(event, &self.images, &mut self.found);
        }
        self.images.after(event);
    }

    /// Whether Detektr's launcher does this: that the artifact, or a trigger of what it installed, is started is not
    /// their own doing.
    fn launches(&mut self, event: &Event) -> bool {
        let Some(process) = &event.process else {
            if let Detail::ProcessFork { fork } = &event.detail {
                self.launchers.insert(fork.child.process().to_owned());
            }
            return false;
        };
        if process.actor == Whose::Environment {
            self.launchers.insert(process.id.process().to_owned());
            return true;
        }
        event.kind() == Kind::ProcessExec
            && event.outcome.is_success()
            && self.launchers.remove(process.id.process())
    }

    /// Looks at what the run changed in the file system, after its events.
    pub fn changes(&mut self, changes: &[Change], content: &Content<'_>) {
        let changes = self.preparation.without(changes);
        for watch in &mut self.coded {
            watch.changes(&changes, content, &mut self.found);
        }
    }

    /// What was seen.
    pub fn finish(self) -> BehaviourReport {
        BehaviourReport {
            findings: self.found.finish(),
            holes: self.rules.hole().into_iter().collect(),
            events: self.events,
        }
    }
}
