//! The security of a container.

use super::{AS_ROOT, Case};

#[test]
fn a_containers_root() {
    Case {
        control: "{container: deploy.manifest#web}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_containers_calls() {
    Case {
        control: "{container: deploy.manifest#web}",
        goal: "created('/mnt/loot')",
        stopped: "mount -t tmpfs none /mnt && mkdir /mnt/loot",
        passes: (Some("created('/tmp/loot')"), "mkdir /tmp/loot"),
        needs_it: "set -e; mount -t tmpfs none /mnt",
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_pod_security_standard() {
    Case {
        control: "{container: restricted}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: true,
    }
    .check();
}
