//! A folder with a validation and what it names, and the command that is run on it.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Whom Detektr runs as, and who watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    RootEbpf,
    RootPtrace,
    UserPtrace,
}

impl How {
    /// All that this host and this user can do; says what is left out.
    pub fn all() -> Vec<How> {
        if is_root() {
            return vec![How::RootEbpf, How::RootPtrace, How::UserPtrace];
        }
        eprintln!("skipped: needs root (sensor ebpf, and root's environments)");
        vec![How::UserPtrace]
    }

    /// Whether the environment has more than one user id.
    pub fn has_users(self) -> bool {
        !matches!(self, How::UserPtrace)
    }

    /// As `--sensor` names it.
    pub fn sensor(self) -> &'static str {
        if matches!(self, How::RootEbpf) { "ebpf" } else { "ptrace" }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A folder that goes away with the test.
pub struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The document on standard output.
    pub fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {}\n{}", self.stdout, self.stderr))
    }

    /// `verdict/reason` of a question.
    pub fn answer(&self, validation: &str, question: &str) -> String {
        let document = self.document();
        let verdict = document["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|v| v["validation"] == validation && v["question"] == question)
            .unwrap_or_else(|| panic!("no {validation}/{question} in {document:#}"));
        format!("{}/{}", verdict["verdict"].as_str().unwrap(), verdict["reason"].as_str().unwrap())
    }
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let program = folder.path().join("detektr");
        // by another process: a child that another test starts meanwhile would hold a file open for writing that is ours
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_detektr")).arg(&program).status();
        assert!(copied.unwrap().success());
        open(folder.path(), 0o755);
        for name in ["home", "user-home", "files"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            open(&folder.path().join(name), 0o755);
        }
        if is_root() {
            std::os::unix::fs::chown(folder.path().join("user-home"), Some(65_534), Some(65_534)).unwrap();
        }
        Place { folder, program }
    }

    /// A path among the files.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Writes a file; scripts get their first line.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = if name.ends_with(".sh") { format!("#!/bin/sh\n{text}\n") } else { text.to_owned() };
        fs::write(&path, text).unwrap();
        open(&path, 0o755);
        path
    }

    /// The data folder.
    pub fn home(&self, how: How) -> PathBuf {
        let root = !matches!(how, How::UserPtrace) || !is_root();
        self.folder.path().join(if root { "home" } else { "user-home" })
    }

    /// The bundles of its runs.
    pub fn runs(&self, how: How) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.home(how).join("runs")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    /// A command of Detektr.
    pub fn command(&self, how: How, args: &[&str]) -> Command {
        let mut command = if matches!(how, How::UserPtrace) && is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&self.program);
            command
        } else {
            Command::new(&self.program)
        };
        command.args(args).current_dir(self.folder.path().join("files"));
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("DETEKTR_HOME", self.home(how));
        command
    }

    /// Runs a command of Detektr.
    pub fn run(&self, how: How, args: &[&str]) -> Said {
        said(&self.command(how, args).output().unwrap())
    }

    /// `validate FILE --json` with the sensor of `how`.
    pub fn validate(&self, how: How, args: &[&str]) -> Said {
        let mut all = vec!["validate", "--json", "--sensor", how.sensor()];
        all.extend(args);
        self.run(how, &all)
    }
}

/// What came out of a command.
pub fn said(output: &Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
