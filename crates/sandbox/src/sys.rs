//! The system calls that no crate wraps the way it is needed here, each behind a safe function.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The result of a raw call as an `io::Result`.
pub(crate) fn check(ret: libc::c_long) -> io::Result<libc::c_long> {
    if ret < 0 { Err(io::Error::last_os_error()) } else { Ok(ret) }
}

/// A path (or any bytes) for the kernel.
pub(crate) fn c_path(path: impl AsRef<Path>) -> io::Result<CString> {
    CString::new(path.as_ref().as_os_str().as_bytes())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "a path with a zero byte"))
}

fn opt(text: Option<&CStr>) -> *const libc::c_char {
    text.map_or(std::ptr::null(), CStr::as_ptr)
}

/// mount(2).
pub(crate) fn mount(
    source: &str,
    target: impl AsRef<Path>,
    fstype: Option<&str>,
    flags: libc::c_ulong,
    data: Option<&str>,
) -> io::Result<()> {
    let target = c_path(target)?;
    let source = CString::new(source)?;
    let fstype = fstype.map(CString::new).transpose()?;
    let data = data.map(CString::new).transpose()?;
    // SAFETY: all pointers are to NUL-terminated strings that live until after the call, or null.
    let ret = unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            opt(fstype.as_deref()),
            flags,
            opt(data.as_deref()).cast(),
        )
    };
    check(ret.into()).map(drop)
}

/// A bind mount of one mount, without those below it.
pub(crate) fn bind(source: impl AsRef<Path>, target: impl AsRef<Path>) -> io::Result<()> {
    let (source, target) = (c_path(source)?, c_path(target)?);
    // SAFETY: the strings are NUL-terminated and outlive the call; no type or data is given.
    let ret = unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), std::ptr::null(), libc::MS_BIND, std::ptr::null())
    };
    check(ret.into()).map(drop)
}

/// A bind mount of `path` and all mounted below it onto itself.
pub(crate) fn bind_all(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the string is NUL-terminated and outlives the call; no type or data is given.
    let ret = unsafe {
        libc::mount(
            path.as_ptr(),
            path.as_ptr(),
            std::ptr::null(),
            libc::MS_BIND | libc::MS_REC,
            std::ptr::null(),
        )
    };
    check(ret.into()).map(drop)
}

/// Adds attributes (`MOUNT_ATTR_…`) to the mount at `path` and all below it: mount_setattr(2).
pub(crate) fn mount_attributes(path: &Path, attributes: u64) -> io::Result<()> {
    set_attributes(path, attributes, libc::AT_RECURSIVE)
}

/// Adds attributes (`MOUNT_ATTR_…`) to the mount at `path` alone.
pub(crate) fn mount_attributes_here(path: &Path, attributes: u64) -> io::Result<()> {
    set_attributes(path, attributes, 0)
}

fn set_attributes(path: &Path, attributes: u64, flags: libc::c_int) -> io::Result<()> {
    let path = c_path(path)?;
    let attr = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: `attr` is a valid struct mount_attr of the size given; the path is NUL-terminated.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    })
    .map(drop)
}

/// Takes the topmost mount at `path` away.
pub(crate) fn umount(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the string is NUL-terminated and outlives the call.
    check(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }.into()).map(drop)
}

/// `pivot_root(".", ".")` and the old root detached: the working directory becomes the root.
pub(crate) fn pivot_here() -> io::Result<()> {
    let dot = c".";
    // SAFETY: both arguments are the same static string.
    check(unsafe { libc::syscall(libc::SYS_pivot_root, dot.as_ptr(), dot.as_ptr()) })?;
    // SAFETY: a static string and constant flags.
    check(unsafe { libc::umount2(dot.as_ptr(), libc::MNT_DETACH) }.into())?;
    // SAFETY: a static string.
    check(unsafe { libc::chdir(c"/".as_ptr()) }.into()).map(drop)
}

/// A detached clone of the mount that holds `path`, rooted there.
pub(crate) fn open_tree(path: &Path) -> io::Result<OwnedFd> {
    const OPEN_TREE_CLONE: libc::c_uint = 1;
    let path = c_path(path)?;
    let flags = OPEN_TREE_CLONE | libc::O_CLOEXEC as libc::c_uint;
    // SAFETY: the path is NUL-terminated; the call returns a new descriptor.
    let fd = check(unsafe { libc::syscall(libc::SYS_open_tree, libc::AT_FDCWD, path.as_ptr(), flags) })?;
    // SAFETY: the kernel has just given us this descriptor, nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Attaches a detached mount at `target`.
pub(crate) fn move_mount(tree: BorrowedFd<'_>, target: &Path) -> io::Result<()> {
    const MOVE_MOUNT_F_EMPTY_PATH: libc::c_uint = 4;
    let target = c_path(target)?;
    // SAFETY: strings are NUL-terminated, the descriptor is open for the time of the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_FDCWD,
            target.as_ptr(),
            MOVE_MOUNT_F_EMPTY_PATH,
        )
    })
    .map(drop)
}

/// Maps the ids of a detached mount by a user namespace's map.
pub(crate) fn idmap(tree: BorrowedFd<'_>, userns: BorrowedFd<'_>) -> io::Result<()> {
    const MOUNT_ATTR_IDMAP: u64 = 0x0010_0000;
    #[repr(C)]
    struct MountAttr {
        attr_set: u64,
        attr_clr: u64,
        propagation: u64,
        userns_fd: u64,
    }
    let attr = MountAttr {
        attr_set: MOUNT_ATTR_IDMAP,
        attr_clr: 0,
        propagation: 0,
        userns_fd: userns.as_raw_fd() as u64,
    };
    // SAFETY: `attr` is a valid struct mount_attr of the size given; the path is empty and static.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attr,
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// unshare(2).
pub(crate) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: no memory is passed; the caller is single-threaded where the flags demand it.
    check(unsafe { libc::unshare(flags) }.into()).map(drop)
}

/// setns(2).
pub(crate) fn setns(fd: BorrowedFd<'_>, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::setns(fd.as_raw_fd(), kind) }.into()).map(drop)
}

/// A pidfd of a process by number.
pub(crate) fn pidfd_open(pid: libc::pid_t) -> io::Result<OwnedFd> {
    // SAFETY: no memory is passed.
    let fd = check(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
    // SAFETY: the kernel has just given us this descriptor.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal through a pidfd.
pub(crate) fn pidfd_signal(pidfd: BorrowedFd<'_>, signal: libc::c_int) -> io::Result<()> {
    // SAFETY: the siginfo pointer may be null; no other memory is passed.
    check(unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, std::ptr::null::<u8>(), 0)
    })
    .map(drop)
}

/// kill(2) of every other process of the pid namespace. Refused outside one's own: only its first process may.
pub(crate) fn kill_others() -> io::Result<()> {
    // SAFETY: no memory is involved.
    if unsafe { libc::getpid() } != 1 {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    // SAFETY: no memory is involved; as the first process of a pid namespace this reaches that namespace alone.
    check(unsafe { libc::kill(-1, libc::SIGKILL) }.into()).map(drop)
}

/// prctl(2) with one number.
pub(crate) fn prctl(option: libc::c_int, value: libc::c_ulong) -> io::Result<()> {
    // SAFETY: the options used here take plain numbers.
    check(unsafe { libc::prctl(option, value, 0, 0, 0) }.into()).map(drop)
}

/// Real, effective and saved group id, then user id. Raw calls: libc's would speak to all threads.
pub(crate) fn become_ids(uid: u32, gid: u32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { libc::syscall(libc::SYS_setresgid, gid, gid, gid) })?;
    // SAFETY: no memory is passed.
    check(unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) }).map(drop)
}

/// Gives up all supplementary groups.
pub(crate) fn no_groups() -> io::Result<()> {
    // SAFETY: zero groups, so no list is read.
    check(unsafe { libc::syscall(libc::SYS_setgroups, 0, std::ptr::null::<u32>()) }).map(drop)
}

/// Turns kernel process accounting of this pid namespace on.
pub(crate) fn acct(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    // SAFETY: the path is NUL-terminated.
    check(unsafe { libc::acct(path.as_ptr()) }.into()).map(drop)
}

/// Sets one resource limit, soft and hard.
pub(crate) fn rlimit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: `limit` is valid for the time of the call.
    check(unsafe { libc::setrlimit(resource, &raw const limit) }.into()).map(drop)
}

/// Sets soft and hard value of a resource limit, neither above the hard value that there is.
pub(crate) fn lower_rlimit(resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for the time of the call.
    check(unsafe { libc::getrlimit(resource, &raw mut limit) }.into())?;
    let hard = hard.min(limit.rlim_max);
    limit = libc::rlimit { rlim_cur: soft.min(hard), rlim_max: hard };
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(resource, &raw const limit) }.into()).map(drop)
}

/// Polls descriptors for input; `timeout_ms` below 0 waits for ever. Returns which are ready.
pub(crate) fn poll_in(fds: &[BorrowedFd<'_>], timeout_ms: i32) -> io::Result<Vec<bool>> {
    let mut list: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 }).collect();
    // SAFETY: `list` is valid and its length is given.
    let ret = unsafe { libc::poll(list.as_mut_ptr(), list.len() as libc::nfds_t, timeout_ms) };
    match check(ret.into()) {
        Ok(_) => Ok(list.iter().map(|p| p.revents != 0).collect()),
        Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(vec![false; fds.len()]),
        Err(e) => Err(e),
    }
}

/// The caller's effective user id.
pub(crate) fn euid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The caller's effective group id.
pub(crate) fn egid() -> u32 {
    rustix::process::getegid().as_raw()
}
