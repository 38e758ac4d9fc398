//! `runs`, `show`, `events`, `tree` on bundles that were made without running anything.

use crate::sample;
use crate::support::{Home, is_harmless, raw, story};
use serde_json::json;
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn events_with_json_are_the_events_of_the_bundle_one_a_line() {
    let home = Home::new();
    home.sealed("r1", story());
    let told = home.detektr(["events", "last", "--json"]).exits(0);
    let lines: Vec<serde_json::Value> =
        told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), story().len());
    assert_eq!(
        lines.iter().map(|e| e["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        (1..=10).collect::<Vec<_>>()
    );
    assert_eq!(lines[4]["kind"], "file.open");
    assert_eq!(lines[4]["outcome"], json!({"result": "failure", "errno": "EACCES"}));
    assert_eq!(lines[4]["file"]["path"], "/etc/shadow");
    // what an artifact made is told as it was, and can't break a line
    assert_eq!(lines[1]["file"]["path"], "/tmp/\u{1b}[2Jdropped");
}

#[test]
fn events_are_filtered_by_kind_process_path_and_outcome() {
    let home = Home::new();
    home.sealed("r1", story());
    let seqs = |args: &[&str]| -> Vec<u64> {
        let told = home.detektr([&["events", "r1", "--json"][..], args].concat()).exits(0);
        let seq =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64().unwrap();
        told.stdout.lines().map(seq).collect()
    };
    assert_eq!(seqs(&["--kind", "process.exec"]), [1, 4]);
    assert_eq!(seqs(&["--kind", "file"]), [2, 5, 8]);
    assert_eq!(seqs(&["--kind", "file", "--kind", "network"]), [2, 5, 7, 8]);
    assert_eq!(seqs(&["--process", "7"]), [8]);
    assert_eq!(seqs(&["--process", "cat"]), [4, 5, 6, 7]);
    assert_eq!(seqs(&["--process", "64-3-1", "--kind", "file"]), [5]);
    assert_eq!(seqs(&["--path", "/etc", "--kind", "file"]), [5, 8]);
    assert_eq!(seqs(&["--path", "/etc/sh*"]), [5]);
    assert_eq!(seqs(&["--outcome", "failure"]), [5, 7]);
    assert_eq!(seqs(&["--outcome", "ENETUNREACH"]), [7]);
    assert_eq!(seqs(&["--kind", "kernel"]), [0u64; 0]);
}

#[test]
fn nothing_that_an_artifact_named_reaches_the_terminal_as_it_is() {
    let home = Home::new();
    let mut events = story();
    let mut evil = sample::open(11, "/x", "/etc/x");
    evil.process.as_mut().unwrap().exe = raw(b"/tmp/\xff\x1b[5m\x9b31m\n");
    evil.outcome.errno = Some("E\x1b[0m".into());
    evil.outcome.result = detektr_event::OutcomeResult::Failure;
    events.push(evil);
    home.sealed("r1", events);
    for command in ["events", "tree", "show", "runs"] {
        let args = if command == "runs" { vec![command] } else { vec![command, "r1"] };
        let told = home.detektr(args).exits(0);
        assert!(!told.stdout.is_empty());
        assert!(is_harmless(&told.stdout), "{command}: {:?}", told.stdout);
    }
    let shown = home.detektr(["show", "r1"]).exits(0).stdout;
    assert!(shown.contains("hello \\x1b[31mred"), "{shown}");
}

#[test]
fn the_tree_tells_who_did_what() {
    let home = Home::new();
    home.sealed("r1", story());
    insta::assert_snapshot!("tree_of_the_story", home.detektr(["tree", "r1"]).exits(0).stdout);
    let document = home.detektr(["tree", "r1", "--json"]).exits(0).json();
    assert_eq!(document["run"], "r1");
    let processes = document["processes"].as_array().unwrap();
    let cat = processes.iter().find(|p| p["pid"] == 3).unwrap();
    assert_eq!(cat["parent"], "64-2");
    assert_eq!(cat["end"], json!({"code": 1}));
    assert_eq!(cat["programs"][0]["argv"], json!(["/usr/bin/cat", "/etc/shadow"]));
    assert_eq!(cat["network"], json!([{"what": "connect 192.0.2.1:443 (ENETUNREACH)", "count": 1}]));
    assert_eq!(
        cat["secrets"],
        json!([{"what": "/etc/shadow (EACCES)", "count": 1}, {"what": "bait ssh_key", "count": 1}])
    );
}

#[test]
fn show_and_runs_tell_the_run_as_a_whole() {
    let home = Home::new();
    assert_eq!(home.detektr(["runs", "--json"]).exits(0).json(), json!({"runs": []}));
    let bundle = home.sealed("r1", story());
    let shown = home.detektr(["show", "last", "--json"]).exits(0).json();
    assert_eq!(shown["run"], "r1");
    assert_eq!(shown["bundle"], json!(bundle));
    assert_eq!(shown["state"], "completed");
    assert_eq!(shown["exit"], json!({"code": 0}));
    assert_eq!(shown["complete"], true);
    assert_eq!(shown["events"], 10);
    assert_eq!(shown["manifest"]["format"], "detektr.bundle/1");
    let runs = home.detektr(["runs", "--json"]).exits(0).json();
    assert_eq!(
        runs["runs"][0],
        json!({"run": "r1", "bundle": bundle, "state": "completed", "complete": true,
            "started": "1970-01-01T00:00:00.000000000Z", "artifact": "sh -c", "exit": {"code": 0}, "events": 10})
    );
}

#[test]
fn a_run_that_was_never_sealed_can_be_read_and_is_told_apart() {
    let home = Home::new();
    let (writer, _) = home.begun("cut", story());
    let running = home.detektr(["runs", "--json"]).exits(0).json();
    assert_eq!(running["runs"][0]["state"], "running");
    home.detektr(["rm", "cut"]).exits(2);
    home.detektr(["rm", "--all", "--yes"]).exits(0);
    drop(writer);
    let runs = home.detektr(["runs", "--json"]).exits(0).json();
    assert_eq!(runs["runs"][0]["state"], "unfinished", "a running run was removed");
    let told = home.detektr(["events", "cut", "--json"]).exits(3);
    assert_eq!(told.stdout.lines().count(), 10);
    assert!(told.stderr.contains("never finished"), "{}", told.stderr);
    assert_eq!(home.detektr(["show", "cut", "--json"]).exits(3).json()["state"], "unfinished");
    home.detektr(["verify", "cut"]).exits(1);
    home.detektr(["rm", "cut"]).exits(0);
    assert_eq!(home.detektr(["runs", "--json"]).exits(0).json(), json!({"runs": []}));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let home = Home::new();
    home.sealed("r1", (1..20_000).map(|n| sample::open(n, "/bin/x", "/etc/hosts")).collect());
    let mut child = home
        .command()
        .args(["events", "r1", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 100];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_file_that_is_no_terminal_gets_no_colour() {
    let home = Home::new();
    home.sealed("r1", story());
    for args in [&["runs"][..], &["show", "r1"], &["tree", "r1"], &["events", "r1"], &["verify", "r1"]] {
        let told = home.detektr(args).exits(0);
        assert!(!told.stdout.contains('\u{1b}'), "{args:?}: {:?}", told.stdout);
        assert_eq!(told.stderr, "", "{args:?}");
    }
}
