//! Capabilities by name and number, and the sets that a control makes of them (`capabilities(7)`).

use super::Capabilities;

/// Names by number.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

/// Every capability, one bit each.
pub const ALL: u64 = (1 << NAMES.len()) - 1;

/// The number of a capability; `CAP_` before its name may be left out, and small letters will do.
pub fn number(name: &str) -> Option<u8> {
    let name = name.to_ascii_uppercase();
    let name = name.strip_prefix("CAP_").unwrap_or(&name);
    NAMES.iter().position(|known| *known == name).and_then(|number| u8::try_from(number).ok())
}

/// `CAP_…` of a number.
pub fn name(number: u8) -> String {
    NAMES.get(usize::from(number)).map_or_else(|| number.to_string(), |name| format!("CAP_{name}"))
}

/// The bounding set and the ambient set of a control, one bit each.
///
/// # Errors
/// A name that is no capability, or an ambient one that the bounding set lacks.
pub fn sets(capabilities: &Capabilities) -> Result<(u64, u64), String> {
    let bits = |names: &[String]| {
        names.iter().try_fold(0u64, |set, name| match name.to_ascii_uppercase().as_str() {
            "ALL" => Ok(ALL),
            _ => number(name).map(|number| set | 1 << number).ok_or(format!("`{name}` is no capability")),
        })
    };
    let bounding = ALL & !bits(&capabilities.drop)? | bits(&capabilities.keep)?;
    let ambient = bits(&capabilities.ambient)?;
    match ambient & !bounding {
        0 => Ok((bounding, ambient)),
        more => Err(format!("{} can't be ambient, for it is dropped", name(more.trailing_zeros() as u8))),
    }
}
