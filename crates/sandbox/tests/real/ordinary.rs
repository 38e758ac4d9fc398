//! Environments made by an ordinary user: the helper run as nobody.

use crate::common::{HELPER, run_id, skipped_without_root, work};
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

/// Runs a script as an ordinary user of the host; its output, then that of the helper.
fn ordinary(user: &str, script: &str) -> (String, String) {
    let folder = work();
    chown(folder.path(), Some(65_534), Some(65_534)).expect("chown");
    let helper = folder.path().join("helper");
    std::fs::copy(HELPER, &helper).expect("copy the helper where nobody may run it");
    std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).expect("mode");
    let output = Command::new("setpriv")
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&helper)
        .args([&run_id("ordinary"), &folder.path().join("runs").to_string_lossy().into_owned()])
        .args([user, "sh", "-c", script])
        .output()
        .expect("setpriv");
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
        "id -u; touch /etc/new /usr/local/bin/new /root/new /tmp/new && echo written; echo x >> /etc/services && echo changed; \
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
