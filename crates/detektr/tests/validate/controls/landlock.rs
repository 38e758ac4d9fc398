//! Landlock: files, programs, ports.

use super::Case;
use std::path::Path;

#[test]
fn landlock_on_files() {
    Case {
        control: "{landlock: {write: [/tmp, /dev, /root, /home]}}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn landlock_on_programs() {
    Case {
        control: "{landlock: {execute: [/usr, /bin, /lib, /lib64, /root, /home]}}",
        goal: "ran('/tmp/x')",
        stopped: "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x",
        passes: (Some("ran('/usr/bin/env')"), "/usr/bin/env true"),
        needs_it: "set -e; cp /bin/true /tmp/t; chmod 755 /tmp/t; /tmp/t",
        run_as: "root",
        needs_users: false,
    }
    .check();
}

#[test]
fn landlock_on_ports() {
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        eprintln!("skipped: needs python3");
        return;
    }
    Case {
        control: "{landlock: {connect_tcp: [80], bind_tcp: []}}",
        goal: "connected('192.0.2.7', 4444)",
        stopped: "/usr/bin/python3 -c 'import socket; socket.create_connection((\"192.0.2.7\", 4444))'",
        passes: (
            Some("connected('192.0.2.7', 80)"),
            "/usr/bin/python3 -c 'import socket; socket.create_connection((\"192.0.2.7\", 80))'",
        ),
        needs_it: "set -e; /usr/bin/python3 -c 'import socket; socket.socket().bind((\"127.0.0.1\", 8080))'; \
                   echo x >\"$HOME/state\"",
        run_as: "root",
        needs_users: false,
    }
    .check();
}
