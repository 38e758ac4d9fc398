//! Execution.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case("dropped-executed", "cp /bin/true /tmp/act-dropped; /tmp/act-dropped", COMPILED),
    case(
        "shell-on-terminal",
        "python3 -c 'import pty; pty.spawn([\"/bin/sh\", \"-c\", \"exit 0\"])' < /dev/null",
        "python3 -c 'import pty; pty.spawn([\"/bin/true\"])' < /dev/null; sh -c 'exit 0'",
    ),
    case("systemctl-start", "env systemctl start nginx", "env systemctl status nginx"),
    case(
        "container-socket",
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect_ex(\"/run/docker.sock\")'",
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect_ex(\"/run/other.sock\")'",
    ),
    case(
        "writable-memory-run",
        "python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=7)'",
        "python3 -c 'import mmap; mmap.mmap(-1, 4096, prot=3)'",
    ),
    case(
        "decoded-and-run",
        "echo ZXhpdCAwCg== | base64 -d | sh",
        "echo exit 0 | sh; echo exit 0 | base64 | tr A-Z a-z",
    ),
];

const COMPILED: &str = "echo 'int main(void) { return 0; }' > /tmp/built.c; cc -o /tmp/built /tmp/built.c && /tmp/built; cp /bin/true \
                        /tmp/kept";
