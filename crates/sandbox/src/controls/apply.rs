//! The launcher's side: putting decided controls on itself, in the order of container runtimes. Everything happens in
//! the environment's own namespaces, so that a program with the power to undo it can, as it could on a system.

use super::hardening::{Mount, Steps};
use super::seccomp::Instruction;
use super::{covers, landlock};
use crate::sys;
use std::io;
use std::path::Path;

type Step = (String, io::Error);

/// Changes the mounts of this process's own mount namespace.
pub(crate) fn mounts(steps: &Steps) -> Result<(), Step> {
    for mount in &steps.mounts {
        let (path, made) = match mount {
            Mount::Attributes(path, attributes) => (path, restrict(path, *attributes)),
            Mount::Mask(path) => (path, mask(path)),
            Mount::Rules(rules) => {
                covers::put_on(rules)?;
                continue;
            }
        };
        made.map_err(|e| (format!("putting a control on {}", path.display()), e))?;
    }
    Ok(())
}

/// Puts attributes on everything from `path` down; it becomes a mount of its own where it is none.
fn restrict(path: &Path, attributes: u64) -> io::Result<()> {
    if !is_mount(path)? {
        sys::bind_all(path)?;
    }
    sys::mount_attributes(path, attributes)
}

/// Whether something is mounted at `path`.
pub(super) fn is_mount(path: &Path) -> io::Result<bool> {
    use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};
    let found = rustix::fs::statx(rustix::fs::CWD, path, AtFlags::NO_AUTOMOUNT, StatxFlags::empty())?;
    Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Lays an empty read-only file or folder over `path`.
pub(super) fn mask(path: &Path) -> io::Result<()> {
    if std::fs::metadata(path)?.is_dir() {
        let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        sys::mount("masked", path, Some("tmpfs"), flags, Some("mode=755,size=0,nr_inodes=2"))
    } else {
        sys::bind("/dev/null", path)?;
        sys::mount_attributes(path, libc::MOUNT_ATTR_RDONLY)
    }
}

/// Before the ids are taken: what the bounding set loses, and that taking them leaves the rest.
pub(crate) fn before_ids(steps: &Steps) -> io::Result<()> {
    let Some((bounding, _)) = steps.capabilities else { return keep_over_ids(steps) };
    // a kernel that does not know a capability has none to drop
    for number in (0..64).filter(|number| bounding >> number & 1 == 0) {
        match sys::prctl(libc::PR_CAPBSET_DROP, number) {
            Err(e) if e.raw_os_error() != Some(libc::EINVAL) => return Err(e),
            _ => {}
        }
    }
    keep_over_ids(steps)
}

fn keep_over_ids(steps: &Steps) -> io::Result<()> {
    if *steps == Steps::default() { Ok(()) } else { sys::prctl(libc::PR_SET_KEEPCAPS, 1) }
}

/// Last before the exec. The permitted set stays until then: the exec itself computes what the program gets from
/// the bounding, inheritable and ambient sets.
pub(crate) fn before_exec(steps: &Steps) -> io::Result<()> {
    if *steps == Steps::default() {
        return Ok(());
    }
    let ambient = steps.capabilities.map_or(0, |(_, ambient)| ambient);
    let none = rustix::thread::CapabilitySet::empty();
    let mut own = rustix::thread::capabilities(None)?;
    own.effective = own.permitted;
    own.inheritable = rustix::thread::CapabilitySet::from_bits_retain(ambient);
    if steps.capabilities.is_none() {
        own.inheritable = none;
    }
    rustix::thread::set_capabilities(None, own)?;
    for number in (0..64).filter(|number| ambient >> number & 1 == 1) {
        // SAFETY: plain numbers only.
        let raised = unsafe { libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_RAISE, number, 0, 0) };
        sys::check(raised.into())?;
    }
    if steps.no_new_privs {
        sys::prctl(libc::PR_SET_NO_NEW_PRIVS, 1)?;
    }
    for (resource, soft, hard) in &steps.rlimits {
        sys::lower_rlimit(*resource, *soft, *hard)?;
    }
    for ruleset in &steps.rulesets {
        landlock::restrict(ruleset)?;
    }
    for (program, flags) in &steps.filters {
        install(program, *flags)?;
    }
    Ok(())
}

/// Installs a seccomp program. Allowed without `no_new_privs`, for we have every capability in the environment's
/// user namespace.
pub(crate) fn install(program: &[Instruction], flags: u64) -> io::Result<()> {
    let program: Vec<libc::sock_filter> =
        program.iter().map(|&(code, jt, jf, k)| libc::sock_filter { code, jt, jf, k }).collect();
    let header = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: `header` and the program it points to are valid for the time of the call, which only reads them.
    sys::check(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const header)
    })
    .map(drop)
}
