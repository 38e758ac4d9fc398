//! Discovery.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case("system-information", "uname -a", "echo uname -a"),
    case("user-information", "id", "echo id; groupmems --help"),
    case("accounts-listed", "cat /etc/passwd", "cat /etc/group; ls /etc/passwd"),
    case(
        "processes-listed",
        "cat /proc/1/stat /proc/1/status /proc/$$/stat /proc/$$/cmdline",
        "cat /proc/self/stat /proc/self/status",
    ),
    case("network-configuration", "cat /proc/net/route", "cat /proc/net/snmp"),
    case("network-connections", "cat /proc/net/tcp", "cat /proc/net/snmp"),
    case(
        "setuid-search",
        "find /tmp -maxdepth 1 -perm -4000",
        "find /tmp -maxdepth 1 -perm 644; find /tmp -maxdepth 1 -name x",
    ),
    case(
        "port-scan",
        r#"python3 -c 'import socket
for port in range(20001, 20013):
    socket.socket().connect_ex(("127.0.0.1", port))'"#,
        r#"python3 -c 'import socket
for port in [20001, 20002, 20001, 20002] * 4:
    socket.socket().connect_ex(("127.0.0.1", port))'"#,
    ),
    case(
        "host-sweep",
        r#"python3 -c 'import socket
for host in range(1, 13):
    socket.socket().connect_ex((f"127.0.1.{host}", 20001))'"#,
        r#"python3 -c 'import socket
for host in [1, 2, 3] * 5:
    socket.socket().connect_ex((f"127.0.1.{host}", 20001))'"#,
    ),
    case("modules-listed", "cat /proc/modules", "cat /proc/version"),
    case("security-software-search", "env pgrep auditd", "env pgrep nginx"),
    case("logs-read", "echo x >> /var/log/auth.log; cat /var/log/auth.log", "cat /var/log/dpkg.log"),
    case(
        "known-hosts-read",
        "mkdir -p /root/.ssh; echo x >> /root/.ssh/known_hosts; cat /root/.ssh/known_hosts",
        "echo x > /tmp/known_hosts; cat /tmp/known_hosts",
    ),
];
