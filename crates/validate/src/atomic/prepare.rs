//! From a test to an attack: its script, what has to be brought about first, and the original's files that it names.

use super::fill::{Values, fill, values};
use super::{Atomics, System, Test};
use crate::plan::{Attack, Program, Rootfs, Step};
use crate::programs;
use crate::result::Inputs;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Where the original's files lie in the environment: `PathToAtomicsFolder`. It says nothing of what is done.
pub const ATOMICS: &str = "/opt/tasks";

/// The most bytes of the original's files that one test may bring along.
const LARGEST: u64 = 64 << 20;

/// Runs a dependency: it is there, or is got and then there. The words are the executor, its option, and both commands.
const BRING: &str = "\"$1\" \"$2\" \"$3\" && exit 0\n\"$1\" \"$2\" \"$4\"\nexec \"$1\" \"$2\" \"$3\"";

/// What is chosen of how a test runs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Arguments, by name.
    pub arguments: Vec<(String, String)>,
    /// As root or as the ordinary user; what the test asks for where absent.
    pub root: Option<bool>,
    /// Only look whether its dependencies are there: nothing is got, and the test does not run.
    pub check_only: bool,
}

/// A test that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// What runs.
    pub attack: Attack,
    /// The files that it consists of.
    pub inputs: Inputs,
}

/// Why a test is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It is for another system.
    OtherSystem,
    /// A person has to do it.
    Manual,
    /// What runs it is not in the environment.
    ExecutorMissing,
    /// It needs a file of the original that the folder has not.
    FileMissing,
}

impl Refusal {
    /// The name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Refusal::OtherSystem => "other_system",
            Refusal::Manual => "manual",
            Refusal::ExecutorMissing => "executor_missing",
            Refusal::FileMissing => "file_missing",
        }
    }
}

/// A test that can't be run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// For a reason that lies in the test, the folder or the environment.
    Test(Refusal, String),
    /// For a choice that it does not have: what is wrong, and what to do.
    Choice(String, String),
}

impl Test {
    /// The attack that this test is.
    ///
    /// # Errors
    /// Why it can't be run here.
    pub fn prepare(
        &self,
        atomics: &Atomics,
        options: &Options,
        rootfs: &Rootfs,
    ) -> Result<Prepared, Refused> {
        let values = values(self, &options.arguments).map_err(|(what, help)| Refused::Choice(what, help))?;
        let refused = |why, what: String| Err(Refused::Test(why, what));
        match System::of(self) {
            System::Linux => {}
            System::FreeBsd(why) => {
                return refused(Refusal::OtherSystem, format!("it is for FreeBSD: {why}"));
            }
            System::Other => {
                let platforms = self.platforms.join(", ");
                return refused(Refusal::OtherSystem, format!("it is for {platforms}, not for Linux"));
            }
        }
        let name = self.executor.name.as_str();
        if name == "manual" {
            return refused(Refusal::Manual, "a person has to do it; `detektr atomic show` tells how".into());
        }
        let own = interpreter(name, rootfs)?;
        let dependency = match &self.dependency_executor {
            Some(name) if !self.dependencies.is_empty() => interpreter(name, rootfs)?,
            _ => own,
        };
        let mut inputs = Inputs::new();
        let script = format!("#!{}\n{}", own.line, fill(&self.executor.command, &values, ATOMICS));
        let file = format!("atomic/{}", self.id());
        let root = options.root.unwrap_or(self.executor.elevated);
        let program = match options.check_only {
            true => Program::Command(vec!["true".into()]),
            false => Program::File(file.clone()),
        };
        let mut attack = Attack::of(program, root);
        if matches!(rootfs, Rootfs::Image(_)) {
            attack.setup.extend(own.step());
        }
        let mut texts = vec![script.clone()];
        for one in &self.dependencies {
            let prereq = fill(&one.prereq, &values, ATOMICS);
            let get = fill(&one.get_prereq, &values, ATOMICS);
            let get = if options.check_only { String::new() } else { get };
            texts.push(prereq.clone());
            texts.push(get.clone());
            let words = ["/bin/sh", "-c", BRING, "sh", dependency.name, dependency.option(), &prereq, &get];
            attack.setup.push(Step {
                what: described(&one.description, &values),
                command: words.map(String::from).into(),
            });
        }
        inputs.insert(file, script.into_bytes());
        self.add_files(atomics, &texts, &mut attack, &mut inputs)?;
        Ok(Prepared { attack, inputs })
    }

    /// The original's files that `texts` name.
    fn add_files(
        &self,
        atomics: &Atomics,
        texts: &[String],
        attack: &mut Attack,
        inputs: &mut Inputs,
    ) -> Result<(), Refused> {
        let brought = texts.get(1..).unwrap_or_default();
        let mut bytes = 0;
        for (text, path) in
            texts.iter().flat_map(|text| named(text).into_iter().map(move |path| (text, path)))
        {
            let files = below(atomics.root(), &path);
            if files.is_empty() {
                // what a dependency looks for or gets may come to be
                let full = format!("{ATOMICS}/{path}");
                let may_come = brought.iter().any(|other| other.contains(&full))
                    || path.split('/').any(|part| part == "..")
                    || writes(text, &full);
                if may_come {
                    continue;
                }
                let what = format!("it needs {path}, which the checkout has not");
                return Err(Refused::Test(Refusal::FileMissing, what));
            }
            for file in files {
                let inside =
                    file.strip_prefix(atomics.root()).unwrap_or(&file).to_string_lossy().into_owned();
                let name = format!("atomics/{inside}");
                // several commands may name one file: it is brought along once
                if !inputs.contains_key(&name) {
                    let unreadable = |e: std::io::Error| {
                        Refused::Test(Refusal::FileMissing, format!("{}: {e}", file.display()))
                    };
                    bytes += fs::metadata(&file).map_err(unreadable)?.len();
                    if bytes > LARGEST {
                        let what = format!("its files are larger than {} MiB", LARGEST >> 20);
                        return Err(Refused::Test(Refusal::FileMissing, what));
                    }
                    inputs.insert(name.clone(), fs::read(&file).map_err(unreadable)?);
                }
                attack.files.insert(format!("{ATOMICS}/{inside}"), name);
            }
        }
        Ok(())
    }

    /// This test with every text as it would run where `chosen` are chosen, for people.
    ///
    /// # Errors
    /// A choice that it does not have, and what to do.
    pub fn filled(&self, chosen: &[(String, String)]) -> Result<Test, (String, String)> {
        let values = values(self, chosen)?;
        let filled = |text: &mut String| *text = fill(text, &values, ATOMICS);
        let mut test = self.clone();
        let executor = &mut test.executor;
        [&mut executor.command, &mut executor.cleanup, &mut executor.steps].into_iter().for_each(filled);
        for one in &mut test.dependencies {
            [&mut one.description, &mut one.prereq, &mut one.get_prereq].into_iter().for_each(filled);
        }
        Ok(test)
    }
}

/// What a dependency is, in one line.
fn described(text: &str, values: &Values) -> String {
    fill(text, values, ATOMICS).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What runs commands: its name as a shell finds it, and its interpreter line.
#[derive(Clone, Copy)]
struct Interpreter {
    name: &'static str,
    line: &'static str,
}

impl Interpreter {
    /// Asks for it where it could not be looked for. That `env` does not find it is an exit code of the test's like
    /// any other; without `/bin/sh` no test can be run at all.
    fn step(self) -> Option<Step> {
        let command = ["/usr/bin/env", self.name, "--version"].map(String::from).into();
        let asked = self.line.starts_with("/usr/bin/env ");
        asked.then(|| Step { what: format!("`{}`, which runs it", self.name), command })
    }

    /// What makes it take its next word as commands: `-c` only checks syntax in some.
    fn option(self) -> &'static str {
        if matches!(self.name, "perl" | "ruby") { "-e" } else { "-c" }
    }
}

fn interpreter(executor: &str, rootfs: &Rootfs) -> Result<Interpreter, Refused> {
    let (name, line) = match executor {
        "sh" => ("sh", "/bin/sh"),
        // where it can't be looked for, its absence is told by the preparation
        "bash" if matches!(rootfs, Rootfs::Image(_)) => ("bash", "/usr/bin/env bash"),
        "bash" => ("bash", "/bin/bash"),
        "python" => ("python3", "/usr/bin/env python3"),
        "powershell" => ("pwsh", "/usr/bin/env pwsh"),
        "perl" => ("perl", "/usr/bin/env perl"),
        "ruby" => ("ruby", "/usr/bin/env ruby"),
        "zsh" => ("zsh", "/usr/bin/env zsh"),
        other => {
            let what = format!("this Detektr knows no executor `{other}` for Linux");
            return Err(Refused::Test(Refusal::ExecutorMissing, what));
        }
    };
    if programs::is_missing(name, rootfs) {
        let what = format!("it is for `{executor}`, and the environment has no `{name}`");
        return Err(Refused::Test(Refusal::ExecutorMissing, what));
    }
    Ok(Interpreter { name, line })
}

/// The paths below the original's folder that `text` names.
fn named(text: &str) -> Vec<String> {
    let prefix = format!("{ATOMICS}/");
    let ends = |c: char| c.is_whitespace() || "\"'`;|&()<>$*{}".contains(c);
    let path = |(at, _): (usize, &str)| {
        let rest = &text[at + prefix.len()..];
        let path = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end_matches(['/', '.', ',']);
        (!path.is_empty()).then(|| path.to_owned())
    };
    text.match_indices(&prefix).filter_map(path).collect()
}

/// Whether `text` itself makes what is at `full`.
fn writes(text: &str, full: &str) -> bool {
    [format!("> {full}"), format!(">{full}"), format!("mkdir -p {full}")]
        .iter()
        .any(|form| text.contains(form))
}

/// The file at `path` below `root`, or all below the folder there; none that leads out, by a link too, or is not there.
fn below(root: &Path, path: &str) -> Vec<PathBuf> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let (Ok(real), Ok(own)) = (fs::canonicalize(root.join(path)), fs::canonicalize(root)) else {
        return Vec::new();
    };
    if !plain || !real.starts_with(&own) {
        return Vec::new();
    }
    let (mut found, mut todo) = (Vec::new(), vec![root.join(path)]);
    while let Some(path) = todo.pop() {
        if path.is_dir() && !path.is_symlink() {
            let entries = fs::read_dir(&path).into_iter().flatten().flatten();
            todo.extend(entries.map(|entry| entry.path()));
        } else if path.is_file() && fs::canonicalize(&path).is_ok_and(|real| real.starts_with(&own)) {
            found.push(path);
        }
    }
    found.sort();
    found
}
