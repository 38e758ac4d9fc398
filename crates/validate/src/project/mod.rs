//! The project file `detektr.yaml`: settings for `detektr validate` that a team shares, in named profiles. Read strictly;
//! every mistake is told with line, column and a remedy.

mod form;
mod read;

pub use form::ProjectForm;

use crate::file::FileError;
use schemars::JsonSchema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE: &str = "detektr.yaml";
/// The keys of a project file.
pub const KEYS: &[&str] = &["detektr", "profiles"];
/// The profile that holds for every run.
pub const DEFAULT: &str = "default";
/// The profiles that there are, whether or not the file has them.
const ALWAYS: [&str; 2] = [DEFAULT, "ci"];

/// What a project file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Project {
    profiles: BTreeMap<String, Settings>,
}

/// The settings of one profile; what is absent is as without the file. Paths are relative to the file's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Settings {
    /// How many arms run at once.
    #[schemars(range(min = 1, max = 64))]
    pub jobs: Option<u16>,
    /// How often every arm runs, in place of what the validations say.
    #[schemars(range(min = 1, max = 1000))]
    pub repeat: Option<u32>,
    /// How often arms run again whose environment or evidence failed.
    #[schemars(range(min = 0, max = 10))]
    pub retries: Option<u32>,
    /// The baseline that verdicts are compared with.
    pub baseline: Option<PathBuf>,
    /// Folders whose patterns can be drawn from too.
    #[schemars(with = "Option<crate::file::OneOrMore<String>>")]
    pub patterns: Vec<PathBuf>,
    /// A checkout of Atomic Red Team.
    pub atomics: Option<PathBuf>,
    /// The environment of the arms: a profile's file, as of `--env`.
    pub env: Option<PathBuf>,
    /// Exit with 1 only where something of this severity or higher fails.
    #[schemars(with = "Option<crate::file::LevelForm>")]
    pub fail_on: Option<String>,
    /// Take no validation that has no benign twin of its own.
    pub require_benign: Option<bool>,
    /// Where the verdicts are written as JUnit XML.
    pub junit: Option<PathBuf>,
    /// Where they are written as Markdown.
    pub markdown: Option<PathBuf>,
    /// Where they are written as SARIF.
    pub sarif: Option<PathBuf>,
    /// Where they are written as a code quality report of GitLab.
    pub gitlab: Option<PathBuf>,
    /// The folder that the results' folders are made in.
    pub out: Option<PathBuf>,
}

impl Project {
    /// Reads the project file `path`.
    ///
    /// # Errors
    /// Where it can't be read as text, or something in it is no setting.
    pub fn read(path: &Path) -> Result<Project, FileError> {
        Project::parse(path, &FileError::text(path)?)
    }

    /// Reads `text`, the content of `path`.
    ///
    /// # Errors
    /// All that is wrong with it, each with its place.
    pub fn parse(path: &Path, text: &str) -> Result<Project, FileError> {
        read::project(path, text)
    }

    /// The settings of the profile `name`: its own, and for the rest those of `default`.
    ///
    /// # Errors
    /// What to write instead, where there is no such profile.
    pub fn settings(&self, name: &str) -> Result<Settings, String> {
        let default = self.profiles.get(DEFAULT).cloned().unwrap_or_default();
        match self.profiles.get(name) {
            Some(own) => Ok(own.clone().over(default)),
            None if ALWAYS.contains(&name) => Ok(default),
            None => {
                let own = self.profiles.keys().map(String::as_str).filter(|one| !ALWAYS.contains(one));
                Err(detektr_yaml::suggestion(name, &ALWAYS.into_iter().chain(own).collect::<Vec<_>>()))
            }
        }
    }
}

impl Settings {
    /// These settings, and for what is absent those of `other`.
    fn over(self, other: Settings) -> Settings {
        Settings {
            jobs: self.jobs.or(other.jobs),
            repeat: self.repeat.or(other.repeat),
            retries: self.retries.or(other.retries),
            baseline: self.baseline.or(other.baseline),
            patterns: if self.patterns.is_empty() { other.patterns } else { self.patterns },
            atomics: self.atomics.or(other.atomics),
            env: self.env.or(other.env),
            fail_on: self.fail_on.or(other.fail_on),
            require_benign: self.require_benign.or(other.require_benign),
            junit: self.junit.or(other.junit),
            markdown: self.markdown.or(other.markdown),
            sarif: self.sarif.or(other.sarif),
            gitlab: self.gitlab.or(other.gitlab),
            out: self.out.or(other.out),
        }
    }
}
