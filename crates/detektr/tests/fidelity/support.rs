//! One detonation of one program, and what its sealed bundle tells.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Things that can be there several times.
pub type Counted<T> = BTreeMap<T, i64>;

/// Both sensors.
pub const SENSORS: [&str; 2] = ["ebpf", "ptrace"];

/// A data folder and a place for programs that go away with the test.
pub struct Place {
    folder: tempfile::TempDir,
}

/// A run that ended and was sealed.
pub struct Run {
    /// The document of `detonate --json`.
    pub document: Value,
    /// Its events.
    pub events: Vec<Value>,
    /// What the program wrote to standard output.
    pub stdout: String,
}

/// Whether `sensor` can run here; says so where it can't.
pub fn able(sensor: &str) -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if sensor == "ebpf" && !root {
        eprintln!("skipped: needs root (sensor ebpf)");
        return false;
    }
    true
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

    /// Compiles one of the programs in `programs/`, without a loader of its own. `None`, with the reason told,
    /// where this host can't.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        let source = std::fs::read_to_string(programs.join(format!("{name}.c"))).unwrap();
        self.compile(name, &source, if name == "ia32" { &["-m32"] } else { &[] })
    }

    /// Compiles `source`, which may include `tell.h`.
    pub fn compile(&self, name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        let file = self.path(&format!("{name}.c"));
        std::fs::write(&file, source).unwrap();
        let program = self.path(name);
        let mut command = Command::new("cc");
        command.args(["-O1", "-static", "-pthread", "-I"]).arg(&programs).args(flags);
        match command.arg("-o").arg(&program).arg(&file).stderr(Stdio::piped()).output() {
            Ok(output) if output.status.success() => Some(program),
            Ok(output) if flags.contains(&"-m32") => {
                let said = String::from_utf8_lossy(&output.stderr);
                eprintln!("skipped: no 32-bit C library ({})", said.lines().next().unwrap_or_default());
                None
            }
            Ok(output) => panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                eprintln!("skipped: no C compiler ({error})");
                None
            }
        }
    }

    /// Runs the binary.
    pub fn detektr(&self, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detektr"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("DETEKTR_HOME", self.path("data"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).args(args).output().unwrap()
    }

    /// Detonates, and holds that the run completed with exit code 0, is complete and verifies.
    pub fn detonate(&self, args: &[&str]) -> Run {
        let output = self.detektr(&[&["detonate", "--json"][..], args].concat());
        let document: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}\n{}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(document["state"], "completed", "{args:?}: {document}");
        assert_eq!(document["exit"]["code"], 0, "{args:?}: {document}");
        assert_eq!(document["complete"], true, "{args:?}: {document}");
        let run = document["run"].as_str().unwrap();
        let verified = self.detektr(&["verify", run, "--json"]);
        assert!(verified.status.success(), "{args:?}: {}", String::from_utf8_lossy(&verified.stdout));
        let events = self.detektr(&["events", run, "--json"]).stdout;
        let events =
            events.split(|b| *b == b'\n').filter(|line| !line.is_empty()).map(serde_json::from_slice);
        let stdout = Path::new(document["bundle"].as_str().unwrap()).join("stdout");
        Run {
            events: events.map(Result::unwrap).collect(),
            stdout: String::from_utf8(std::fs::read(stdout).unwrap()).unwrap(),
            document,
        }
    }

    /// Detonates `program` with `sensor`, in `/tmp` of the environment.
    pub fn act(&self, sensor: &str, user: &str, program: &Path) -> Run {
        self.detonate(&["--sensor", sensor, "--user", user, program.to_str().unwrap(), "--", "/tmp"])
    }

    /// The same with a profile that lets rings run wherever the sensor does.
    pub fn act_with_rings(&self, sensor: &str, user: &str, program: &Path) -> Run {
        let profile = self.path("rings.yaml");
        std::fs::write(&profile, "detektr: 1\nio_uring: allow\n").unwrap();
        let (profile, program) = (profile.to_str().unwrap(), program.to_str().unwrap());
        self.detonate(&["--env", profile, "--sensor", sensor, "--user", user, program, "--", "/tmp"])
    }
}

impl Run {
    /// The exec of the artifact itself.
    pub fn start(&self) -> &Value {
        self.events.iter().find(|e| is_exec(e)).unwrap_or_else(|| panic!("no exec: {}", self.document))
    }

    /// What the artifact did: every event after its exec.
    pub fn acts(&self) -> impl Iterator<Item = &Value> {
        // what its exec took from the launcher (capabilities, where an ordinary user detonates) is not its doing
        let launched = |e: &&Value| {
            e["credentials"]["call"] == "execve" && e["process"]["id"] == self.start()["process"]["id"]
        };
        self.events.iter().skip_while(|e| !is_exec(e)).skip(1).skip_while(launched)
    }

    /// What it did of one kind.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.acts().filter(|event| event["kind"] == kind).collect()
    }

    /// The one act of `kind` for which `right` holds.
    pub fn one(&self, kind: &str, right: impl Fn(&Value) -> bool) -> &Value {
        let found: Vec<_> = self.of(kind).into_iter().filter(|event| right(event)).collect();
        assert_eq!(found.len(), 1, "{kind}: {found:#?}\nof {:#?}", self.of(kind));
        found[0]
    }
}

fn is_exec(event: &Value) -> bool {
    event["kind"] == "process.exec" && event["outcome"]["result"] == "success"
}

/// Counts.
pub fn count<T: Ord>(things: impl IntoIterator<Item = T>) -> Counted<T> {
    let mut counted = Counted::new();
    for thing in things {
        *counted.entry(thing).or_default() += 1;
    }
    counted
}

/// Holds that both are the same; says what `name`s the one has more, and what it lacks.
pub fn assert_same<T: Ord + Clone + std::fmt::Debug>(
    what: &str,
    here: (&str, Counted<T>),
    there: (&str, Counted<T>),
) {
    let mut balance = here.1.clone();
    for (thing, times) in &there.1 {
        *balance.entry(thing.clone()).or_default() -= times;
    }
    let only = |sign: i64| -> Vec<String> {
        let more = balance.iter().filter(|(_, times)| **times * sign > 0);
        more.map(|(thing, times)| format!("  {} × {thing:?}", times.abs())).collect()
    };
    let (here_only, there_only) = (only(1), only(-1));
    assert!(
        here_only.is_empty() && there_only.is_empty(),
        "{what}\nonly {}:\n{}\nonly {}:\n{}",
        here.0,
        here_only.join("\n"),
        there.0,
        there_only.join("\n")
    );
}
