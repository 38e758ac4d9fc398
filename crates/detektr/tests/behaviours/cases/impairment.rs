//! Defense impairment. Tools that a system may not have are asked for by name all the same: an attempt is told too.

use super::{Case, case};

pub const CASES: &[Case] = &[
    case(
        "log-removed",
        "echo x > /var/log/zz.log; rm /var/log/zz.log",
        "echo x > /tmp/zz.log; rm /tmp/zz.log",
    ),
    case("log-emptied", ": > /var/log/zz-emptied.log", "echo x >> /var/log/zz-extended.log; : > /tmp/zz.log"),
    case(
        "history-switched-off",
        "HISTFILE=/dev/null /bin/true",
        "HISTFILE=/root/.history HISTSIZE=1000 /bin/true",
    ),
    case("firewall-changed", "env iptables -F", "env iptables -L"),
    case(
        "audit-config-changed",
        "mkdir -p /etc/audit; echo '# none' > /etc/audit/zz.conf",
        "ls /etc/audit; echo x > /tmp/audit",
    ),
    case("audit-switched-off", "env auditctl -e 0", "env auditctl -l"),
    case("security-service-stopped", "env systemctl stop auditd", "env systemctl status nginx"),
    case(
        "mandatory-access-changed",
        "mkdir -p /etc/apparmor.d; echo '# none' > /etc/apparmor.d/zz",
        "ls /etc/apparmor.d; echo '# none' > /tmp/apparmor.d",
    ),
    case(
        "immutable-file",
        "echo x > /tmp/act-fixed; env chattr +i /tmp/act-fixed",
        "echo x > /tmp/loose; env lsattr /tmp/loose",
    ),
    case(
        "system-file-opened-up",
        "chmod 666 /etc/hostname",
        "chmod 644 /etc/hostname; echo x > /tmp/open; chmod 666 /tmp/open",
    ),
    case(
        "root-certificate",
        "mkdir -p /usr/local/share/ca-certificates; echo x > /usr/local/share/ca-certificates/zz.crt",
        "echo x > /tmp/zz.crt; ls /etc/ssl/certs",
    ),
    case(
        "logging-config-changed",
        "mkdir -p /etc/rsyslog.d; echo '# none' > /etc/rsyslog.d/zz.conf",
        "cat /etc/rsyslog.conf",
    ),
    case("pam-changed", "echo '# none' > /etc/pam.d/zz", "cat /etc/pam.d/*; echo '# none' > /tmp/pam.d"),
    // opened, and nothing is written
    case(
        "kernel-protection-lowered",
        ": >> /proc/sys/kernel/randomize_va_space",
        "cat /proc/sys/kernel/randomize_va_space",
    ),
];
