//! One detonation of one script, and what its sealed bundle tells.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Both sensors.
pub const SENSORS: [&str; 2] = ["ebpf", "ptrace"];

/// A data folder and a place for files that go away with the test.
pub struct Place {
    folder: tempfile::TempDir,
}

/// A run that ended and was sealed.
pub struct Run {
    /// The document of `detonate --json`.
    pub document: Value,
    /// The manifest.
    pub manifest: Value,
    /// Its events.
    pub events: Vec<Value>,
    /// What the program wrote to standard output.
    pub stdout: String,
    /// What the program wrote to standard error.
    pub stderr: String,
    /// The bundle.
    pub bundle: PathBuf,
}

/// Whether this host has `program`; says so where it doesn't.
pub fn has(program: &str) -> bool {
    let found =
        ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].iter().any(|dir| Path::new(dir).join(program).exists());
    if !found {
        eprintln!("skipped: no {program}");
    }
    found
}

/// Whether this is root; says so where it isn't.
pub fn root() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        eprintln!("skipped: needs root");
    }
    root
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in it.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Runs the binary.
    pub fn detektr(&self, args: &[&str]) -> Output {
        self.detektr_by(&[], args)
    }

    /// Runs the binary by another program: its words stand before it.
    pub fn detektr_by(&self, by: &[&str], args: &[&str]) -> Output {
        let words = [by, &[env!("CARGO_BIN_EXE_detektr")], args].concat();
        let mut command = Command::new(words[0]);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("DETEKTR_HOME", self.path("data"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).args(&words[1..]).output().unwrap()
    }

    /// Detonates, and holds that a sealed bundle that verifies came of it.
    pub fn detonate(&self, args: &[&str]) -> Run {
        self.detonate_by(&[], args).0
    }

    /// The same by another program, and what that said.
    pub fn detonate_by(&self, by: &[&str], args: &[&str]) -> (Run, String) {
        let output = self.detektr_by(by, &[&["detonate", "--json"][..], args].concat());
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", String::from_utf8_lossy(&output.stderr)));
        let run = document["run"].as_str().unwrap();
        let verified = self.detektr(&["verify", run, "--json"]);
        assert!(verified.status.success(), "{args:?}: {}", String::from_utf8_lossy(&verified.stdout));
        let events = self.detektr(&["events", run, "--json"]).stdout;
        let events =
            events.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice);
        let bundle = PathBuf::from(document["bundle"].as_str().unwrap());
        let text =
            |name: &str| String::from_utf8_lossy(&std::fs::read(bundle.join(name)).unwrap()).into_owned();
        let run = Run {
            events: events.map(Result::unwrap).collect(),
            manifest: serde_json::from_str(&text("manifest.json")).unwrap(),
            stdout: text("stdout"),
            stderr: text("stderr"),
            bundle,
            document,
        };
        (run, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Detonates a shell script as root of the environment, and holds that it ended well and whole.
    pub fn script(&self, sensor: &str, script: &str) -> Run {
        self.script_with(&["--sensor", sensor], script)
    }

    /// The same with other options.
    pub fn script_with(&self, options: &[&str], script: &str) -> Run {
        let run = self.detonate(&[options, &["--user", "root", "--", "bash", "-c", script]].concat());
        assert_eq!(run.document["state"], "completed", "{}\n{}", run.document, run.stderr);
        assert_eq!(run.document["exit"]["code"], 0, "{}\n{}\n{}", run.document, run.stdout, run.stderr);
        assert_eq!(run.document["complete"], true, "{}", run.document);
        run
    }
}

impl Run {
    /// What was told of one kind.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["kind"] == kind).collect()
    }

    /// The one event of `kind` for which `right` holds.
    pub fn one(&self, kind: &str, right: impl Fn(&Value) -> bool) -> &Value {
        let found: Vec<_> = self.of(kind).into_iter().filter(|event| right(event)).collect();
        assert_eq!(found.len(), 1, "{kind}: {found:#?}\nof {:#?}", self.of(kind));
        found[0]
    }

    /// The one conversation with this port of the internet.
    pub fn flow(&self, port: u16) -> &Value {
        self.one("network.flow", |event| event["network"]["flow"]["remote"]["port"] == port)
    }
}
