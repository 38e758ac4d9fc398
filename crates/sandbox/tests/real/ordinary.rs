//! Environments made by an ordinary user: the helper run as nobody.

use crate::common::{HELPER, processes_with, run_id, skipped_without_root, until, work};
use std::io::Read;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

/// The helper's command line as an ordinary user of the host.
fn command(folder: &Path, run: &str, user: &str, script: &str) -> Command {
    chown(folder, Some(65_534), Some(65_534)).expect("chown");
    let helper = folder.join("helper");
    // Copied where nobody may run it, by another process: a child that another test starts meanwhile would hold our
    // own descriptor of the copy for a moment, and a file that is open for writing can't be executed.
    let copied = Command::new("install").args(["-m", "755", HELPER]).arg(&helper).status().expect("install");
    assert!(copied.success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&helper);
    command.arg(run).arg(folder.join("runs")).args([user, "bash", "-c", script]);
    command.env("HELPER_PROCESSES", "60").env("HELPER_SECONDS", "300");
    command
}

/// Runs a script as an ordinary user of the host; its output, then that of the helper.
fn ordinary(user: &str, script: &str) -> (String, String) {
    let folder = work();
    let output = command(folder.path(), &run_id("ordinary"), user, script).output().expect("setpriv");
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let left: Vec<_> = std::fs::read_dir(folder.path().join("runs")).expect("list").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_ordinary_user_gets_an_environment_with_a_root_of_its_own() {
    if skipped_without_root() {
        return;
    }
    let (out, err) = ordinary(
        "root",
        "id -u; touch /etc/new /usr/local/bin/new /root/new /tmp/new && echo written; echo x >> /etc/debian_version && echo changed; \
         ls -A /home | wc -l; mount -t tmpfs x /mnt && echo mounted; exit 3",
    );
    assert_eq!(out, "0\nwritten\nchanged\n1\nmounted\n", "{err}");
    assert!(err.contains("Completed Some(Code(3))"), "{err}");
}

#[test]
fn an_ordinary_user_runs_the_artifact_as_the_runs_user() {
    if skipped_without_root() {
        return;
    }
    let (out, err) =
        ordinary("user", "id -u; touch ~/x && echo mine; ls /work /farm; cat /proc/1/environ && echo READ");
    assert_eq!(out, "1000\nmine\n", "{err}");
}

#[test]
fn an_ordinary_users_environment_has_a_network_device_too() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let script = "echo -n four > /dev/udp/203.0.113.9/7777; cat /proc/net/dev";
    let mut command = command(folder.path(), &run_id("device"), "user", script);
    let output = command.env("HELPER_NETWORK", "1").output().expect("setpriv");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(String::from_utf8_lossy(&output.stdout).contains("eth0"), "{err}");
    let sent: String = b"four".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(err.lines().any(|line| line.contains("080045") && line.ends_with(&sent)), "{err}");
}

/// Mounts as containers have them: a folder that is seen, one that is not, and a file.
const MOUNTS: &str = "mount -t tmpfs x /usr/games; echo played > /usr/games/score; mount -t tmpfs y /var/log; \
                      echo secret > /var/log/own; echo 192.0.2.1 theirs > /var/log/hosts; \
                      if [ -e /etc/hosts ]; then mount --bind /var/log/hosts /etc/hosts; fi";
const LOOK: &str = "cat /usr/games/score; ls /var/log/own; id -un; test -e /usr/bin/env && test -e /usr/share/misc && echo usr; \
                    test -e /etc/os-release && grep -c 192.0.2.1 /etc/hosts; touch /usr/games/new /etc/new && echo written; \
                    test -s /var/lib/dpkg/status && echo var";
const SEEN: &str = "played\nroot\nusr\n0\nwritten\nvar\n";

/// Makes [`MOUNTS`] in a mount namespace of its own, then runs `inner` there.
fn among_mounts(inner: &Command) -> (String, String) {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", &format!("{MOUNTS}; exec \"$@\""), "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    let output = command.env("HELPER_SECONDS", "300").output().expect("unshare");
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn folders_with_mounts_below_them_are_seen_by_ordinary_users_too() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let (out, err) = among_mounts(&command(folder.path(), &run_id("mounts"), "root", LOOK));
    assert_eq!(out, SEEN, "{err}");
    assert!(err.contains("Completed"), "{err}");
}

#[test]
fn folders_with_mounts_below_them_are_seen_by_root() {
    if skipped_without_root() {
        return;
    }
    let folder = work();
    let mut inner = Command::new(HELPER);
    inner.arg(run_id("mounts-root")).arg(folder.path().join("runs")).args(["root", "bash", "-c", LOOK]);
    let (out, err) = among_mounts(&inner);
    assert_eq!(out, SEEN, "{err}");
    assert!(err.contains("Completed"), "{err}");
}

#[test]
fn init_is_out_of_reach_although_it_has_the_same_owner() {
    if skipped_without_root() {
        return;
    }
    let (out, err) = ordinary(
        "root",
        "kill -9 1; kill -STOP 1; head -c1 /proc/1/mem && echo READ; readlink /proc/1/fd/5 && echo READ; cat /proc/1/environ && echo READ; ls /proc/1/root/ && echo READ; kill -9 -1",
    );
    assert!(!out.contains("READ"), "{out}");
    assert!(err.contains("Completed"), "{err}");
}

#[test]
fn a_memory_hog_of_an_ordinary_user_is_watched_and_ended() {
    if skipped_without_root() {
        return;
    }
    let (_, err) = ordinary("root", "tail -n 1 /dev/zero");
    assert!(err.contains("LimitKilled(Memory)"), "{err}");
}

#[test]
fn a_fork_bomb_of_an_ordinary_user_is_bounded() {
    if skipped_without_root() {
        return;
    }
    // First that births are refused past the bound; only then one that never stops by itself.
    let (_, err) = ordinary("root", "for i in $(seq 200); do sleep 3 & done");
    assert!(err.contains("fork"), "births were not refused: {err}");
    let (_, err) = ordinary("root", "b() { b | b & }; b; sleep 1; kill -9 -1");
    assert!(err.contains("ended: Completed") || err.contains("ended: Timeout"), "{err}");
}

#[test]
fn nothing_of_an_ordinary_users_run_is_left_after_its_supervisor_was_killed() {
    if skipped_without_root() {
        return;
    }
    let (folder, run) = (work(), run_id("killed-user"));
    let script = format!("echo up; exec -a {run} sleep 300");
    let mut child = command(folder.path(), &run, "root", &script)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start");
    let mut word = [0u8; 3];
    child.stdout.as_mut().expect("piped").read_exact(&mut word).expect("the artifact runs");
    assert!(until(5, || processes_with(&run).len() >= 2));
    child.kill().expect("kill the supervisor");
    child.wait().expect("reap it");
    assert!(until(2, || processes_with(&run).is_empty()), "{:?}", processes_with(&run));
    // A thousand small files in the data folder: gone soon, however busy the machine is.
    assert!(until(20, || !folder.path().join("runs").join(&run).exists()));
}
