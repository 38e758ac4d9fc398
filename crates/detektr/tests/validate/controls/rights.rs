//! Controls on the rights and bounds of processes, and kernel parameters.

use super::{AS_ROOT, Case};
use crate::support::{How, Place};

#[test]
fn capabilities() {
    Case {
        control: "{capabilities: none}",
        goal: "created('/mnt/loot')",
        stopped: "mount -t tmpfs none /mnt && mkdir /mnt/loot",
        passes: (None, "mkdir /mnt/loot"),
        needs_it: "set -e; mount -t tmpfs none /mnt",
        ..AS_ROOT
    }
    .check();
}

const SETUID: &str = "set -e; cp /usr/bin/id /usr/local/bin/own; chmod 4755 /usr/local/bin/own; \
                      test \"$(setpriv --reuid 1000 /usr/local/bin/own -u)\" = 0";

#[test]
fn nosuid() {
    Case {
        control: "{nosuid: /usr}",
        goal: "uid_gained(0)",
        stopped: "/usr/bin/su --version >/dev/null; exit 0",
        passes: (Some("created('/tmp/loot')"), "/usr/bin/su --version >/dev/null; echo x >/tmp/loot"),
        needs_it: SETUID,
        run_as: "user",
        needs_users: true,
    }
    .check();
}

#[test]
fn no_new_privs() {
    Case {
        control: "{no_new_privs: true}",
        goal: "uid_gained(0)",
        stopped: "/usr/bin/su --version >/dev/null; exit 0",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: SETUID,
        run_as: "user",
        needs_users: true,
    }
    .check();
}

#[test]
fn user() {
    Case {
        control: "{user: user}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: true,
    }
    .check();
}

#[test]
fn limits() {
    Case {
        control: "{limits: {processes: 12}}",
        goal: "created('/tmp/loot')",
        stopped: MANY,
        passes: (None, "echo x >/tmp/loot"),
        needs_it: MANY,
        ..AS_ROOT
    }
    .check();
}

#[test]
fn kernel_parameters() {
    Case {
        control: "{sysctl: {user.max_user_namespaces: 0}}",
        goal: "created('/tmp/loot')",
        stopped: "unshare -U mkdir /tmp/loot",
        passes: (None, "mkdir /tmp/loot"),
        needs_it: "set -e; unshare -U true; echo x >\"$HOME/state\"",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_kernel_parameter_of_the_whole_kernel_is_refused() {
    for how in How::all() {
        let place = Place::new();
        place.write("attack.sh", "echo x >/tmp/loot");
        place.write(
            "v.yaml",
            "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {sysctl: {kernel.dmesg_restrict: 1}}\n",
        );
        let said = place.run(how, &["validate", "v.yaml", "--sensor", how.sensor()]);
        assert_eq!(said.code, 2, "{how:?}: {}", said.stderr);
        assert!(
            said.stderr.contains("`kernel.dmesg_restrict` is one of the whole kernel"),
            "{}",
            said.stderr
        );
        assert!(place.runs(how).is_empty(), "nothing ran");
    }
}

/// Starts many processes that wait for what is written at its end, however it ends; then does what it is after.
const MANY: &str = "set -e; mkfifo \"$HOME/gate\"; exec 3<>\"$HOME/gate\"; \
                    trap 'i=0; while [ $i -lt 40 ]; do echo go >&3; i=$((i+1)); done' EXIT; i=0; \
                    while [ $i -lt 40 ]; do (read line <&3) & i=$((i+1)); done; echo x >/tmp/loot";
