//! Credential access. The secrets are the environment's baits and files that the scripts make.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case("password-hashes-read", "cat /etc/shadow", "stat /etc/shadow"),
    case("ssh-key-read", "cat /root/.ssh/id_ed25519", "ls -l /root/.ssh; cat /root/.ssh/id_none.pub"),
    case(
        "shell-history-read",
        "echo x > /root/.mysql_history; cat /root/.mysql_history",
        "ls -l /root/.bash_history",
    ),
    case(
        "cloud-credentials-read",
        "cat /root/.aws/credentials",
        "echo x > /root/.aws/config; cat /root/.aws/config",
    ),
    case(
        "browser-passwords-read",
        "mkdir -p /root/.mozilla/firefox/p; echo {} > /root/.mozilla/firefox/p/logins.json; cat /root/.mozilla/firefox/p/logins.json",
        "echo {} > /tmp/logins.json; cat /tmp/logins.json",
    ),
    case("process-secrets-read", "cat /proc/$$/environ", "cat /proc/self/environ"),
    case(
        "keyring-read",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(250, 11, -3, None, 0, 0)'",
        "python3 -c 'import ctypes; ctypes.CDLL(None).syscall(250, 0, -3, 0, 0, 0)'",
    ),
    case("bait-read", "cat /root/.kube/config", "ls -l /root/.kube/config"),
    case(
        "packets-captured",
        "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 768)'",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)'",
    ),
    case(
        "passwords-searched",
        "mkdir -p /tmp/act-search; grep -ri password /tmp/act-search",
        "mkdir -p /tmp/search; grep -ri hello /tmp/search; echo password | grep password",
    ),
    case(
        "service-account-token",
        "d=/run/secrets/kubernetes.io/serviceaccount; mkdir -p $d; echo x > $d/token; cat $d/token",
        "mkdir -p /run/secrets/other; echo x > /run/secrets/other/token; cat /run/secrets/other/token",
    ),
];
