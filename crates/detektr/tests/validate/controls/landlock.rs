//! Landlock: files, programs, ports, and what lies outside of its domain.

use super::{AS_ROOT, Case, TWIN};
use crate::support::{How, Place};
use std::path::Path;

#[test]
fn landlock_on_files() {
    Case {
        control: "{landlock: {write: [/tmp, /dev, /root, /home]}}",
        goal: "created('/etc/loot')",
        stopped: "echo x >/etc/loot",
        passes: (Some("created('/tmp/loot')"), "echo x >/tmp/loot"),
        needs_it: "set -e; echo x >/etc/app.conf",
        ..AS_ROOT
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
        ..AS_ROOT
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
        ..AS_ROOT
    }
    .check();
}

/// Whether the kernel knows scopes (6.12).
fn has_scopes() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let has = (numbers.next(), numbers.next()) >= (Some(6), Some(12));
    if !has {
        eprintln!("skipped: the scopes of Landlock need Linux 6.12");
    }
    has
}

/// With one user id the environment's init, which is outside of the domain, is in an attack's reach.
#[test]
fn landlock_on_signals() {
    if !has_scopes() {
        return;
    }
    Case {
        control: "{landlock: {scope: signal}}",
        goal: "created('/tmp/loot')",
        stopped: "kill -CONT 1 && echo x >/tmp/loot",
        // a process of the same domain
        passes: (None, "sleep 600 & kill $! && echo x >/tmp/loot"),
        needs_it: "set -e; kill -CONT 1; echo x >\"$HOME/state\"",
        ..AS_ROOT
    }
    .check_where(|how| !how.has_users());
}

const ABSTRACT: &str = r#"attack_technique: T1559
display_name: Ours
atomic_tests:
- name: Ask a service that listens outside
  auto_generated_guid: 33333333-3333-4333-8333-333333333301
  description: connects to an abstract socket, and writes a file if that answers
  supported_platforms: [linux]
  input_arguments:
    socket: {description: its name, type: string, default: detektr-outside}
    code: {description: what it ends with first, type: string, default: true}
  dependency_executor_name: sh
  dependencies:
  - description: a service, which ends when somebody writes to its pipe
    prereq_command: test -p /tmp/end
    get_prereq_command: |
      printf '%s' 'import os, socket, threading
      def serve(name):
          server = socket.socket(socket.AF_UNIX)
          server.bind("\0" + name)
          server.listen()
          threading.Thread(target=lambda: [server.accept() for _ in iter(int, 1)], daemon=True).start()
      serve("detektr-outside")
      os.mkfifo("/tmp/end")
      open("/tmp/end").read()' >/tmp/serve.py
      setsid /usr/bin/python3 /tmp/serve.py </dev/null >/dev/null 2>&1 &
      until test -p /tmp/end; do sleep 0.05; done
  executor:
    name: sh
    command: |
      trap 'echo >/tmp/end' EXIT
      #{code} || exit 1
      /usr/bin/python3 -c 'import socket
      own = socket.socket(socket.AF_UNIX)
      own.bind("\0detektr-own")
      own.listen()
      socket.socket(socket.AF_UNIX).connect("\0#{socket}")' && echo x >/tmp/loot
"#;

/// A service that was there before the attack, and is outside of its domain. No twin has one, so that none is broken.
#[test]
fn landlock_on_abstract_sockets() {
    if !has_scopes() || !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: needs /usr/bin/python3 and scopes");
        return;
    }
    let place = Place::new();
    place.write("atomics/T1559/T1559.yaml", ABSTRACT);
    place.write("all/twin.sh", TWIN);
    for (name, arguments) in [("stopped", ""), ("passes", "socket: detektr-own"), ("dies", "code: 'false'")] {
        let text = format!(
            "detektr: 1\nattack: {{atomic: \"T1559#1\", as: root, arguments: {{{arguments}}}}}\ngoal: created('/tmp/loot')\n\
             controls:\n  it: {{landlock: {{scope: abstract_unix_socket}}}}\nbenign: {{script: twin.sh, as: root}}\n"
        );
        place.write(&format!("all/{name}.yaml"), &text);
    }
    for how in How::all().into_iter().take(1) {
        let said = place.validate(how, &["all", "--atomics", "atomics"]);
        for (name, control, mitigation) in [
            ("stopped", "holds/triggered", "holds/prevented"),
            ("passes", "fails/no_effect", "fails/goal_reached"),
            ("dies", "inconclusive/goal_not_reached", "inconclusive/goal_not_reached"),
        ] {
            let answers = (said.answer(name, "control:it"), said.answer(name, "mitigation"));
            let expected = (control.to_owned(), mitigation.to_owned());
            assert_eq!(answers, expected, "{name} ({how:?}): {}\n{}", said.stdout, said.stderr);
        }
    }
}
