//! The kernel's side: which ABI it has, and putting a ruleset on this process.

use super::Ruleset;
use crate::sys;
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What the kernel has of Landlock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abi {
    /// Nothing: it was built without.
    Absent,
    /// It was built with it, and booted without.
    Disabled,
    /// This version.
    Version(u32),
}

const CREATE_RULESET_VERSION: u32 = 1;
const RULE_PATH_BENEATH: u32 = 1;
const RULE_NET_PORT: u32 = 2;

/// What a rule may give on something that is no folder (`ACCESS_FILE` of the kernel).
const ON_FILES: u64 = super::bit("execute")
    | super::bit("write_file")
    | super::bit("read_file")
    | super::bit("truncate")
    | super::bit("ioctl_dev");

/// `struct landlock_ruleset_attr`.
#[repr(C)]
struct RulesetAttr {
    files: u64,
    ports: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneathAttr {
    allowed: u64,
    parent: i32,
}

/// `struct landlock_net_port_attr`.
#[repr(C)]
struct NetPortAttr {
    allowed: u64,
    port: u64,
}

/// Asks the kernel.
pub fn abi() -> Abi {
    let none: *const RulesetAttr = std::ptr::null();
    // SAFETY: with this flag the call takes a null pointer and no size, and only answers a number.
    let version =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, none, 0usize, CREATE_RULESET_VERSION) };
    match sys::check(version) {
        Ok(version) => Abi::Version(u32::try_from(version).unwrap_or(0)),
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => Abi::Disabled,
        Err(_) => Abi::Absent,
    }
}

/// Restricts this thread, and what it starts, for good. `CAP_SYS_ADMIN` in its user namespace, or `no_new_privs`, is
/// needed.
pub(crate) fn restrict(ruleset: &Ruleset) -> io::Result<()> {
    let attr = RulesetAttr { files: ruleset.files, ports: ruleset.ports, scoped: ruleset.scoped };
    // An older kernel knows a shorter structure, and takes a longer one whose rest is zero.
    let size = size_of::<RulesetAttr>();
    // SAFETY: `attr` is valid for the time of the call and has the size given.
    let fd =
        sys::check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attr, size, 0u32) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else has it.
    let made = unsafe { OwnedFd::from_raw_fd(fd as RawFd) };
    for (path, allowed) in &ruleset.beneath {
        let parent = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        let folder = rustix::fs::fstat(&parent)?.st_mode & libc::S_IFMT == libc::S_IFDIR;
        let allowed = if folder { *allowed } else { allowed & ON_FILES };
        if allowed == 0 {
            continue;
        }
        let attr = PathBeneathAttr { allowed, parent: parent.as_raw_fd() };
        // SAFETY: `attr` is valid for the time of the call and is what this kind of rule takes.
        sys::check(unsafe {
            libc::syscall(
                libc::SYS_landlock_add_rule,
                made.as_raw_fd(),
                RULE_PATH_BENEATH,
                &raw const attr,
                0u32,
            )
        })?;
    }
    for (port, allowed) in &ruleset.on_ports {
        let attr = NetPortAttr { allowed: *allowed, port: u64::from(*port) };
        // SAFETY: as above.
        sys::check(unsafe {
            libc::syscall(libc::SYS_landlock_add_rule, made.as_raw_fd(), RULE_NET_PORT, &raw const attr, 0u32)
        })?;
    }
    // SAFETY: passes a descriptor and a number only.
    sys::check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, made.as_raw_fd(), 0u32) }).map(drop)
}
