//! Nothing stays: after success, after SIGKILL of the supervisor, after both it and the reaper were killed.

use crate::common::{
    HELPER, cgroups_of, launch_and_wait, plan, processes_with, run_id, skipped_without_root, until, work,
};
use detektr_sandbox::{EndState, Environment, Layer, RunAs, sweep};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The helper, as a supervisor whose artifact says `up` and then stays.
fn supervisor(run: &str, folder: &Path) -> Child {
    let script = format!("echo up; exec -a {run} sleep 300");
    let mut child = Command::new(HELPER)
        .args([run, &folder.to_string_lossy(), "root", "bash", "-c", &script])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start the helper");
    let mut word = [0u8; 3];
    child.stdout.as_mut().expect("piped").read_exact(&mut word).expect("the artifact runs");
    assert_eq!(&word, b"up\n");
    child
}

#[test]
fn nothing_is_left_two_seconds_after_the_supervisor_was_killed() {
    if skipped_without_root() {
        return;
    }
    let (folder, run) = (work(), run_id("killed"));
    let mut child = supervisor(&run, folder.path());
    assert!(until(5, || processes_with(&run).len() >= 2), "the artifact is not seen");
    assert!(!cgroups_of(&run).is_empty());
    child.kill().expect("kill the supervisor");
    child.wait().expect("reap it");
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("mountinfo").contains(&run);
    let gone = || {
        processes_with(&run).is_empty()
            && cgroups_of(&run).is_empty()
            && !folder.path().join(&run).exists()
            && !mounts()
    };
    assert!(until(2, gone), "{:?} {:?}", processes_with(&run), cgroups_of(&run));
}

#[test]
fn a_sweep_removes_what_both_supervisor_and_reaper_left_and_nothing_of_a_living_run() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut alive = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
    let dead = folder.path().join("dead-run");
    fs::create_dir_all(dead.join("upper/0/deep")).expect("mkdir");
    std::os::unix::fs::symlink("/etc", dead.join("upper/0/link")).expect("symlink");
    fs::write(dead.join("lock"), "").expect("lock");
    assert_eq!(sweep(folder.path()), ["dead-run"]);
    assert!(!dead.exists() && Path::new("/etc/passwd").exists());
    assert_eq!(launch_and_wait(&mut alive, &["true"], 10).ended.state, EndState::Completed);
    alive.destroy().expect("destroy");
}

#[test]
fn two_environments_at_once_do_not_see_each_other() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut environments: Vec<Environment> =
        (0..2).map(|_| Environment::create(&plan(folder.path(), RunAs::Root)).expect("create")).collect();
    let bases: Vec<_> = environments.iter().map(|e| e.description().id_base).collect();
    assert_ne!(bases[0], bases[1]);
    let outs: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = environments
            .iter_mut()
            .map(|e| {
                let script = "echo x > /tmp/mark; sleep 0.3; ls /tmp; echo /proc/[0-9]*";
                scope.spawn(move || launch_and_wait(e, &["sh", "-c", script], 20).out)
            })
            .collect();
        runs.into_iter().map(|r| r.join().expect("thread")).collect()
    });
    assert_eq!(outs[0], outs[1]);
    assert!(outs[0].starts_with("mark\n"), "{outs:?}");
    for environment in environments {
        environment.destroy().expect("destroy");
    }
}

#[test]
fn what_was_written_stands_in_the_layers_and_what_was_placed_does_not() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut environment = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
    environment
        .place(Path::new("/tmp/given"), &mut &b"#!/bin/sh\necho placed > /root/new\n"[..], 0o755)
        .expect("place");
    let did = launch_and_wait(&mut environment, &["/tmp/given"], 10);
    assert_eq!(did.ended.state, EndState::Completed, "{}", did.out);
    environment.place(Path::new("/srv/later"), &mut &b"later"[..], 0o644).expect("place later");
    let again = launch_and_wait(&mut environment, &["cat", "/srv/later", "/root/new"], 10);
    assert_eq!(again.out, "laterplaced\n");
    let layers: Vec<Layer> = environment.layers();
    let root = &layers[0];
    assert_eq!(root.mount_point, Path::new("/"));
    assert_eq!(fs::read_to_string(root.upper.join("root/new")).expect("written"), "placed\n");
    assert!(!root.upper.join("tmp/given").exists() && root.lowers[0].join("tmp/given").exists());
    environment.destroy().expect("destroy");
}

#[test]
fn nothing_is_placed_outside() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let outside = folder.path().join("outside");
    let upwards = Path::new("/").join("../".repeat(16)).join(outside.strip_prefix("/").expect("absolute"));
    let mut environment = Environment::create(&plan(folder.path(), RunAs::Root)).expect("create");
    environment.place(&upwards, &mut &b"x"[..], 0o644).expect_err("a path that leads upwards");
    let did = launch_and_wait(&mut environment, &["true"], 10);
    assert_eq!(did.ended.state, EndState::Completed, "{}", did.out);
    // once it is mounted, its own root is as far as one gets
    let _ = environment.place(&upwards, &mut &b"x"[..], 0o644);
    assert!(!outside.exists());
    environment.destroy().expect("destroy");
}
