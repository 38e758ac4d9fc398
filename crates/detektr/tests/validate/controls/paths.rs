//! Controls on paths.

use super::{AS_ROOT, Case};

#[test]
fn read_only() {
    Case {
        control: "{read_only: /etc}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn noexec() {
    Case {
        control: "{noexec: [/tmp, /dev/shm]}",
        goal: "ran('/tmp/x')",
        stopped: "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x",
        // whoever may mount can undo it, as on a system
        passes: (None, "umount /tmp 2>/dev/null; cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x"),
        needs_it: "set -e; cp /bin/true /tmp/t; chmod 755 /tmp/t; /tmp/t",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn masked_folder() {
    Case {
        control: "{masked: /etc/pam.d}",
        goal: "read('/etc/pam.d/common-auth')",
        stopped: "cat /etc/pam.d/common-auth",
        passes: (None, "umount /etc/pam.d 2>/dev/null; cat /etc/pam.d/common-auth"),
        needs_it: "set -e; grep -q pam /etc/pam.d/common-auth; echo x >\"$HOME/state\"",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn masked_file() {
    Case {
        control: "{masked: /etc/debian_version}",
        goal: "read('/etc/debian_version')",
        stopped: "cat /etc/debian_version",
        passes: (None, "umount /etc/debian_version 2>/dev/null; cat /etc/debian_version"),
        needs_it: "set -e; grep -q . /etc/debian_version; echo x >\"$HOME/state\"",
        ..AS_ROOT
    }
    .check();
}
