//! The walls, tried from inside as root of the environment, against canaries that the tests put on the host.

use crate::common::{as_root, run, skipped_without_root};
use detektr_sandbox::{EndState, ExitStatus, RunAs};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_program_runs_as_root_of_the_environment_and_its_exit_is_told() {
    if skipped_without_root() {
        return;
    }
    let did = as_root("id -u; ls /; exit 7");
    assert_eq!(did.ended.state, EndState::Completed);
    assert_eq!(did.ended.exit, Some(ExitStatus::Code(7)));
    assert!(did.out.starts_with("0\n"), "{}", did.out);
    // init, sh, id, ls
    assert_eq!(did.ended.last_pid, Some(4));
}

#[test]
fn a_host_file_that_not_everyone_may_read_is_not_readable_as_root_inside() {
    if skipped_without_root() {
        return;
    }
    // Below a folder of the host's that is seen inside.
    let canary = tempfile::Builder::new().prefix("detektr-canary-").tempdir_in("/usr/share").expect("canary");
    let put = |name: &str, mode: u32| {
        let path = canary.path().join(name);
        fs::write(&path, format!("canary-{name}")).expect("write");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("mode");
    };
    fs::set_permissions(canary.path(), Permissions::from_mode(0o755)).expect("mode");
    put("open", 0o644);
    put("secret", 0o600);
    put("group", 0o640);
    fs::create_dir(canary.path().join("closed")).expect("mkdir");
    put("closed/inner", 0o644);
    fs::set_permissions(canary.path().join("closed"), Permissions::from_mode(0o700)).expect("mode");
    let script = format!(
        "cd {}; cat open; cat secret group closed/inner; chmod 644 secret; cat secret; ls closed",
        canary.path().display()
    );
    let did = as_root(&script);
    assert!(did.out.contains("canary-open"), "the canary itself was not seen: {}", did.out);
    for hidden in ["canary-secret", "canary-group", "canary-closed/inner", "\ninner"] {
        assert!(!did.out.contains(hidden), "{hidden}: {}", did.out);
    }
}

#[test]
fn secrets_and_private_folders_of_the_host_are_not_there() {
    if skipped_without_root() {
        return;
    }
    let canary = tempfile::Builder::new().prefix("detektr-canary-").tempdir_in("/var/tmp").expect("canary");
    fs::set_permissions(canary.path(), Permissions::from_mode(0o755)).expect("mode");
    let data = tempfile::Builder::new().prefix("detektr-data-").tempdir_in("/opt").expect("data");
    fs::set_permissions(data.path(), Permissions::from_mode(0o755)).expect("mode");
    fs::write(data.path().join("key"), "canary-data").expect("write");
    let script = format!(
        "ls -d {0} {1}; cat {1}/key; ls -A /root /tmp /var/tmp /mnt /boot; cat /etc/shadow",
        canary.path().display(),
        data.path().display()
    );
    let hide = data.path().to_path_buf();
    let did = run(&script, RunAs::Root, |plan| plan.hide.push(hide));
    assert!(did.out.contains("cannot access"), "{}", did.out);
    assert!(!did.out.lines().any(|l| l.starts_with("/opt") || l.starts_with("/var/tmp/d")), "{}", did.out);
    assert!(!did.out.contains("canary-data"), "{}", did.out);
    let shadow = fs::read_to_string("/etc/shadow").expect("shadow");
    for line in shadow.lines().filter(|l| l.contains(":$")) {
        assert!(!did.out.contains(line), "a hash of the host's");
    }
    assert!(did.out.contains("root:$6$"), "{}", did.out);
}

#[test]
fn the_account_files_and_their_backups_are_the_environments_own_and_can_be_changed() {
    if skipped_without_root() {
        return;
    }
    let did = as_root(
        "cat /etc/passwd- /etc/group- /etc/shadow- /etc/gshadow-; useradd --no-create-home newcomer && grep newcomer /etc/shadow",
    );
    if fs::read_link("/var/spool/mail").is_ok() {
        let did = as_root("echo x >/var/spool/mail/root && cat /var/mail/root && echo delivered");
        assert!(did.out.contains("delivered"), "{}", did.out);
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("passwd");
    for line in passwd.lines() {
        let mut fields = line.split(':');
        let (name, uid) = (fields.next().unwrap_or_default(), fields.nth(1).unwrap_or_default());
        if uid.parse::<u32>().is_ok_and(|uid| (1000..65_534).contains(&uid)) {
            assert!(!did.out.contains(&format!("{name}:")), "{name} is one of the host's people");
        }
    }
    let hashes = fs::read_to_string("/etc/shadow-").unwrap_or_default();
    assert!(
        hashes.lines().filter(|line| line.contains(":$")).all(|line| !did.out.contains(line)),
        "a hash of the host's"
    );
    assert!(did.out.contains("newcomer:!") || did.out.contains("useradd: not found"), "{}", did.out);
}

#[test]
fn init_can_be_neither_read_nor_traced_nor_killed() {
    if skipped_without_root() {
        return;
    }
    let did = as_root(
        "cat /proc/1/environ && echo READ; head -c1 /proc/1/mem && echo READ; ls /proc/1/fd/ && echo READ; \
         kill -9 1; kill -9 -1; echo alive; python3 -c '
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(\"seize\", libc.ptrace(0x4206, 1, 0, 0), ctypes.get_errno())' 2>/dev/null || echo no python",
    );
    assert!(!did.out.contains("READ"), "{}", did.out);
    assert!(did.out.contains("seize -1 1") || did.out.contains("no python"), "{}", did.out);
    assert_eq!(did.ended.state, EndState::Completed);
}

#[test]
fn kernel_settings_that_act_on_the_host_are_not_writable() {
    if skipped_without_root() {
        return;
    }
    let before = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("core_pattern");
    let did = as_root(
        "echo canary > /proc/sys/kernel/core_pattern && echo WROTE; echo 1 > /proc/sys/kernel/sysrq && echo WROTE; \
         echo h > /proc/sysrq-trigger; mkdir /tmp/c; for c in memory pids cpu; do mount -t cgroup -o $c none /tmp/c && \
         { echo /x > /tmp/c/release_agent && echo WROTE; echo $$ > /tmp/c/tasks && echo WROTE; umount /tmp/c; }; done; \
         mount -o remount,rw /sys && echo WROTE; umount /proc/keys && echo WROTE; ulimit -c; echo end",
    );
    assert!(!did.out.contains("WROTE"), "{}", did.out);
    assert!(did.out.contains("end"), "{}", did.out);
    assert_eq!(fs::read_to_string("/proc/sys/kernel/core_pattern").expect("core_pattern"), before);
}

#[test]
fn there_is_no_network_but_the_environments_own_loopback() {
    if skipped_without_root() {
        return;
    }
    let did = as_root("tail -n +3 /proc/net/dev | cut -d: -f1; ls /sys/class/net");
    let words: Vec<&str> = did.out.split_whitespace().collect();
    assert_eq!(words, ["lo", "lo"]);
}

#[test]
fn vsock_is_refused_and_other_sockets_are_not() {
    if skipped_without_root() {
        return;
    }
    let did = as_root(
        "python3 -c '
import socket
for family in (40, 2, 1, 16):
    try:
        socket.socket(family, 3 if family == 16 else 1).close(); print(family, \"open\")
    except OSError as e: print(family, e.errno)' || echo no python",
    );
    if did.out.contains("no python") {
        eprintln!("skipped: needs python3");
        return;
    }
    assert_eq!(did.out, "40 97\n2 open\n1 open\n16 open\n");
}

#[test]
fn root_inside_can_do_what_root_does_and_setuid_files_work() {
    if skipped_without_root() {
        return;
    }
    // nobody reads the system's log here, so that a second `su` may wait for room in it
    let did = as_root(
        "su -s /bin/sh nobody -c 'id -u'; cp /usr/bin/id /tmp/i; chown 1:1 /tmp/i; chmod 6755 /tmp/i; \
         setpriv --reuid 65534 --regid 65534 --clear-groups /tmp/i -u; mount -t tmpfs x /mnt && echo mounted; \
         echo line >> /etc/debian_version && tail -n1 /etc/debian_version; mv /usr/share /usr/shared && ls -d /usr/shared; \
         mkdir -p /srv/a/b && touch /usr/bin/new && rm /etc/debian_version && echo written; \
         unshare -r sh -c 'id -u'",
    );
    let expected = "65534\n1\nmounted\nline\n/usr/shared\nwritten\n0\n";
    assert_eq!(did.out, expected);
}

#[test]
fn the_artifact_carries_no_new_restriction_but_the_wall_filter() {
    if skipped_without_root() {
        return;
    }
    let did = as_root("grep -E '^(NoNewPrivs|Seccomp_filters)' /proc/self/status; ulimit -H -c");
    let words: Vec<&str> = did.out.split_whitespace().collect();
    assert_eq!(words[..4], ["NoNewPrivs:", "0", "Seccomp_filters:", "1"]);
}

#[test]
fn an_ordinary_user_inside_is_no_root() {
    if skipped_without_root() {
        return;
    }
    let did = run(
        "id -u; pwd; echo $HOME; cat /etc/shadow && echo READ; touch ~/x && echo mine",
        RunAs::User,
        |_| {},
    );
    let home = detektr_sandbox::Identity::from_seed(11).home();
    assert!(did.out.starts_with(&format!("1000\n{home}\n{home}\n")), "{}", did.out);
    assert!(!did.out.contains("READ") && did.out.ends_with("mine\n"), "{}", did.out);
}

#[test]
fn nothing_of_the_callers_environment_is_inherited() {
    if skipped_without_root() {
        return;
    }
    let did = run("env", RunAs::Root, |plan| plan.setenv.push(("MADE".into(), "yes".into())));
    let mut names: Vec<&str> = did.out.lines().filter_map(|l| l.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LANG", "LOGNAME", "MADE", "PATH", "PWD", "SHELL", "USER"]);
}

#[test]
fn the_host_is_not_named_inside() {
    if skipped_without_root() {
        return;
    }
    let did = as_root("hostname; cat /etc/hostname /etc/machine-id; cut -d. -f1 /proc/uptime");
    let identity = detektr_sandbox::Identity::from_seed(11);
    let lines: Vec<&str> = did.out.lines().collect();
    assert_eq!(
        lines[..3],
        [&identity.hostname, &identity.hostname, &identity.machine_id].map(String::as_str)
    );
    let uptime: u64 = lines[3].parse().expect("uptime");
    assert!(uptime >= identity.boot_offset, "{uptime}");
}

#[test]
fn the_probe_says_what_an_environment_then_has() {
    if skipped_without_root() {
        return;
    }
    let folder = crate::common::work();
    let plan = crate::common::plan(folder.path(), RunAs::Root);
    let mut environment = detektr_sandbox::Environment::create(&plan).expect("create");
    let did = crate::common::launch_and_wait(&mut environment, &["true"], 10);
    assert_eq!(did.ended.state, EndState::Completed);
    let description = environment.description().clone();
    let probe = detektr_sandbox::probe();
    let says = |name: &str| probe.checks.iter().find(|c| c.name == name).expect("a check").clone();
    assert_eq!(says("idmapped overlay layers").ok, description.mounts[0].ids == "idmapped");
    assert_eq!(says("process accounting").ok, description.accounting);
    assert_eq!(says("CLONE_INTO_CGROUP").ok, description.cgroup);
    let memory = says("memory controller");
    let bound = description.limits.iter().find(|b| b.limit == "memory").expect("a bound");
    assert_eq!(bound.mechanism, if memory.ok { memory.detail } else { "watch".into() });
    environment.destroy().expect("destroy");
}
