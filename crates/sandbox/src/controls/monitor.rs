//! `monitor`: a program that watches the attack, as an integrity checker, a scanner or a watcher of files does. It
//! denies nothing; that it tells of the attack is its effect.
//!
//! *beside* the attack it runs from before it, as root of the environment (as the run's user where only one id is
//! mapped) and without the other controls, as a system's own service does. *inside* it runs at the same time as the
//! attack's own user and under the restrictions that are put on its processes. *after* the attack it runs once, to
//! its end, over the files that the attack left.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// When a monitor runs, and as whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At the same time, as root of the environment.
    #[default]
    Beside,
    /// At the same time, as the attack's user and under the controls of its processes.
    Inside,
    /// When the attack and all that it started have ended, as root of the environment.
    After,
}

impl When {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            When::Beside => "beside",
            When::Inside => "inside",
            When::After => "after",
        }
    }
}

/// What says that a monitor saw something: any of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// A line of its output (standard output and standard error) that this regular expression matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// A line of a log file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogLine>,
    /// It ends by itself with one of these codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exit: Vec<u8>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// The file, inside.
    pub file: String,
    /// A regular expression.
    pub matches: String,
}

/// A watching program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    /// When it runs.
    pub when: When,
    /// Command lines that run before the attack, each to its end with code 0 (`aide --init`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub setup: Vec<Vec<String>>,
    /// Its command line.
    pub command: Vec<String>,
    /// It watches from when a line of its output matches this regular expression; from its start on where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
    /// What says that it saw something.
    pub alert: Alert,
    /// Files that lie in the environment beforehand: path inside, and content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, String>,
    /// How long it goes on after the attack, milliseconds; until it has nothing to do where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_ms: Option<u64>,
}

/// Whether a path begins at the environment's root and leads downwards only.
pub fn is_plain(path: &str) -> bool {
    path.starts_with('/') && !Path::new(path).components().any(|part| part == Component::ParentDir)
}

/// What is done, in words.
///
/// # Errors
/// Where it can't be done.
pub(super) fn decide(monitor: &Monitor) -> Result<Vec<String>, Vec<super::hardening::Problem>> {
    let empty = |line: &Vec<String>| line.first().is_none_or(String::is_empty);
    let mut problems = Vec::new();
    if empty(&monitor.command) || monitor.setup.iter().any(empty) {
        let remedy = "name a program, as in `command: [inotifywait, -m, /etc]`".to_owned();
        problems.push((
            "monitor_command",
            "a command line of the monitor names no program".to_owned(),
            remedy,
        ));
    }
    let log = monitor.alert.log.iter().map(|log| &log.file);
    for file in monitor.files.keys().chain(log).filter(|file| !is_plain(file)) {
        let remedy = "write it from the environment's root, without `..`".to_owned();
        problems.push(("monitor_file", format!("the path `{file}` is relative or leads upwards"), remedy));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(vec![format!("monitor {} the attack: {}", monitor.when.word(), monitor.command.join(" "))])
}
