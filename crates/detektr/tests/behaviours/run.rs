//! One detonation and what is found in it.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why nothing can be detonated here, if so.
pub fn unable() -> Option<&'static str> {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        return Some("needs root (several behaviours are those of root)");
    }
    if !Path::new("/usr/bin/python3").exists() {
        return Some("needs /usr/bin/python3 for the acts");
    }
    None
}

/// A data folder and a place for files that go away with the test.
pub struct Place {
    folder: tempfile::TempDir,
}

/// A run that was sealed.
#[derive(Debug)]
pub struct Run {
    /// The document of `detonate --json`.
    pub document: Value,
    /// Its behaviours.
    pub findings: Vec<Value>,
    events: Vec<Value>,
    /// The process that made each process, by what stays the same over execs.
    makers: BTreeMap<String, String>,
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

    /// Writes a file in it.
    pub fn write(&self, name: &str, content: &str) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Compiles one of the programs of the tests; `None`, with the reason told, where this host can't.
    pub fn program(&self, name: &str) -> Option<String> {
        let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs");
        let program = self.path(name);
        let mut command = Command::new("cc");
        command.args(["-O1", "-static", "-pthread", "-I"]).arg(&programs).arg("-o").arg(&program);
        match command.arg(programs.join(format!("{name}.c"))).output() {
            Ok(output) if output.status.success() => Some(program.to_str().unwrap().to_owned()),
            Ok(output) => panic!("{name}: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => {
                eprintln!("skipped: no C compiler ({error})");
                None
            }
        }
    }

    fn output(&self, args: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detektr"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
            .env("DETEKTR_HOME", self.path("data"));
        command.current_dir(self.folder.path()).stdin(Stdio::null()).args(args).output().unwrap()
    }

    /// What a command writes, whose exit code is `code`.
    pub fn told(&self, args: &[&str], code: i32) -> Result<String, String> {
        let output = self.output(args);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() == Some(code) {
            return Ok(text);
        }
        Err(format!("{args:?}: {:?}\n{text}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    /// The document of a command that succeeds.
    pub fn json(&self, args: &[&str]) -> Result<Value, String> {
        serde_json::from_str(&self.told(args, 0)?).map_err(|e| e.to_string())
    }

    /// Detonates a script as `user`.
    pub fn script(&self, user: &str, script: &str) -> Result<Run, String> {
        let path = self.write("acts", script);
        self.detonate(&["--user", user, &path])
    }

    /// Detonates without a network, and holds that the run completed and nothing is missing.
    pub fn detonate(&self, args: &[&str]) -> Result<Run, String> {
        self.detonate_in(&["--net", "none"], args)
    }

    /// Detonates with options of the network, and holds that the run completed and nothing is missing.
    pub fn detonate_in(&self, network: &[&str], args: &[&str]) -> Result<Run, String> {
        let fixed = [&["detonate", "--json", "--trigger", "none", "--timeout", "120s"], network].concat();
        let output = self.output(&[&fixed[..], args].concat());
        let document: Value = serde_json::from_slice(&output.stdout)
            .map_err(|e| format!("{args:?}: {e}\n{}", String::from_utf8_lossy(&output.stderr)))?;
        if document["state"] != "completed" || document["complete"] != true {
            return Err(format!("{args:?}: {document:#}"));
        }
        let events = self.output(&["events", "last", "--json"]).stdout;
        let events: Vec<Value> =
            events.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let mut makers = BTreeMap::new();
        // a thread's child is its own process
        let births = |event: &&Value| event["kind"] == "process.fork" && event["fork"]["thread"] == false;
        for event in events.iter().filter(births) {
            makers.insert(process(&event["fork"]["child"]), process(&event["process"]["id"]));
        }
        let findings = document["behaviours"].as_array().cloned().unwrap_or_default();
        Ok(Run { document, findings, events, makers })
    }
}

/// A process's identity without the count of its programs.
fn process(id: &Value) -> String {
    id.as_str().and_then(|id| id.rsplit_once('-')).map(|(process, _)| process.to_owned()).unwrap_or_default()
}

impl Run {
    /// The finding of a behaviour.
    pub fn finding(&self, id: &str) -> Option<&Value> {
        self.findings.iter().find(|finding| finding["id"] == id)
    }

    /// Whether an io_uring operation of that name was seen.
    pub fn tells(&self, operation: &str) -> bool {
        self.events.iter().any(|event| event["io_uring"]["operation"] == operation)
    }

    /// The shell that was started with the argument `mark`, and all that descend from it.
    pub fn processes(&self, mark: &str) -> BTreeSet<String> {
        let marked = |event: &&Value| {
            event["kind"] == "process.exec"
                && event["exec"]["argv"].as_array().is_some_and(|argv| argv.iter().any(|word| word == mark))
        };
        let roots: BTreeSet<String> =
            self.events.iter().filter(marked).map(|event| process(&event["process"]["id"])).collect();
        let descends = |start: &String| {
            let mut at = Some(start);
            while let Some(process) = at {
                if roots.contains(process) {
                    return true;
                }
                at = self.makers.get(process);
            }
            false
        };
        let all = self.makers.keys().chain(&roots);
        all.filter(|process| descends(process)).cloned().collect()
    }

    /// Whether one of the events that prove a finding was made by the processes of `mark`.
    pub fn proves(&self, finding: &Value, mark: &str) -> bool {
        let own = self.processes(mark);
        let seqs: BTreeSet<u64> =
            finding["events"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect();
        self.events.iter().any(|event| {
            event["seq"].as_u64().is_some_and(|seq| seqs.contains(&seq))
                && own.contains(&process(&event["process"]["id"]))
        })
    }

    /// What the processes of `mark` did, for a failure's message.
    pub fn part(&self, mark: &str) -> String {
        let own = self.processes(mark);
        let events = self.events.iter().filter(|event| own.contains(&process(&event["process"]["id"])));
        let noise = |event: &&Value| {
            event["file"]["path"]
                .as_str()
                .is_none_or(|path| !path.starts_with("/usr/lib") && !path.starts_with("/etc/ld"))
        };
        let lines: Vec<String> = events.filter(noise).map(Value::to_string).collect();
        lines.join("\n")
    }
}
