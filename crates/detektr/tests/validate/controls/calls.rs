//! Controls on system calls.

use super::{AS_ROOT, Case, PROFILE, TWIN};
use crate::support::{How, Place};

#[test]
fn seccomp() {
    Case {
        control: "{seccomp: profile.json}",
        goal: "created('/tmp/loot')",
        stopped: "mkdir /tmp/loot",
        passes: (None, "echo x >/tmp/loot"),
        needs_it: "set -e; mkdir \"$HOME/d\"",
        ..AS_ROOT
    }
    .check();
}

/// Where Detektr refuses rings itself, what a control does to them can't be told, and nobody says that it holds.
#[test]
fn a_control_of_rings_is_judged_only_where_rings_run() {
    if !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: needs /usr/bin/python3");
        return;
    }
    let place = Place::new();
    let attack = "/usr/bin/python3 -c 'import ctypes
ring = ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120))
ring >= 0 and open(\"/tmp/loot\", \"w\")'";
    place.write("attack.sh", attack);
    place.write("twin.sh", TWIN);
    place.write("profile.json", &PROFILE.replace(r#""mkdir", "mkdirat""#, r#""io_uring_setup""#));
    place.write(
        "rings.yaml",
        "detektr: 1\nattack: {script: attack.sh, as: root}\ngoal: created('/tmp/loot')\n\
         controls:\n  it: {seccomp: profile.json}\nbenign: {script: twin.sh, as: root}\n",
    );
    for how in How::all() {
        for rings in ["refuse", "allow"] {
            place.write("place.yaml", &format!("detektr: 1\nio_uring: {rings}\n"));
            let said = place.validate(how, &["--env", "place.yaml", "rings.yaml"]);
            let (control, mitigation) = match (how, rings) {
                (How::RootEbpf, "allow") => ("holds/triggered", "holds/prevented"),
                _ => ("inconclusive/prevented_by_isolation", "inconclusive/prevented_by_isolation"),
            };
            assert_eq!(said.answer("rings", "control:it"), control, "{how:?}, {rings}: {}", said.stdout);
            assert_eq!(said.answer("rings", "mitigation"), mitigation, "{how:?}, {rings}: {}", said.stdout);
        }
    }
}
