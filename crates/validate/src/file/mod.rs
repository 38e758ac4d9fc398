//! Validation files: read whole, with every file that they name, before anything runs. Every mistake is told with
//! line, column and a remedy, and one mistake is enough to refuse the file.

mod ask;
mod atomic;
mod controls;
mod drawn;
mod engine;
mod error;
mod folder;
mod form;
mod inputs;
mod plan;
mod program;
mod read;
mod sources;

#[cfg(test)]
mod tests;

pub(crate) use ask::LEVELS;
pub use atomic::AtomicSource;
pub use error::FileError;
pub use folder::yaml_files;
pub use form::ValidationForm;
pub(crate) use form::{LevelForm, OneOrMore, UserForm, Version};
pub use plan::{Choices, plans};
pub use sources::Sources;

use crate::plan::{Attack, Goal, Question};
use crate::result::Inputs;
use detektr_sandbox::controls::Control;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of the file format.
pub const VERSION: u64 = 1;

/// The largest validation file, or file that one names, in bytes.
const LARGEST: u64 = 64 << 20;

/// What a validation file says; with all that it names, and nothing left to look up.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationFile {
    /// Its id.
    pub id: String,
    /// Its own words about itself.
    pub title: Option<String>,
    /// What attacks, each by the name of its variant; one, called `default`, but for a pattern of several.
    pub attacks: Vec<(String, Attack)>,
    /// What must go on working.
    pub benign: Option<Attack>,
    /// What the attack is after.
    pub goal: Option<Goal>,
    /// What counts as an attempt.
    pub attempt: Option<String>,
    /// Controls, in order.
    pub controls: Vec<Control>,
    /// How often each arm runs.
    pub repeat: u32,
    /// What is asked: what stands under `ask`, or what follows from `detect` and `controls`.
    pub questions: Vec<Question>,
    /// The line of the file, from 1, in which each question stands, by its id.
    pub lines: BTreeMap<String, usize>,
    /// Every file that was read, by its path as written; the validation file itself too.
    pub inputs: Inputs,
}

/// Reads all `files`, in their order; `sources` is where attacks come from that are named there.
///
/// # Errors
/// Those of every file that can't be used, see [`read`].
pub fn read_all(files: &[PathBuf], sources: &Sources) -> Result<Vec<ValidationFile>, FileError> {
    let (mut all, mut each) = (Vec::new(), Vec::new());
    for path in files {
        match read(path, sources) {
            Ok(file) => all.push(file),
            Err(e) => each.push(e),
        }
    }
    FileError::all(each).map(|()| all)
}

/// Reads the validation in `path` and all that it names.
///
/// # Errors
/// Where the file can't be read as text, or something in it, or in a file that it names, can't be used.
pub fn read(path: &Path, sources: &Sources) -> Result<ValidationFile, FileError> {
    let text = FileError::text(path)?;
    FileError::parse("validation", path, &text, |reader, node| {
        let (file, problems) = read::file(node, path, &text, sources);
        reader.problems.extend(problems);
        file
    })
}
