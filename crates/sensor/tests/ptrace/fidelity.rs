//! Programs that count their own actions, held against the events that came of them: each action that a program tells
//! on its standard output is there as often as it was told, with the same outcome.

use crate::launcher::{Run, compile, run};
use detektr_event::{Event, OutcomeResult};
use detektr_sensor::decode::{Decoder, DecoderConfig, Numbers};
use std::collections::BTreeMap;
use std::path::Path;

/// Kind and outcome, counted.
type Counted = BTreeMap<(String, String), usize>;

fn generator(name: &str, flags: &[&str], arguments: &[&str]) -> Option<Run> {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../detektr/tests/programs");
    let directory = tempfile::tempdir().expect("a directory");
    let source = std::fs::read_to_string(programs.join(name)).expect("the generator's source");
    let include = format!("-I{}", programs.to_str().expect("a plain path"));
    let program = compile(directory.path(), &source, &[&[include.as_str()], flags].concat())?;
    let place = directory.path().join("place");
    std::fs::create_dir(&place).expect("a place to act in");
    let place = place.to_str().expect("a plain path");
    let argv: Vec<&str> = [program.to_str().expect("a plain path")]
        .into_iter()
        .chain(arguments.iter().map(|word| if *word == "PLACE" { place } else { *word }))
        .collect();
    Some(run(&argv, &[], false))
}

fn decoded(run: &Run) -> Vec<Event> {
    let namespace =
        std::fs::metadata("/proc/self/ns/mnt").map_or(0, |data| std::os::unix::fs::MetadataExt::ino(&data));
    let mut decoder = Decoder::new(DecoderConfig {
        sensor: detektr_event::SensorName::Ptrace,
        environment: Numbers {
            mount_namespace: namespace,
            uid_map: vec![],
            gid_map: vec![],
            root_path: vec![],
        },
        boot_to_wall_ns: 0,
    });
    decoder.launcher(run.pid);
    let mut events = Vec::new();
    for raw in run.raws.iter().cloned() {
        decoder.decode(raw, &mut events);
    }
    events
}

fn outcome(event: &Event) -> String {
    match event.outcome.result {
        OutcomeResult::Success => "ok".into(),
        OutcomeResult::Failure => event.outcome.errno.clone().unwrap_or_default(),
        OutcomeResult::Unfinished => "unfinished".into(),
    }
}

/// Holds what `run` told of itself against its events, but for opens, which the program's loader makes too: of them
/// what was told must be there at least.
fn hold(run: &Run) {
    assert_eq!(run.status, 0, "{}", run.stdout);
    let mut told = Counted::new();
    for line in run.stdout.lines() {
        let mut words = line.split('\t');
        let (Some(kind), Some(_), Some(result)) = (words.next(), words.next(), words.next()) else {
            panic!("a line of the generator: {line:?}")
        };
        *told.entry((kind.into(), result.into())).or_default() += 1;
    }
    let mut seen = Counted::new();
    // The first exec is the launcher's.
    for event in decoded(run).iter().skip_while(|event| event.kind().name() != "process.exec").skip(1) {
        *seen.entry((event.kind().name().into(), outcome(event))).or_default() += 1;
    }
    assert!(told.len() >= 2, "{told:?}");
    for (act, count) in &told {
        let there = seen.get(act).copied().unwrap_or(0);
        let loader = matches!(act.0.as_str(), "file.open" | "process.memory_exec");
        assert!(
            there == *count || (loader && there > *count),
            "{act:?} was told {count} times and seen {there} times\ntold {told:#?}\nseen {seen:#?}\n{}",
            run.stdout
        );
    }
}

#[test]
fn every_kind_of_action_is_seen_once_with_its_outcome() {
    if let Some(run) = generator("actions.c", &[], &["PLACE"]) {
        hold(&run);
    }
}

#[test]
fn threads_that_act_at_once_lose_nothing() {
    if let Some(run) = generator("threads.c", &[], &["PLACE", "8"]) {
        hold(&run);
    }
}

#[test]
fn actions_through_the_32_bit_interface_are_seen() {
    if let Some(run) = generator("ia32.c", &["-m32"], &["PLACE", "socketcall"]) {
        hold(&run);
    }
}

#[test]
fn a_refused_ring_is_seen() {
    if let Some(run) = generator("uring.c", &[], &["PLACE"]) {
        hold(&run);
    }
}

#[test]
fn a_root_that_the_artifact_made_is_not_taken_for_the_environments() {
    // SAFETY: geteuid takes nothing and can't fail.
    if unsafe { libc::geteuid() } != 0 {
        eprintln!("skipped: hosts may refuse user namespaces to ordinary users");
        return;
    }
    let Some(run) = generator("nested.c", &[], &["PLACE"]) else { return };
    hold(&run);
    let events: Vec<serde_json::Value> =
        decoded(&run).iter().map(|event| serde_json::to_value(event).expect("an event is JSON")).collect();
    let on = |kind: &str, path: &str| {
        let found: Vec<_> =
            events.iter().filter(|event| event["kind"] == kind && event["file"]["path"] == path).collect();
        assert_eq!(found.len(), 1, "{kind} {path}: {found:?}");
        found[0]["file"].clone()
    };
    let shadow = on("file.create", "/etc/shadow");
    assert!(shadow["path_root"]["mount_namespace"].is_u64(), "{shadow}");
    assert_eq!((&shadow["fs"], &shadow["resolved"]), (&"tmpfs".into(), &true.into()));
    assert_eq!(on("file.write", "/etc/shadow")["bytes"], 17);
    let inner = on("file.create", "/inner");
    assert_eq!(inner["path_root"]["root"], "/jail", "{inner}");
}
