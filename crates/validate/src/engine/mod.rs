//! Detection engines that are not Detektr's own: a command of the user's gets a run's events as lines of JSON and
//! answers with the numbers of those that match. It is asked once per run; its answer is sealed with the result, and
//! judging reads that alone.

mod ask;
mod feed;
mod process;
mod reply;

pub use ask::{Unasked, ask, check};
pub(crate) use reply::fired;
pub use reply::{Ended, Reply};

use crate::plan::{Plan, Question, QuestionKind, Rules};
use detektr_detect::Shape;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The engines of a plan, with their questions.
fn engines(plan: &Plan) -> impl Iterator<Item = (&Question, &Engine)> {
    plan.questions.iter().filter_map(|question| match &question.kind {
        QuestionKind::Detection { rules: Rules { command: Some(engine), .. }, .. } => {
            Some((question, engine))
        }
        _ => None,
    })
}

/// The command lines of the engines of `plan`, in words.
pub fn command_lines(plan: &Plan) -> impl Iterator<Item = String> {
    engines(plan).map(|(_, engine)| engine.command.join(" "))
}

/// How long an engine may take where the validation does not say, milliseconds.
pub const TIMEOUT_MS: u64 = 60_000;

/// The most that is told of one text of an engine, characters.
pub const TEXT: usize = 200;

/// The most that an engine may put out, bytes.
pub const OUTPUT: usize = 1 << 20;

/// A detection engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// The command line.
    pub command: Vec<String>,
    /// The shape in which it gets the events.
    pub view: Shape,
    /// Files of the plan (`Plan::files`) that lie in the folder in which it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// How long it may take, milliseconds.
    pub timeout_ms: u64,
}

impl Engine {
    /// What it is called: its first file, else its program, without folder and ending.
    pub fn name(&self) -> String {
        let word =
            self.command.iter().find_map(|word| self.path_of(word)).or(self.command.first().map(|w| &**w));
        let word = word.unwrap_or_default();
        Path::new(word)
            .file_stem()
            .map_or_else(|| word.to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// The one of its files that a word of its command line names.
    pub(crate) fn path_of(&self, word: &str) -> Option<&str> {
        let plain = |path: &str| Path::new(path).components().as_path().to_owned();
        let word = plain(word.strip_prefix("./").unwrap_or(word));
        self.files.iter().find(|file| plain(file) == word).map(String::as_str)
    }
}
