//! A data folder for one test, the binary run in it, and bundles made without running anything.

use crate::sample;
use detektr_event::{
    Access, Address, BaitRead, Connect, Copied, Create, Detail, Event, Open, Outcome, Phase, Timestamp,
};
use detektr_evidence::{Artifact, BundleWriter, Exit, Manifest, PhaseSpan, Start, State, keys};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A data folder that goes away with the test.
pub struct Home {
    folder: tempfile::TempDir,
}

/// What a run of the binary left.
pub struct Told {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        Home { folder: tempfile::tempdir().unwrap() }
    }

    /// A place for files of the test, outside of the data folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file of the test with `content`.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// The binary, ready for arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_detektr"));
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("DETEKTR_HOME", self.data());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// Runs the binary.
    pub fn detektr<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Told {
        let output = self.command().args(args).output().unwrap();
        Told {
            code: output.status.code().expect("the binary was not killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Begins the bundle of run `id` with `events`.
    pub fn begun(&self, id: &str, events: Vec<Event>) -> (BundleWriter, Manifest) {
        let artifact = Artifact {
            name: "x".into(),
            sha256: None,
            kind: "command".into(),
            path: None,
            argv: vec!["sh".into(), "-c".into()],
        };
        let start = Start {
            run: id.into(),
            tool_version: "0".into(),
            started: Timestamp(0),
            artifact: Some(artifact.clone()),
        };
        let mut writer = BundleWriter::create(&self.data().join("runs"), &start).unwrap();
        for event in events {
            writer.event(event).unwrap();
        }
        writer.flush().unwrap();
        (writer, Manifest::new(id, "0", artifact))
    }

    /// A sealed bundle of run `id` with `events`.
    pub fn sealed(&self, id: &str, events: Vec<Event>) -> PathBuf {
        let (mut writer, mut manifest) = self.begun(id, events);
        writer.stdout(1024).unwrap().write_all(b"hello \x1b[31mred\n").unwrap();
        manifest.state = State::Completed;
        manifest.sentinel = true;
        manifest.exit = Some(Exit::Code { code: 0 });
        manifest.phases =
            vec![PhaseSpan { phase: Phase::Execute, start: Timestamp(0), end: Timestamp(1_500_000_000) }];
        manifest.sensor.name = "ebpf".into();
        let key = keys::load_or_create(&self.data()).unwrap();
        writer.seal(manifest, &key).unwrap().path().to_owned()
    }
}

impl Told {
    /// The one JSON document on standard output.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}\nstdout: {}\nstderr: {}", self.stdout, self.stderr))
    }

    /// Checks the exit code, showing everything where it is another.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// A run in which a shell drops a file, a child reads secrets and connects, and names hold terminal escapes.
pub fn story() -> Vec<Event> {
    let create = Create {
        path: sample::file("/tmp/\x1b[2Jdropped"),
        flags: vec!["O_CREAT".into()],
        access: Access::Write,
        mode: 0o644,
        fd: Some(3),
        certain: true,
    };
    let shadow = Open { path: sample::file("/etc/shadow"), flags: vec![], access: Access::Read, fd: None };
    let connect = Connect {
        fd: 4,
        address: Address::Inet { address: std::net::Ipv4Addr::new(192, 0, 2, 1), port: 443 },
        local: None,
    };
    let by_child =
        |seq, outcome, detail| sample::event(seq, sample::process(3, 1, "/usr/bin/cat"), outcome, detail);
    vec![
        sample::exec(1, 2, None, &["/bin/sh", "-c", "x\x1b]0;owned\x07"]),
        sample::event(
            2,
            sample::process(2, 1, "/bin/sh"),
            Outcome::SUCCESS,
            Detail::FileCreate { file: create },
        ),
        sample::fork(3, 2, 3),
        sample::exec(4, 3, Some(2), &["/usr/bin/cat", "/etc/shadow"]),
        by_child(5, Outcome::failure("EACCES"), Detail::FileOpen { file: shadow }),
        by_child(
            6,
            Outcome::SUCCESS,
            Detail::BaitRead { bait: BaitRead { bait: "ssh_key".into(), flow: None } },
        ),
        by_child(7, Outcome::failure("ENETUNREACH"), Detail::NetworkConnect { network: connect }),
        sample::open(8, "/bin/other", "/etc/hosts"),
        sample::exit(9, 3, 1),
        sample::exit(10, 2, 0),
    ]
}

/// A string that holds nothing that a terminal would obey.
pub fn is_harmless(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && c != '\n')
}

/// Flips one bit in the middle of the file at `path`.
pub fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

/// A field that holds raw bytes.
pub fn raw(bytes: &[u8]) -> Copied {
    Copied::whole(bytes)
}
