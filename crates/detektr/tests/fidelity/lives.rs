//! Who did it: births, ends and images of processes are told rightly, however they are made.

use crate::support::{Place, Run, SENSORS, able};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;

/// What stays the same of an identity over execs.
fn process(id: &Value) -> &str {
    id.as_str().and_then(|id| id.rsplit_once('-')).unwrap_or_else(|| panic!("an identity: {id}")).0
}

fn program(place: &Place, sensor: &str, name: &str) -> Option<std::path::PathBuf> {
    if able(sensor) { place.program(name) } else { None }
}

/// The makers of the process of `event`, from itself up to the artifact.
fn line<'r>(run: &'r Run, event: &'r Value) -> Vec<&'r str> {
    let maker: HashMap<&str, &str> = run
        .of("process.fork")
        .into_iter()
        .filter(|fork| fork["fork"]["thread"] == false && fork["outcome"]["result"] == "success")
        .map(|fork| (process(&fork["fork"]["child"]), process(&fork["process"]["id"])))
        .collect();
    let first = process(&event["process"]["id"]);
    std::iter::successors(Some(first), |id| maker.get(id).copied()).collect()
}

#[test]
fn an_exec_by_a_thread_is_its_processes_own_and_ends_the_others() {
    for sensor in SENSORS {
        let place = Place::new();
        let Some(file) = program(&place, sensor, "threads") else { continue };
        let run = place.act(sensor, "user", &file);
        let exec = run.one("process.exec", |_| true);
        assert_eq!(exec["exec"]["by_thread"], true, "{sensor}: {exec}");
        let (before, after) = (&run.start()["process"], &exec["process"]);
        assert_eq!(process(&before["id"]), process(&after["id"]), "{sensor}");
        assert_eq!(
            [before["id"].as_str().unwrap().ends_with("-1"), after["id"].as_str().unwrap().ends_with("-2")],
            [true, true],
            "{sensor}: {before} {after}"
        );
        assert_eq!(after["tid"], after["pid"], "{sensor}: the thread takes the number of the process");
        let threads = |kind: &str, field: &str| {
            run.of(kind)
                .iter()
                .filter(|e| e[field]["thread"] == true && e["outcome"]["result"] == "success")
                .count()
        };
        assert_eq!(threads("process.fork", "fork"), 10, "{sensor}");
        assert_eq!(threads("process.exit", "exit"), 10, "{sensor}");
        // what the threads did is theirs: eight numbers, each with twenty acts
        let mut acts: HashMap<u64, usize> = HashMap::new();
        for act in run.acts().filter(|e| e["file"]["path"].as_str().is_some_and(|p| p.contains("/thread-"))) {
            *acts.entry(act["process"]["tid"].as_u64().unwrap()).or_default() += 1;
        }
        assert_eq!(acts.into_values().collect::<Vec<_>>(), [20; 8], "{sensor}");
    }
}

#[test]
fn a_birth_by_clone3_is_told_and_its_end_with_its_code() {
    for sensor in SENSORS {
        let place = Place::new();
        let Some(file) = program(&place, sensor, "threads") else { continue };
        let run = place.act(sensor, "user", &file);
        let fork =
            run.one("process.fork", |e| e["fork"]["thread"] == false && e["outcome"]["result"] == "success");
        assert_eq!(fork["syscall"]["nr"].as_u64().unwrap_or(435), 435, "{sensor}: {fork}");
        let child = process(&fork["fork"]["child"]);
        let exit = run.one("process.exit", |e| process(&e["process"]["id"]) == child);
        assert_eq!(exit["exit"]["code"], 5, "{sensor}");
        let failed = run.one("process.fork", |e| e["outcome"]["result"] == "failure");
        assert_eq!(
            (&failed["outcome"]["errno"], &failed["fork"]["pid"]),
            (&"EINVAL".into(), &0.into()),
            "{sensor}"
        );
    }
}

#[test]
fn what_a_root_of_the_artifacts_own_holds_is_never_the_environments() {
    for sensor in SENSORS {
        for user in ["root", "user"] {
            let place = Place::new();
            let Some(file) = program(&place, sensor, "nested") else { continue };
            let run = place.act(sensor, user, &file);
            let shadow = run.one("file.create", |e| e["file"]["path"] == "/etc/shadow");
            let root = &shadow["file"]["path_root"];
            assert!(root["mount_namespace"].is_u64(), "{sensor}: {shadow}");
            let inner = run.one("file.create", |e| e["file"]["path"] == "/inner");
            assert_eq!(inner["file"]["path_root"]["root"], "/jail", "{sensor}: {inner}");
            let unshared = run.acts().position(|e| e["kind"] == "process.namespace").unwrap();
            for event in run.acts().skip(unshared + 1) {
                let path =
                    ["chdir", "chroot"].iter().map(|kind| &event[kind]["directory"]).find(|d| !d.is_null());
                let path = path.unwrap_or(&event["file"]);
                assert!(path.is_null() || path["path_root"].is_object(), "{sensor}, {user}: {event}");
            }
            let listed = place.detektr(&["events", "last", "--json", "--path", "/etc/shadow"]);
            assert!(listed.status.success());
        }
    }
}

#[test]
fn a_daemon_keeps_its_line_to_the_artifact() {
    for sensor in SENSORS {
        let place = Place::new();
        let Some(file) = program(&place, sensor, "forks") else { continue };
        let file = file.to_str().unwrap();
        let run = place.detonate(&["--sensor", sensor, file, "--", "16", "/tmp"]);
        let made = run.one("file.create", |e| e["file"]["path"] == "/tmp/daemon");
        let session = run.one("process.session", |_| true);
        let line = line(&run, made);
        assert_eq!(line.len(), 3, "{sensor}: {line:?}");
        assert_eq!(line[1], process(&session["process"]["id"]), "{sensor}");
        assert_eq!(line[2], process(&run.start()["process"]["id"]), "{sensor}");
        assert_eq!(made["process"]["actor"], "artifact", "{sensor}");
        let vfork = run.one("process.fork", |e| {
            e["fork"]["flags"].as_array().unwrap().iter().any(|flag| flag == "CLONE_VFORK")
        });
        let child = process(&vfork["fork"]["child"]);
        assert_eq!(run.one("process.exit", |e| process(&e["process"]["id"]) == child)["exit"]["code"], 15);
    }
}

/// Detonates `forks` with `count` short lives and holds each birth against its end.
fn short_lives(sensor: &str, count: u64, timeout: &str) {
    let place = Place::new();
    let Some(file) = program(&place, sensor, "forks") else { return };
    let (file, many) = (file.to_str().unwrap(), count.to_string());
    let args = ["--sensor", sensor, "--timeout", timeout, "--limit", "processes=4096"];
    let run = place.detonate(&[&args[..], &[file, "--", &many, "/tmp"]].concat());
    let mut codes: HashMap<&str, Option<u64>> = HashMap::new();
    for fork in run.of("process.fork") {
        let twice = codes.insert(process(&fork["fork"]["child"]), None);
        assert!(twice.is_none(), "{sensor}: born twice: {fork}");
    }
    // the daemon and its maker as well
    assert_eq!(codes.len() as u64, count + 2, "{sensor}");
    for exit in run.of("process.exit") {
        let id = process(&exit["process"]["id"]);
        if id == process(&run.start()["process"]["id"]) {
            continue;
        }
        let code = codes.get_mut(id).unwrap_or_else(|| panic!("{sensor}: ended unborn: {exit}"));
        assert!(code.is_none(), "{sensor}: ended twice: {exit}");
        *code = exit["exit"]["code"].as_u64();
    }
    let mut ends = vec![0; 256];
    for (id, code) in codes {
        ends[code.unwrap_or_else(|| panic!("{sensor}: {id} never ended")) as usize] += 1;
    }
    // the daemon and its maker end with 0
    ends[0] -= 2;
    let told = |code: u64| count / 256 + u64::from(code < count % 256);
    assert_eq!(ends, (0..256).map(told).collect::<Vec<_>>(), "{sensor}");
}

#[test]
fn twenty_thousand_short_lives_are_each_born_and_ended_once() {
    short_lives("ebpf", 20_000, "5m");
}

#[test]
fn two_thousand_short_lives_under_the_tracer_are_each_born_and_ended_once() {
    short_lives("ptrace", 2_000, "5m");
}

/// Numbers of processes come again in a namespace that the artifact made; identities don't.
#[test]
fn a_number_that_comes_again_is_another_process() {
    let source = r#"
#include "tell.h"
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
        return 1;
    pid_t first = fork();
    if (first == 0) {
        for (int i = 0; i < 3; i++) {
            pid_t wanted = 77;
            struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&wanted, .set_tid_size = 1};
            long child = syscall(SYS_clone3, &args, sizeof args);
            if (child == 0)
                _exit(getpid() == 77 ? 10 + i : 1);
            int status = 0;
            if (child != 77 || waitpid(child, &status, 0) != 77 || status != (10 + i) << 8)
                _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    waitpid(first, &status, 0);
    return status != 0;
}
"#;
    for sensor in SENSORS.into_iter().filter(|sensor| able(sensor)) {
        let place = Place::new();
        let Some(file) = place.compile("again", source, &[]) else { return };
        let run = again(&place, sensor, &file);
        let ends: Vec<&Value> =
            run.of("process.exit").into_iter().filter(|e| e["exit"]["code"].as_u64() >= Some(10)).collect();
        let codes: Vec<_> = ends.iter().map(|e| e["exit"]["code"].as_u64().unwrap()).collect();
        assert_eq!(codes, [10, 11, 12], "{sensor}");
        for (i, end) in ends.iter().enumerate() {
            let id = process(&end["process"]["id"]);
            assert!(ends[..i].iter().all(|other| process(&other["process"]["id"]) != id), "{sensor}: {end}");
            assert_eq!(line(&run, end).len(), 3, "{sensor}: {end}");
        }
    }
}

fn again(place: &Place, sensor: &str, file: &Path) -> Run {
    place.detonate(&["--sensor", sensor, "--user", "root", file.to_str().unwrap()])
}
