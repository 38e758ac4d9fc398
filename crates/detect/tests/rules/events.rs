//! Events, and rules asked about them.

use detektr_detect::{RuleOutcome, RuleReport, RuleSet, RunContext};
use detektr_event::{
    Access, Actor, Copied, Detail, Event, Exec, FilePath, LogMessage, Open, Outcome, Phase, ProcessId,
    ProcessRef, SensorName, Sha256, Syscall, Timestamp,
};
use std::convert::Infallible;

fn event(seq: u64, micros: i64, process: ProcessRef, detail: Detail) -> Event {
    Event {
        seq,
        time: Timestamp(micros * 1000),
        boot_ns: seq,
        phase: Phase::Execute,
        sensor: SensorName::Ebpf,
        process: Some(process),
        outcome: Outcome::SUCCESS,
        detail,
        syscall: None,
    }
}

fn process(pid: u32, exe: &str) -> ProcessRef {
    ProcessRef {
        id: ProcessId::new(100, pid, 1),
        pid,
        tid: pid,
        exe: Copied::whole(exe),
        euid: 0,
        actor: Actor::Artifact,
    }
}

fn file(path: &str) -> FilePath {
    FilePath::resolved(Copied::whole(path))
}

/// A process executed `argv`, `micros` after the beginning.
pub fn exec(seq: u64, micros: i64, argv: &[&str]) -> Event {
    let exec = Exec {
        file: file(argv[0]),
        interpreter: None,
        argv: argv.iter().map(|word| Copied::whole(*word)).collect(),
        env: vec![],
        incomplete: None,
        cwd: file("/"),
        parent: None,
        ppid: 1,
        credentials: Default::default(),
        stdio: [None, None, None],
        sha256: Sha256::Absent { absent: "not hashed".into() },
        memfd: false,
        deleted: false,
        by_thread: false,
    };
    let pid = u32::try_from(seq).unwrap() + 10;
    event(seq, micros, process(pid, argv[0]), Detail::ProcessExec { exec: Box::new(exec) })
}

/// A process opened `path`; with the call, as auditd records it.
pub fn open(seq: u64, path: &str) -> Event {
    let open = Open { path: file(path), flags: vec![], access: Access::Read, fd: Some(3) };
    let syscall = Some(Syscall { nr: 257, arch: "x86_64".into(), args: [0; 6] });
    Event { syscall, ..event(seq, 0, process(7, "/bin/x"), Detail::FileOpen { file: open }) }
}

/// A program wrote `text` to the log.
pub fn message(seq: u64, text: &str) -> Event {
    let log = LogMessage { message: Copied::whole(text), socket: "/dev/log".into() };
    event(seq, 0, process(7, "/bin/x"), Detail::LogMessage { log })
}

/// What `rules` say of `events`.
pub fn asked(rules: &str, events: &[Event]) -> RuleReport {
    let set = RuleSet::load([("rule.yml", rules.as_bytes())]).unwrap();
    report(&set, events)
}

/// What `set` says of `events`.
pub fn report(set: &RuleSet, events: &[Event]) -> RuleReport {
    let events = events.iter().cloned().map(Ok::<_, Infallible>);
    match set.run(&RunContext::default(), events) {
        Ok(report) => report,
    }
}

/// The outcome of the rule with that title.
pub fn of<'a>(report: &'a RuleReport, title: &str) -> &'a RuleOutcome {
    report.rules.iter().find(|outcome| outcome.rule.title == title).unwrap()
}

/// A rule on process creations.
pub fn rule(title: &str, detection: &str) -> String {
    format!(
        "title: {title}\nlogsource:\n  product: linux\n  category: process_creation\ndetection:\n{detection}level: high\n"
    )
}
