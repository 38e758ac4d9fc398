//! `detonate` for real: environments are made, artifacts run, bundles sealed.

use crate::support::{Home, Told, flip, is_harmless};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// Whether this host can run detonations at all; says so where it can't.
fn able() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        eprintln!("skipped: these tests run as root");
    }
    root
}

/// Detonates with `args` and `--json`; the document.
fn detonated(home: &Home, args: &[&str], code: i32) -> Value {
    let told = home.detektr([&["detonate", "--json"][..], args].concat()).exits(code);
    let document = told.json();
    assert_document(&document);
    document
}

/// The least content of the document, in the types that the contract names.
fn assert_document(document: &Value) {
    for (field, right) in [
        ("run", document["run"].is_string()),
        ("bundle", document["bundle"].is_string()),
        ("state", document["state"].is_string()),
        ("exit", document["exit"].is_object() || document["exit"].is_null()),
        ("complete", document["complete"].is_boolean()),
        ("incomplete", document["incomplete"].is_array()),
        ("events", document["events"].is_u64()),
        ("behaviours", document["behaviours"].is_array()),
    ] {
        assert!(right, "{field}: {document}");
    }
}

fn events(home: &Home, args: &[&str]) -> Vec<Value> {
    let told = home.detektr([&["events", "last", "--json"][..], args].concat()).exits(0);
    told.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_program_that_does_nothing_completes_with_whole_evidence() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(&home, &["/bin/true"], 0);
    assert_eq!(document["state"], "completed");
    assert_eq!(document["exit"], json!({"code": 0}));
    assert_eq!(document["incomplete"], json!([]));
    let execs = events(&home, &["--kind", "process.exec", "--outcome", "success"]);
    assert_eq!(execs.len(), 1, "{execs:?}");
    assert_eq!(home.detektr(["verify", "last", "--json"]).exits(0).json()["run"], document["run"]);
    assert_eq!(home.detektr(["runs", "--json"]).exits(0).json()["runs"][0]["run"], document["run"]);
}

#[test]
fn the_exit_code_of_the_artifact_is_told_and_is_not_that_of_detektr() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(&home, &["--", "sh", "-c", "exit 7"], 0);
    assert_eq!(document["exit"], json!({"code": 7}));
    assert_eq!(document["state"], "completed");
}

#[test]
fn both_sensors_see_a_shell_drop_run_and_read() {
    if !able() {
        return;
    }
    let script = "echo x > /tmp/dropped; cat /tmp/dropped; rm /tmp/dropped; cat /etc/shadow; true";
    for sensor in ["auto", "ptrace"] {
        let home = Home::new();
        let document = detonated(&home, &["--sensor", sensor, "--", "sh", "-c", script], 0);
        assert_eq!(document["exit"], json!({"code": 0}), "{sensor}");
        assert_eq!(events(&home, &["--kind", "file.create", "--path", "/tmp/dropped"]).len(), 1, "{sensor}");
        assert_eq!(events(&home, &["--kind", "file.unlink", "--path", "/tmp/dropped"]).len(), 1, "{sensor}");
        let shadow = events(&home, &["--kind", "file.open", "--path", "/etc/shadow"]);
        assert_eq!(shadow.len(), 1, "{sensor}: {shadow:?}");
        assert_eq!(shadow[0]["outcome"]["result"], "failure", "{sensor}");
        let tree = home.detektr(["tree", "last"]).exits(0).stdout;
        assert!(tree.contains("/tmp/dropped") && tree.contains("secrets /etc/shadow"), "{tree}");
    }
}

#[test]
fn people_get_the_tree_the_state_and_the_place_of_the_bundle() {
    if !able() {
        return;
    }
    let home = Home::new();
    let told = home.detektr(["detonate", "--", "sh", "-c", "ls /; printf '\\033[2J'; exit 3"]).exits(0);
    assert!(is_harmless(&told.stdout), "{:?}", told.stdout);
    for part in ["(pid ", "state     completed, exit code 3", "evidence  complete", "stdout", "bundle    "] {
        assert!(told.stdout.contains(part), "{part} is missing in:\n{}", told.stdout);
    }
    assert!(told.stdout.lines().any(|line| line.contains("└─") && line.contains("ls /")), "{}", told.stdout);
}

#[test]
fn files_and_scripts_of_every_kind_run() {
    if !able() {
        return;
    }
    let home = Home::new();
    for (name, content) in [("line", &b"#!/bin/sh\necho ran-$1\n"[..]), ("bare.sh", b"echo ran-$1\n")] {
        let path = home.file(name, content);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = path.to_str().unwrap();
        let document = detonated(&home, &[path, "--", "x"], 0);
        let bundle = document["bundle"].as_str().unwrap();
        assert_eq!(std::fs::read_to_string(format!("{bundle}/stdout")).unwrap(), "ran-x\n", "{name}");
    }
}

#[test]
fn a_file_without_the_execute_bit_runs_and_a_note_says_so() {
    if !able() {
        return;
    }
    let home = Home::new();
    let path = home.file("plain", b"#!/bin/sh\nexit 5\n");
    let told = home.detektr(["detonate", "--json", path.to_str().unwrap()]).exits(0);
    assert_eq!(told.json()["exit"], json!({"code": 5}));
    assert!(told.stderr.contains("not marked executable"), "{}", told.stderr);
}

#[test]
fn stdin_is_empty_but_for_what_is_given() {
    if !able() {
        return;
    }
    let home = Home::new();
    let stdout = |document: &Value| {
        std::fs::read_to_string(format!("{}/stdout", document["bundle"].as_str().unwrap())).unwrap()
    };
    assert_eq!(stdout(&detonated(&home, &["--", "cat"], 0)), "");
    let input = home.file("input", b"given\n");
    assert_eq!(stdout(&detonated(&home, &["--stdin", input.to_str().unwrap(), "--", "cat"], 0)), "given\n");
}

#[test]
fn an_artifact_that_never_ends_is_ended_and_the_code_says_so() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(&home, &["--timeout", "1s", "--", "sleep", "100"], 3);
    assert_eq!(document["state"], "timeout");
    home.detektr(["verify", "last"]).exits(0);
}

#[test]
fn an_artifact_that_crashes_is_told_with_its_signal() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(&home, &["--", "sh", "-c", "kill -SEGV $$"], 3);
    assert_eq!(document["state"], "crashed");
    assert_eq!(document["exit"], json!({"signal": "SIGSEGV"}));
}

#[test]
fn an_interrupted_run_ends_as_killed_with_a_sealed_bundle() {
    if !able() {
        return;
    }
    let home = Home::new();
    let mut child = home
        .command()
        .args(["detonate", "--json", "--timeout", "60s", "--", "sleep", "50"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_events(&home);
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    while stdout.read_line(&mut line).unwrap() > 0 {}
    let code = child.wait().unwrap().code().expect("the binary was not killed");
    let told = Told { code, stdout: line, stderr: String::new() }.exits(3);
    let document = told.json();
    assert_eq!(document["state"], "killed");
    home.detektr(["verify", "last"]).exits(0);
    assert!(left_in(&home).is_empty(), "{:?}", left_in(&home));
}

/// Until the artifact's exec stands in the bundle that is being written.
fn wait_for_events(home: &Home) {
    let begin = std::time::Instant::now();
    loop {
        let begun =
            std::fs::read_dir(home.data().join("runs")).into_iter().flatten().flatten().any(|entry| {
                // the stream is flushed as it grows: more than its header means that events arrived
                std::fs::metadata(entry.path().join("events.ndjson.zst")).is_ok_and(|m| m.len() > 100)
            });
        if begun {
            return;
        }
        assert!(begin.elapsed().as_secs() < 20, "nothing was recorded within 20 s");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// What is left in the folder of work in progress.
fn left_in(home: &Home) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(home.data().join("work")).into_iter().flatten().flatten().map(|e| e.path()).collect()
}

#[test]
fn a_real_bundle_is_exported_verified_and_found_out_when_a_bit_flips() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(&home, &["--", "sh", "-c", "echo hi > /tmp/a; echo out; echo err >&2"], 0);
    let run = document["run"].as_str().unwrap();
    home.detektr(["export", "last", "x.tar.zst"]).exits(0);
    let archive = home.path("x.tar.zst");
    home.detektr(["verify".as_ref(), archive.as_os_str()]).exits(0);
    flip(&archive);
    home.detektr(["verify".as_ref(), archive.as_os_str()]).exits(1);
    flip(&std::path::Path::new(document["bundle"].as_str().unwrap()).join("events.ndjson.zst"));
    home.detektr(["verify", run]).exits(1);
    home.detektr(["rm", run]).exits(0);
    home.detektr(["show", run]).exits(2);
}

#[test]
fn limits_variables_and_names_reach_the_environment() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = detonated(
        &home,
        &[
            "--setenv",
            "COLOUR=a b",
            "--hostname",
            "web-7",
            "--limit",
            "output=1KiB",
            "--",
            "sh",
            "-c",
            "hostname; echo $COLOUR >&2",
        ],
        0,
    );
    let read = |name: &str| {
        std::fs::read_to_string(format!("{}/{name}", document["bundle"].as_str().unwrap())).unwrap()
    };
    assert_eq!(read("stdout"), "web-7\n");
    assert_eq!(read("stderr"), "a b\n");
}

#[test]
fn a_profile_sets_the_environment_and_options_go_before_it() {
    if !able() {
        return;
    }
    let home = Home::new();
    let profile = home.file("p.yaml", b"detektr: 1\nhostname: from-profile\nuser: root\ntimeout: 30s\n");
    let stdout = |args: &[&str]| {
        let document = detonated(&home, &[&["--env", profile.to_str().unwrap()], args].concat(), 0);
        std::fs::read_to_string(format!("{}/stdout", document["bundle"].as_str().unwrap())).unwrap()
    };
    assert_eq!(stdout(&["--", "sh", "-c", "hostname; id -u"]), "from-profile\n0\n");
    assert_eq!(stdout(&["--hostname", "mine", "--", "hostname"]), "mine\n");
}

#[test]
fn nothing_is_left_of_a_run_but_its_bundle() {
    if !able() {
        return;
    }
    let home = Home::new();
    detonated(&home, &["/bin/true"], 0);
    assert!(left_in(&home).is_empty(), "{:?}", left_in(&home));
}

#[test]
fn the_doctor_tries_each_sensor_and_says_whether_detonations_can_run() {
    if !able() {
        return;
    }
    let home = Home::new();
    let document = home.detektr(["doctor", "--json"]).exits(0).json();
    assert_eq!(document["ready"], true);
    let checks = document["checks"].as_array().unwrap();
    for name in ["data folder", "sensor ebpf", "sensor ptrace"] {
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        assert!(check["ok"].is_boolean() && check["detail"].is_string(), "{check}");
    }
    for check in checks.iter().filter(|check| check["ok"] == false) {
        assert!(check["lost"].is_string() && check["remedy"].is_string(), "{check}");
    }
}
