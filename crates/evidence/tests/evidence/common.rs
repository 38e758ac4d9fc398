//! A small bundle to test with.

use detektr_event::{
    Actor, Copied, Detail, Event, Exit, FilePath, Outcome, PathOnly, Phase, ProcessId, ProcessRef,
    SensorName, Timestamp,
};
use detektr_evidence::{
    Artifact, Bundle, BundleWriter, Change, ChangeKind, FileState, FileType, Manifest, SigningKey, Start,
    State,
};
use std::io::Write as _;
use std::path::Path;

/// A key for tests.
pub fn key(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

/// What the tests run.
pub fn artifact() -> Artifact {
    Artifact {
        name: "dropper".into(),
        sha256: Some(detektr_evidence::sha256_hex(b"dropper")),
        kind: "elf".into(),
        path: None,
        argv: vec!["./dropper".into(), "--now".into()],
    }
}

/// The beginning of run `run`.
pub fn start(run: &str) -> Start {
    Start {
        run: run.into(),
        tool_version: "0.1.0".into(),
        started: Timestamp(1_000_000_000),
        artifact: Some(artifact()),
    }
}

/// An event of `detail`, with the outcome success.
pub fn event(detail: Detail) -> Event {
    Event {
        seq: 0,
        time: Timestamp(1_000_000_123),
        boot_ns: 123,
        phase: Phase::Execute,
        sensor: SensorName::Ebpf,
        process: Some(ProcessRef {
            id: ProcessId::new(77, 2, 1),
            pid: 2,
            tid: 2,
            exe: Copied::whole("/dropper"),
            euid: 0,
            actor: Actor::Artifact,
        }),
        outcome: Outcome::SUCCESS,
        detail,
        syscall: None,
    }
}

/// `file.unlink` of `path`.
pub fn unlink(path: &str) -> Event {
    event(Detail::FileUnlink { file: PathOnly { path: FilePath::resolved(Copied::whole(path)) } })
}

/// `process.exit` with `code`.
pub fn exit(code: u8) -> Event {
    event(Detail::ProcessExit {
        exit: Exit { code: Some(code), signal: None, core: false, thread: false, cpu_ns: None },
    })
}

/// A regular file's state.
pub fn state(sha256: &str, size: u64) -> FileState {
    FileState {
        file_type: FileType::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: Some(size),
        mtime_ns: Some(5),
        sha256: Some(sha256.into()),
        stored: true,
        target: None,
        device: None,
        xattrs: Default::default(),
        hard_link: None,
    }
}

/// A complete manifest of run `run`.
pub fn manifest(run: &str) -> Manifest {
    let mut manifest = Manifest::new(run, "0.1.0", artifact());
    manifest.state = State::Completed;
    manifest.sentinel = true;
    manifest
}

/// Writes and seals the small bundle `run` in `dir`.
pub fn small_bundle(dir: &Path, run: &str, key: &SigningKey) -> Bundle {
    let mut writer = BundleWriter::create(dir, &start(run)).unwrap();
    writer.event(unlink("/tmp/gone")).unwrap();
    writer.flush().unwrap();
    writer.event(exit(0)).unwrap();
    writer.stdout(5).unwrap().write_all(b"hello world").unwrap();
    writer.stderr(100).unwrap().write_all(b"oh").unwrap();
    let stored = writer.file(&mut &b"dropped"[..]).unwrap();
    let after = state(&stored.sha256, stored.size);
    let path = "/tmp/dropped".into();
    let change =
        Change { path, change: ChangeKind::Created, before: None, after: Some(after), unreadable: None };
    writer.changes(&[change]).unwrap();
    writer.seal(manifest(run), key).unwrap()
}
