//! Overlay mounts. Each part of the root is two of them: a read-only one that looks at the host's files with no
//! rights but those of every user, and above it the writable one that the artifact sees.

use crate::sys;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Brings the host's folder to `target`; true where its ids are mapped.
pub(crate) fn clone_host(host: &Path, target: &Path, userns: Option<BorrowedFd<'_>>) -> io::Result<bool> {
    use std::os::fd::AsFd;
    if let Some(userns) = userns {
        let tree = sys::open_tree(host)?;
        if sys::idmap(tree.as_fd(), userns).is_ok() {
            sys::move_mount(tree.as_fd(), target)?;
            return Ok(true);
        }
    }
    sys::move_mount(sys::open_tree(host)?.as_fd(), target)?;
    Ok(false)
}

/// Whether `folder` lies on an overlay.
pub(crate) fn is_one(folder: &Path) -> bool {
    const MAGIC: u64 = 0x794c_7630; // statfs(2)
    rustix::fs::statfs(folder).is_ok_and(|found| found.f_type as u64 == MAGIC)
}

/// The read-only overlay. With `filter`, the kernel asks the host's file system with the rights of a user who
/// owns nothing and is in no group, whoever asks inside.
pub(crate) fn mount_reading(lower: &str, target: &str, filter: bool, userxattr: bool) -> io::Result<()> {
    let mut data = format!("lowerdir={lower}:empty");
    if userxattr {
        data.push_str(",userxattr");
    }
    let mount = || sys::mount("overlay", target, Some("overlay"), libc::MS_RDONLY, Some(&data));
    let nobody = if userxattr { LAST } else { NOBODY };
    if filter { powerless(nobody, mount) } else { mount() }
}

/// The writable overlay.
pub(crate) fn mount_writing(
    lower: &str,
    upper: &str,
    work: &str,
    target: &str,
    userxattr: bool,
) -> io::Result<()> {
    let options = if userxattr { "userxattr" } else { "redirect_dir=on" };
    let data = format!("lowerdir={lower},upperdir={upper},workdir={work},volatile,{options}");
    sys::mount("overlay", target, Some("overlay"), libc::MS_NODEV, Some(&data))
}

/// An id that nobody has, for real root.
const NOBODY: u32 = 0x0fff_ffff;
/// The last of an ordinary user's subordinate ids, in the namespace that has them.
const LAST: u32 = crate::namespaces::maps::RANGE;

/// Does something with the rights of nobody but for CAP_SYS_ADMIN. An overlay keeps the credentials of the one
/// who mounted it, so a file that is not for everyone can't be read through it, even by root inside.
fn powerless<T>(nobody: u32, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let before = capabilities()?;
    sys::no_groups()?;
    fs_ids(nobody);
    let mut only = before;
    only[0].effective = 1 << 21; // CAP_SYS_ADMIN
    only[1].effective = 0;
    let result = set_capabilities(&only).and_then(|()| act());
    fs_ids(0);
    set_capabilities(&before)?;
    result
}

fn fs_ids(id: u32) {
    // SAFETY: no memory is passed; these calls return the former id and can't fail for one who may.
    unsafe {
        libc::syscall(libc::SYS_setfsgid, id);
        libc::syscall(libc::SYS_setfsuid, id);
    }
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

const VERSION_3: u32 = 0x2008_0522;

fn capabilities() -> io::Result<[CapData; 2]> {
    let mut header = CapHeader { version: VERSION_3, pid: 0 };
    let mut data = [CapData::default(); 2];
    // SAFETY: header and data have the layout of version 3, which writes two elements.
    sys::check(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    Ok(data)
}

fn set_capabilities(data: &[CapData; 2]) -> io::Result<()> {
    let mut header = CapHeader { version: VERSION_3, pid: 0 };
    // SAFETY: header and data have the layout of version 3, which reads two elements.
    sys::check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) }).map(drop)
}
