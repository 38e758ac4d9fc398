//! Behaviours: meanings derived from the events of one run, each with the events that prove it.
//!
//! Most are Sigma rules and correlations over the native taxonomy, shipped with Detektr or a user's own; those that
//! need more state than a rule has are code, a file each. Nothing but the events is asked.

mod collect;
mod definition;
mod finding;
mod images;
mod shipped;
mod sigma;

mod argv_forged;
mod daemonised;
mod dropped_executed;
mod mass_change;
mod mass_delete;
mod paths;
mod remote_shell;
mod self_delete;
mod timestomp;
mod traced_itself;

pub use definition::Definition;
pub use finding::{Actor, AttackName, Confidence, Finding, Level, Reached};

use crate::rules::{RuleError, RuleSet};
use collect::Collector;
use definition::Coded;
use detektr_event::{Actor as Whose, Detail, Event, Text};
use images::Images;
use serde::{Deserialize, Serialize};
use sigma::Rules;
use std::collections::BTreeMap;

/// Code that looks for behaviours.
trait Watch {
    /// Looks at the next event of the artifact's.
    fn event(&mut self, event: &Event, images: &Images, found: &mut Collector<'_>);
}

/// Every behaviour that is code.
const CODED: &[(&[Coded], fn() -> Box<dyn Watch>)] = &[
    (argv_forged::CODED, || Box::<argv_forged::ArgvForged>::default()),
    (daemonised::CODED, || Box::<daemonised::Daemonised>::default()),
    (dropped_executed::CODED, || Box::<dropped_executed::DroppedExecuted>::default()),
    (mass_change::CODED, || Box::<mass_change::MassChange>::default()),
    (mass_delete::CODED, || Box::<mass_delete::MassDelete>::default()),
    (remote_shell::CODED, || Box::<remote_shell::RemoteShell>::default()),
    (self_delete::CODED, || Box::<self_delete::SelfDelete>::default()),
    (timestomp::CODED, || Box::<timestomp::Timestomp>::default()),
    (traced_itself::CODED, || Box::<traced_itself::TracedItself>::default()),
];

/// What can be looked for.
#[derive(Clone, Debug)]
pub struct Behaviours {
    rules: RuleSet,
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
        let rules = RuleSet::load(shipped.chain(files))?;
        let coded = CODED.iter().flat_map(|(all, _)| all.iter().map(Coded::definition));
        let mut definitions: BTreeMap<String, Definition> = BTreeMap::new();
        let mut errors = Vec::new();
        for definition in coded.chain(sigma::definitions(&rules)?) {
            if let Some(other) = definitions.get(&definition.id) {
                errors.push(RuleError {
                    file: definition.source.clone(),
                    what: format!("`{}` has the id of `{}`", definition.title, other.title),
                    remedy: "give each behaviour an id of its own".into(),
                });
            }
            definitions.insert(definition.id.clone(), definition);
        }
        if errors.is_empty() { Ok(Behaviours { rules, definitions }) } else { Err(errors) }
    }

    /// Those that ship with Detektr.
    pub fn shipped() -> Self {
        Behaviours::load([]).expect("a test loads them")
    }

    /// Every behaviour, by id.
    pub fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.definitions.values()
    }

    /// What a run did, by its events in their order; `artifact` is where the artifact was placed, if it is a file. The first error of the stream ends it and is handed back.
    ///
    /// # Errors
    /// The stream's.
    pub fn derive<E>(
        &self,
        artifact: Option<&Text>,
        events: impl Iterator<Item = Result<Event, E>>,
    ) -> Result<BehaviourReport, E> {
        let mut found = Collector::new(&self.definitions);
        let mut rules = Rules::new(&self.rules);
        let mut coded: Vec<Box<dyn Watch>> = CODED.iter().map(|(_, make)| make()).collect();
        let mut images = Images::new(artifact);
        let mut seen = 0;
        let mut launched = false;
        for event in events {
            let event = event?;
            seen += 1;
            images.event(&event);
            if event.process.as_ref().is_some_and(|process| process.actor == Whose::Environment) {
                continue;
            }
            // that the artifact is started is not its own doing
            if !launched && event.process.is_some() && matches!(event.detail, Detail::ProcessExec { .. }) {
                launched = event.outcome.is_success();
                continue;
            }
            let known = event.process.as_ref().and_then(|process| images.known(&process.id));
            rules.event(&event, known, &mut found);
            for watch in &mut coded {
                watch.event(&event, &images, &mut found);
            }
            images.after(&event);
        }
        Ok(BehaviourReport {
            findings: found.finish(),
            holes: rules.hole().into_iter().collect(),
            events: seen,
        })
    }
}
