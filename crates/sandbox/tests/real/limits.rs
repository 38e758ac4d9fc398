//! Limits, and programs that try to eat the host.

use crate::common::{launch_and_wait, plan, run, skipped_without_root, work};
use detektr_sandbox::{EndState, Environment, ExitStatus, Limit, RunAs};

/// Proves that the bound on processes holds before anything forks without end.
fn processes_are_bounded(environment: &mut Environment, bound: u64) {
    // Three times as many as allowed, and no more.
    let script = format!(
        "i=0; while [ $i -lt {} ]; do sleep 5 & i=$((i+1)); done; ls -d /proc/[0-9]* | wc -l",
        bound * 3
    );
    let did = launch_and_wait(environment, &["sh", "-c", &script], 30);
    let text = &did.out;
    let refused = text.contains("fork") || did.ended.refused_processes > 0;
    assert!(refused, "births were not refused: {:?} {text}", did.ended);
}

#[test]
fn a_fork_bomb_ends_in_a_state() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut plan = plan(folder.path(), RunAs::Root);
    plan.limits.processes = 50;
    let mut environment = Environment::create(&plan).expect("create");
    processes_are_bounded(&mut environment, 50);
    let did = launch_and_wait(&mut environment, &["sh", "-c", "b() { b | b & }; b; b"], 3);
    assert!(
        matches!(did.ended.state, EndState::Timeout | EndState::Completed),
        "{:?} {}",
        did.ended,
        did.out
    );
    environment.destroy().expect("destroy");
    assert!(crate::common::cgroups_of(&plan.run).is_empty());
}

#[test]
fn a_memory_hog_is_ended_at_the_limit() {
    if skipped_without_root() {
        return;
    }
    // One process, growing by itself: tail keeps a line that never ends.
    let did = run("tail -n 1 /dev/zero", RunAs::Root, |plan| plan.limits.memory = 64 << 20);
    assert_eq!(did.ended.state, EndState::LimitKilled(Limit::Memory));
}

#[test]
fn a_disk_filler_is_ended_at_the_limit() {
    if skipped_without_root() {
        return;
    }
    let script = "i=0; while :; do head -c 4194304 /dev/zero > /var/tmp/f$i; i=$((i+1)); done";
    let did = run(script, RunAs::Root, |plan| plan.limits.disk = 32 << 20);
    assert_eq!(did.ended.state, EndState::LimitKilled(Limit::Disk));
}

#[test]
fn one_file_grows_no_larger_than_allowed() {
    if skipped_without_root() {
        return;
    }
    let script = "head -c 3000000 /dev/zero > /tmp/f; echo $?; stat -c %s /tmp/f";
    let did = run(script, RunAs::Root, |plan| plan.limits.file_size = 1 << 20);
    assert!(did.out.ends_with("153\n1048576\n"), "{}", did.out);
}

#[test]
fn killing_everything_in_sight_kills_nothing_outside() {
    if skipped_without_root() {
        return;
    }
    let outside = std::process::Command::new("sleep").arg("60").spawn();
    let mut outside = outside.expect("a process outside");
    let did = run("sleep 50 & kill -9 -1; kill -9 1; sh -c 'kill -9 -1'; echo alive", RunAs::Root, |_| {});
    assert_eq!(did.ended.state, EndState::Completed);
    assert!(outside.try_wait().expect("look").is_none(), "the process outside is gone");
    outside.kill().expect("end it");
    outside.wait().expect("reap it");
}

#[test]
fn what_never_ends_is_ended_at_the_deadline() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut environment = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
    let did = launch_and_wait(&mut environment, &["sleep", "1000"], 1);
    assert_eq!(
        (did.ended.state, did.ended.exit),
        (EndState::Timeout, Some(ExitStatus::Signal(libc::SIGKILL)))
    );
    environment.destroy().expect("destroy");
}

#[test]
fn a_program_that_is_not_there_gives_its_errno() {
    if skipped_without_root() {
        return;
    }
    for (argv, errno) in [("/no/such", 2), ("no-such-program", 2), ("/etc/passwd", 13), ("/etc", 13)] {
        let folder = work();
        let mut environment = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
        let did = launch_and_wait(&mut environment, &[argv], 10);
        assert_eq!(did.ended.exec_error.map(|e| e.0), Some(errno), "{argv}");
        assert_eq!(did.ended.exit, Some(ExitStatus::Code(127)));
        environment.destroy().expect("destroy");
    }
}

#[test]
fn the_run_lasts_until_the_last_daemon_is_gone_and_every_process_is_accounted_for() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut environment = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
    let script = "(setsid sh -c 'sleep 0.4; echo late' &) ; echo early";
    let did = launch_and_wait(&mut environment, &["sh", "-c", script], 20);
    assert_eq!(did.ended.state, EndState::Completed);
    assert_eq!(did.out, "early\nlate\n");
    let records = environment.acct_records().expect("accounting");
    let mut pids: Vec<u32> = records.iter().map(|r| r.pid).collect();
    pids.sort_unstable();
    let last = did.ended.last_pid.expect("last pid");
    assert_eq!(pids, (2..=last).collect::<Vec<u32>>(), "{records:?}");
    assert!(records.iter().any(|r| r.comm == b"sleep" && r.exit == 0));
    environment.destroy().expect("destroy");
}
