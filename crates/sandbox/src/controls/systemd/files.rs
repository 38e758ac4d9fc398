//! What directives do to paths, by the tables of `systemd.exec(5)` and of systemd's own namespace code.

use crate::controls::paths::{Access, PathRule};

/// Paths that may be missing, all with one access.
fn may_be_missing(paths: &[&str], access: Access) -> Vec<PathRule> {
    paths.iter().map(|path| PathRule { path: (*path).into(), access, optional: true }).collect()
}

/// `ProtectSystem=`: what becomes read-only; `None` where there is no such value.
pub(super) fn protect_system(value: &str) -> Option<Vec<PathRule>> {
    let mut rules = may_be_missing(&["/usr", "/boot", "/efi"], Access::ReadOnly);
    match value {
        "full" => rules.extend(may_be_missing(&["/etc"], Access::ReadOnly)),
        "strict" => {
            rules = may_be_missing(&["/"], Access::ReadOnly);
            // other directives are about these
            let open = ["/proc", "/sys", "/dev", "/home", "/root", "/run/user"];
            rules.extend(may_be_missing(&open, Access::ReadWrite));
        }
        _ => match super::words::boolean(value)? {
            true => {}
            false => rules.clear(),
        },
    }
    Some(rules)
}

/// `ProtectHome=`.
pub(super) fn protect_home(value: &str) -> Option<Vec<PathRule>> {
    let access = match value {
        "read-only" => Access::ReadOnly,
        "tmpfs" => Access::EmptyReadOnly,
        _ if super::words::boolean(value)? => Access::Inaccessible,
        _ => return Some(Vec::new()),
    };
    Some(may_be_missing(&["/home", "/root", "/run/user"], access))
}

/// `ProtectKernelTunables=`.
pub(super) fn kernel_tunables() -> Vec<PathRule> {
    let read_only = [
        "/proc/acpi",
        "/proc/asound",
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/latency_stats",
        "/proc/mtrr",
        "/proc/scsi",
        "/proc/sys",
        "/proc/sysrq-trigger",
        "/proc/timer_stats",
        "/sys",
    ];
    let mut rules = may_be_missing(&read_only, Access::ReadOnly);
    rules.extend(may_be_missing(&["/proc/kallsyms", "/proc/kcore"], Access::Inaccessible));
    rules.extend(may_be_missing(&["/sys/fs/cgroup"], Access::ReadWrite));
    rules
}

/// `ProtectKernelModules=`.
pub(super) fn kernel_modules() -> Vec<PathRule> {
    may_be_missing(&["/usr/lib/modules"], Access::Inaccessible)
}

/// `ProtectKernelLogs=`.
pub(super) fn kernel_logs() -> Vec<PathRule> {
    may_be_missing(&["/proc/kmsg", "/dev/kmsg"], Access::Inaccessible)
}

/// `ProtectControlGroups=`.
pub(super) fn control_groups() -> Vec<PathRule> {
    may_be_missing(&["/sys/fs/cgroup"], Access::ReadOnly)
}

/// `ProtectHostname=`.
pub(super) fn hostname() -> Vec<PathRule> {
    may_be_missing(&["/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"], Access::ReadOnly)
}

/// `PrivateDevices=`: nothing is executed from the devices' folder.
pub(super) fn devices() -> Vec<PathRule> {
    may_be_missing(&["/dev"], Access::Noexec)
}

/// `PrivateTmp=`: the environment's own folders, which are private already, stay writable.
pub(super) fn tmp() -> Vec<PathRule> {
    may_be_missing(&["/tmp", "/var/tmp"], Access::ReadWrite)
}
