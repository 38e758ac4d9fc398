//! Nothing is left after a run that ended in order: by itself, badly, at its timeout, by a signal to Detektr.

use crate::support::{Place, everyone, finish, spawn, until};
use std::process::Command;
use std::time::Duration;

#[test]
fn nothing_is_left_after_success_failure_crash_and_timeout() {
    for place in everyone().into_iter().map(Place::new) {
        for (words, state, code) in [
            (&["true"][..], "completed", 0),
            (&["false"], "completed", 0),
            (&["sh", "-c", "kill -SEGV $$"], "crashed", 3),
            (&["sh", "-c", "sleep 500 & sleep 600"], "timeout", 3),
        ] {
            let told = place.detonate(&[&["--timeout", "2s", "--"], words].concat()).exits(code);
            assert_eq!(told.json()["state"], state);
            place.is_clean(state);
        }
        assert_eq!(place.ids().len(), 4);
    }
}

/// Who gets a signal.
#[derive(Clone, Copy, PartialEq)]
enum To {
    /// Detektr alone.
    Detektr,
    /// Its whole process group, as from a terminal.
    Group,
    /// Detektr, and then its process group, as from coreutils' `timeout`.
    Both,
}

/// Sends `signal` while the artifact runs.
fn interrupted(place: &Place, signal: &str, to: To) {
    use std::os::unix::process::CommandExt as _;
    let words = ["--timeout", "100s", "--", "sh", "-c", "echo up; sleep 707 & sleep 708"];
    let child = spawn(place.detonation(&words).process_group(0));
    let running = || place.processes().iter().any(|process| process.words.starts_with("sleep 708"));
    assert!(until(Duration::from_secs(60), running), "{:?}", place.processes());
    let send = |target: String| {
        assert!(Command::new("kill").args(["-s", signal, "--", &target]).status().unwrap().success());
    };
    if to != To::Group {
        send(child.id().to_string());
    }
    if to != To::Detektr {
        send(format!("-{}", child.id()));
    }
    let told = finish(child).exits(3);
    let document = told.json();
    assert_eq!(document["state"], "killed", "{document}");
    assert!(told.took < Duration::from_secs(30), "{:?}", told.took);
    assert_eq!(Place::bundle_file(&document, "stdout"), "up\n");
    place.detektr(["verify", document["run"].as_str().unwrap()]).exits(0);
    place.is_clean(signal);
}

#[test]
fn ctrl_c_and_its_like_seal_what_was_seen_and_leave_nothing() {
    for place in everyone().into_iter().map(Place::new) {
        interrupted(&place, "INT", To::Group);
        interrupted(&place, "INT", To::Detektr);
        interrupted(&place, "TERM", To::Both);
        interrupted(&place, "HUP", To::Group);
    }
}
