//! What runs before a program: to its end, without the program's controls, and as a condition of it.

use crate::common::{Did, HELPER, plan, skipped_without_root, work};
use detektr_sandbox::controls::{Control, Egress, Measure};
use detektr_sandbox::{EndState, Environment, Program, RunAs, Shut, use_helper};
use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs `script` after `steps`, with `/var/tmp` read-only for it.
fn run(steps: &[&str], script: &str, user: RunAs, seconds: u64) -> Did {
    run_under(Measure::ReadOnly(vec!["/var/tmp".into()]), steps, script, user, seconds)
}

fn run_under(measure: Measure, steps: &[&str], script: &str, user: RunAs, seconds: u64) -> Did {
    use_helper(Path::new(HELPER));
    let folder = work();
    let mut plan = plan(folder.path(), user);
    plan.controls = vec![Control::new("shut", vec![measure])];
    let mut environment = Environment::create(&plan).expect("create");
    let mut out = tempfile::tempfile().expect("a file for output");
    let line = |script: &str| ["sh", "-c", script].map(Into::into).to_vec();
    let copy = || out.try_clone().expect("dup").into();
    let program = Program {
        argv: line(script),
        cwd: None,
        stdin: File::open("/dev/null").expect("null").into(),
        stdout: copy(),
        stderr: copy(),
        filter: None,
        shut: Shut::default(),
        monitors: Vec::new(),
        setup: steps.iter().map(|step| line(step)).collect(),
    };
    environment.launch(program).expect("launch");
    environment.release().expect("release");
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let ended = environment.wait(deadline, &mut || ControlFlow::Continue(()));
    environment.destroy().expect("destroy");
    let mut text = String::new();
    out.rewind().expect("rewind");
    out.read_to_string(&mut text).expect("read output");
    Did { ended, out: text }
}

#[test]
fn steps_run_in_order_before_the_program_and_without_its_controls() {
    if skipped_without_root() {
        return;
    }
    for user in [RunAs::Root, RunAs::User] {
        let steps = ["echo one >/var/tmp/x; sleep 300 & echo first", "echo two >>/var/tmp/x; echo second"];
        let did = run(&steps, "cat /var/tmp/x; echo no >/var/tmp/x || echo shut; pkill -x sleep", user, 60);
        let lines: Vec<&str> = did.out.lines().filter(|line| !line.contains("Read-only")).collect();
        assert_eq!(lines, ["first", "second", "one", "two", "shut"], "{user:?} {}", did.out);
        assert!(did.out.contains("Read-only"), "{}", did.out);
        assert!(matches!(did.ended.prepared, Some((None, _))), "{:?}", did.ended);
        // what a step left running is there when the program runs
        assert_eq!(did.ended.state, EndState::Completed);
    }
}

#[test]
fn rules_for_what_leaves_are_loaded_after_the_steps() {
    if skipped_without_root() {
        return;
    }
    if !Path::new("/usr/sbin/nft").exists() || !Path::new("/bin/bash").exists() {
        eprintln!("skipped: needs nftables and bash");
        return;
    }
    let text =
        "table inet t {\nchain o {\ntype filter hook output priority 0;\nudp dport 9 counter drop\n}\n}\n";
    let rules = || Measure::Egress(Egress::Nftables { file: "rules".into(), text: text.into() });
    let send = "bash -c 'echo x >/dev/udp/127.0.0.1/9' 2>/dev/null && echo sent || echo refused";
    for user in [RunAs::Root, RunAs::User] {
        let did = run_under(rules(), &[send], send, user, 60);
        assert_eq!(did.out, "sent\nrefused\n", "{user:?} {:?}", did.ended);
        let did = run_under(rules(), &[], send, user, 60);
        assert_eq!(did.out, "refused\n", "{user:?} {:?}", did.ended);
        let did = run_under(rules(), &["exit 1"], send, user, 60);
        assert!(matches!(did.ended.prepared, Some((Some(0), _))) && did.out.is_empty(), "{:?}", did.ended);
    }
}

#[test]
fn a_step_that_fails_ends_it_and_is_named() {
    if skipped_without_root() {
        return;
    }
    for failing in ["exit 3", "kill -9 $$", "exec /no/such/program"] {
        let did = run(&["true", failing, "echo third"], "echo ran", RunAs::User, 60);
        assert!(matches!(did.ended.prepared, Some((Some(1), _))), "{failing}: {:?}", did.ended);
        assert!(!did.out.contains("third") && !did.out.contains("ran"), "{failing}: {}", did.out);
    }
}

#[test]
fn a_step_that_does_not_end_leaves_nothing_prepared() {
    if skipped_without_root() {
        return;
    }
    let did = run(&["sleep 300"], "echo ran", RunAs::User, 1);
    assert_eq!((did.ended.state, did.ended.prepared), (EndState::Timeout, None));
    assert!(!did.out.contains("ran"), "{}", did.out);
}

#[test]
fn root_inside_sees_nothing_of_who_starts_the_steps() {
    if skipped_without_root() {
        return;
    }
    let step = "cat /proc/$PPID/environ && echo READ; head -c1 /proc/$PPID/mem && echo READ; ls /proc/$PPID/fd/ && echo READ; true";
    let did = run(&[step], "echo ran", RunAs::Root, 60);
    assert!(!did.out.contains("READ") && did.out.contains("ran"), "{}", did.out);
}
