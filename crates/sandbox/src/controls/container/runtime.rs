//! What container runtimes do to every container that is not privileged: the capabilities that are left, the paths that
//! are hidden or read-only, the system calls that pass.

use crate::controls::paths::{Access, PathRule};
use serde_json::{Value, json};

/// Capabilities of a container by default.
pub(super) const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];

const READ_ONLY: [&str; 6] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys"];

/// What becomes of the kernel's own file systems.
pub(super) fn kernel_paths() -> impl Iterator<Item = PathRule> {
    let rule = |access| move |path: &str| PathRule { path: path.into(), access, optional: true };
    // an empty file or folder that anybody may read, as runtimes have it
    MASKED.into_iter().map(rule(Access::Masked)).chain(READ_ONLY.into_iter().map(rule(Access::ReadOnly)))
}

const CALLS: &str = include_str!("runtime_calls.txt");

/// The namespaces that `clone` can make.
const NAMESPACES: u64 = 0x7e02_0000;

/// The seccomp profile that runtimes put on by default.
pub(super) fn profile() -> Value {
    let mut rules: Vec<Value> = Vec::new();
    for line in CALLS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let who = words.next().unwrap_or_default();
        let names: Vec<&str> = words.collect();
        let mut rule = json!({"names": names, "action": "SCMP_ACT_ALLOW"});
        if who != "always" {
            rule["includes"] = json!({"caps": [who]});
        }
        rules.push(rule);
    }
    let mut on = |name: &str, op: &str, value: u64, second: u64| {
        let arg = json!({"index": 0, "op": op, "value": value, "valueTwo": second});
        let mut rule = json!({"names": [name], "action": "SCMP_ACT_ALLOW", "args": [arg]});
        if name == "clone" {
            rule["excludes"] = json!({"caps": ["CAP_SYS_ADMIN"]});
        }
        rules.push(rule);
    };
    // the families up to X25, and of the rest all but some that only attacks have use for
    on("socket", "SCMP_CMP_LT", 12, 0);
    let families = [13..=18, 21..=22, 24..=24, 26..=33, 35..=36, 39..=39, 41..=45];
    for family in families.into_iter().flatten() {
        on("socket", "SCMP_CMP_EQ", family, 0);
    }
    for personality in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
        on("personality", "SCMP_CMP_EQ", personality, 0);
    }
    on("clone", "SCMP_CMP_MASKED_EQ", NAMESPACES, 0);
    rules.push(json!({
        "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": {"caps": ["CAP_SYS_ADMIN"]}
    }));
    json!({
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules,
    })
}
