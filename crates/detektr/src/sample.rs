//! Events for unit tests.

use detektr_event::{
    Access, Actor, Copied, Detail, Event, Exec, Exit, FilePath, Fork, Open, Outcome, Phase, ProcessId,
    ProcessRef, SensorName, Sha256, Timestamp,
};

/// Process `pid`, in its `execs`th program.
pub fn process(pid: u32, execs: u32, exe: &str) -> ProcessRef {
    ProcessRef {
        id: ProcessId::new(100, pid, execs),
        pid,
        tid: pid,
        exe: Copied::whole(exe),
        euid: 0,
        actor: Actor::Artifact,
    }
}

/// An event that `process` made.
pub fn event(seq: u64, process: ProcessRef, outcome: Outcome, detail: Detail) -> Event {
    Event {
        seq,
        time: Timestamp(0),
        boot_ns: seq,
        phase: Phase::Execute,
        sensor: SensorName::Ebpf,
        process: Some(process),
        outcome,
        detail,
        syscall: None,
    }
}

/// A true path.
pub fn file(path: &str) -> FilePath {
    FilePath::resolved(Copied::whole(path))
}

/// Process 7, running `exe`, opened `path` for reading.
pub fn open(seq: u64, exe: &str, path: &str) -> Event {
    let open = Open { path: file(path), flags: vec![], access: Access::Read, fd: Some(3) };
    event(seq, process(7, 1, exe), Outcome::SUCCESS, Detail::FileOpen { file: open })
}

/// Process `pid` executed `argv`.
pub fn exec(seq: u64, pid: u32, parent: Option<u32>, argv: &[&str]) -> Event {
    let exec = Exec {
        file: file(argv[0]),
        interpreter: None,
        argv: argv.iter().map(|a| Copied::whole(*a)).collect(),
        env: vec![],
        incomplete: None,
        cwd: file("/"),
        parent: parent.map(|pid| ProcessId::new(100, pid, 1)),
        ppid: parent.unwrap_or(0),
        credentials: Default::default(),
        stdio: [None, None, None],
        sha256: Sha256::Absent { absent: "not hashed".into() },
        memfd: false,
        deleted: false,
        by_thread: false,
    };
    event(seq, process(pid, 1, argv[0]), Outcome::SUCCESS, Detail::ProcessExec { exec: Box::new(exec) })
}

/// Process `pid` made process `child`.
pub fn fork(seq: u64, pid: u32, child: u32) -> Event {
    let fork = Fork {
        child: ProcessId::new(100, child, 0),
        pid: child,
        tid: child,
        flags: vec![],
        thread: false,
        io_worker: false,
    };
    event(seq, process(pid, 1, "/bin/x"), Outcome::SUCCESS, Detail::ProcessFork { fork })
}

/// Process `pid` ended with `code`.
pub fn exit(seq: u64, pid: u32, code: u8) -> Event {
    let exit = Exit { code: Some(code), signal: None, core: false, thread: false, cpu_ns: None };
    event(seq, process(pid, 1, "/bin/x"), Outcome::SUCCESS, Detail::ProcessExit { exit })
}
