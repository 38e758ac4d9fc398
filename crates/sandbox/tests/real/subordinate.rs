//! Environments of an ordinary user to whom `/etc/subuid` and `/etc/subgid` give ids: the helper run as nobody, in a
//! mount namespace where those files say what a test wants. The host's own stay as they are.

use crate::common::{HELPER, processes_with, run_id, until, work};
use std::io::Read;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, Stdio};

/// First of the ids given, above all that a host uses.
const FIRST: u32 = 2_000_000_000;

/// True where a test can't run; says so.
fn skipped() -> bool {
    let tools = Path::new("/usr/bin/newuidmap").exists() && Path::new("/usr/bin/newgidmap").exists();
    if !rustix::process::geteuid().is_root() || !tools {
        eprintln!("skipped: needs root, and newuidmap (apt install uidmap)");
        return true;
    }
    false
}

/// The helper's command line as nobody, to whom `line` gives ids.
fn command(folder: &Path, run: &str, line: &str, user: &str, script: &str) -> Command {
    let helper = folder.join("helper");
    let copied = Command::new("install").args(["-m", "755", HELPER]).arg(&helper).status().expect("install");
    assert!(copied.success());
    let ranges = folder.join("ranges");
    std::fs::write(&ranges, line).expect("write");
    chown(folder, Some(65_534), Some(65_534)).expect("chown");
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec"]);
    command.arg(
        "mount --bind \"$1\" /etc/subuid; mount --bind \"$1\" /etc/subgid; shift
         mount -t tmpfs opt /opt; echo everyones > /opt/open; echo the callers > /opt/own
         chmod 600 /opt/own; chown 65534:65534 /opt/own
         exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"",
    );
    command.arg("sh").arg(&ranges).arg(&helper).arg(run).arg(folder.join("runs"));
    command.args([user, "bash", "-c", script]).env("HELPER_SECONDS", "300");
    command
}

/// Runs a script; its output, then that of the helper.
fn run(line: &str, user: &str, script: &str) -> (String, String) {
    let folder = work();
    let output =
        command(folder.path(), &run_id("subordinate"), line, user, script).output().expect("unshare");
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    let left: Vec<_> = std::fs::read_dir(folder.path().join("runs")).expect("list").collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    (text(&output.stdout), text(&output.stderr))
}

fn given() -> String {
    format!("nobody:{FIRST}:65536\n")
}

#[test]
fn root_of_the_environment_can_be_others_and_give_files_away() {
    if skipped() {
        return;
    }
    let (out, err) = run(
        &given(),
        "root",
        "id -u; touch /tmp/x; chown 1234:99 /tmp/x; stat -c %u:%g /tmp/x; \
         su -s /bin/sh daemon -c 'id -u; id -g'; \
         stat -c '%u %a' /usr/bin/su; cp /usr/bin/id /tmp/sid; chmod 4755 /tmp/sid; \
         setpriv --reuid 1000 --clear-groups /tmp/sid -u; echo x >> /etc/debian_version && echo changed; \
         mkdir -m 700 /tmp/a && chown 77 /tmp/a && touch /tmp/a/b && echo inside",
    );
    assert_eq!(out, "0\n1234:99\n1\n1\n0 4755\n0\nchanged\ninside\n", "{err}");
    assert!(err.contains("Completed"), "{err}");
}

#[test]
fn the_runs_user_is_not_root() {
    if skipped() {
        return;
    }
    let (out, err) = run(
        &given(),
        "user",
        "id -u; cat /etc/shadow; touch /etc/x; touch ~/x && stat -c %u ~/x; stat -c %u /etc /root; \
         kill -9 1; cat /proc/1/environ && echo READ",
    );
    assert_eq!(out, "1000\n1000\n0\n0\n", "{err}");
}

#[test]
fn what_only_the_caller_may_read_is_not_read_inside() {
    if skipped() {
        return;
    }
    let script = "cat /opt/open /opt/own";
    let (out, err) = run(&given(), "root", script);
    assert_eq!(out, "everyones\n", "{err}");
    assert!(err.contains("/opt/own: Permission denied"), "{err}");
    let (out, _) = run("", "root", script);
    assert_eq!(out, "everyones\nthe callers\n", "with the caller's own id nothing keeps them apart");
}

#[test]
fn every_id_inside_is_one_of_the_range_and_none_the_callers_or_roots() {
    if skipped() {
        return;
    }
    let (folder, id) = (work(), run_id("ids"));
    let script = format!("touch /tmp/made; echo up; exec -a {id} sleep 300");
    let mut child = command(folder.path(), &id, &given(), "root", &script)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("start");
    let mut word = [0u8; 3];
    child.stdout.as_mut().expect("piped").read_exact(&mut word).expect("the artifact runs");
    let artifact = || {
        processes_with(&id).into_iter().find(|pid| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "sleep")
        })
    };
    assert!(until(5, || artifact().is_some()));
    let pid = artifact().expect("it was there");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    for kind in ["Uid:", "Gid:"] {
        let line = status.lines().find_map(|line| line.strip_prefix(kind)).expect("ids");
        assert!(line.split_whitespace().all(|id| id == FIRST.to_string()), "{kind} {line}");
    }
    let map = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).expect("map");
    assert!(map.split_whitespace().eq(["0", &FIRST.to_string(), "65536"]), "{map}");
    // A run that was killed leaves files of ids that are not the caller's; they go too.
    child.kill().expect("kill the supervisor");
    child.wait().expect("reap it");
    assert!(until(2, || processes_with(&id).is_empty()), "{:?}", processes_with(&id));
    assert!(until(20, || !folder.path().join("runs").join(&id).exists()));
}

#[test]
fn a_range_that_can_not_be_used_leaves_the_callers_own_id() {
    if skipped() {
        return;
    }
    for line in ["nobody:0:65536\n", "nobody:2000000000:1000\n", "somebody:2000000000:65536\n", ""] {
        let (out, err) =
            run(line, "root", "id -u; touch /tmp/x; chown 1234 /tmp/x 2>/dev/null || echo refused");
        assert_eq!(out, "0\nrefused\n", "{line}: {err}");
    }
}
