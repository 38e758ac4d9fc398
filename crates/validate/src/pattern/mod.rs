//! Attack patterns: one behaviour of ATT&CK each, emulated harmlessly in several really different ways that reach the
//! same goal, with a twin that does ordinary work nearby. The library is shipped; users add folders of their own.

mod form;
mod library;
pub mod prove;
mod read;
mod shipped;

pub use form::PatternForm;
pub use library::{Library, LibraryError, Named};
pub use read::read;

use crate::plan::{Attack, Goal, Program};
use crate::result::Inputs;

/// The version of the format that this Detektr reads.
pub const VERSION: u64 = 1;

/// Where the actor lies in the environment of a script that requires it: in its `PATH`.
const ACTOR: &str = "/usr/local/bin/detektr-actor";

/// A pattern.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// Its id, which never changes.
    pub id: String,
    /// What it does, in a few words.
    pub title: String,
    /// The technique's id (ATT&CK v19.1).
    pub technique: String,
    /// The tactic that it serves, by its tag (`persistence`).
    pub tactic: String,
    /// What it emulates.
    pub emulates: String,
    /// Why it is harmless.
    pub harmless: String,
    /// What every variant reaches, and the twin does not.
    pub goal: Goal,
    /// It runs as root of the environment; else as its ordinary user.
    pub root: bool,
    /// The ways to the goal, in the order of the file; at least one.
    pub variants: Vec<Variant>,
    /// Ordinary work that comes near and does not reach the goal; works where it exits with 0.
    pub benign: Script,
    /// Where it was read from.
    pub source: String,
}

/// One way to a pattern's goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// Its name within the pattern.
    pub name: String,
    /// What runs.
    pub script: Script,
}

/// A script of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The text, with an interpreter line.
    pub text: String,
    /// Programs that it needs in the environment, beside a shell and the core utilities.
    pub requires: Vec<String>,
}

impl Pattern {
    /// The variant `name`.
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// `script` as a program of a plan; its text is put among `inputs` as `name`.
    pub fn program(&self, name: &str, script: &Script, inputs: &mut Inputs) -> Attack {
        let file = format!("pattern/{}/{name}", self.id);
        inputs.insert(file.clone(), script.text.as_bytes().to_vec());
        let mut program = Attack::of(Program::File(file), self.root);
        if script.requires.iter().any(|name| name == detektr_actor::NAME) {
            let actor = format!("pattern/{}", detektr_actor::NAME);
            program.files.insert(ACTOR.into(), actor.clone());
            inputs.insert(actor, detektr_actor::PROGRAM.to_vec());
        }
        program
    }
}
