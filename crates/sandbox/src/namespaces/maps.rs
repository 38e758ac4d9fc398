//! Which ids inside are which ids outside.

use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};

/// How many ids an environment has where it gets a range of its own.
pub const RANGE: u32 = 65_536;
/// Ranges begin here: above all that distributions, containers and systemd hand out (it ends at 0x6fff_ffff),
/// and below where ids turn negative for some programs.
const FIRST: u32 = 0x7000_0000;
/// How many ranges there are to choose from.
const SLOTS: u32 = 0x0ffe;

/// A stretch of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// First id inside.
    pub inside: u32,
    /// First id outside.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

impl IdRange {
    /// As a line of `uid_map`, whose outside numbers are those of the writer's user namespace.
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}\n", self.inside, self.outside, self.count)
    }
}

/// Takes an id range that no other run of this host uses: a lock on an abstract socket name holds it for as
/// long as the returned descriptor is open.
pub(crate) fn take_range(run: &str) -> io::Result<(u32, OwnedFd)> {
    let start = run.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    for step in 0..SLOTS {
        let base = FIRST + (start.wrapping_add(step) % SLOTS) * RANGE;
        let socket = rustix::net::socket_with(
            rustix::net::AddressFamily::UNIX,
            rustix::net::SocketType::DGRAM,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        let name = format!("detektr-ids-{base}");
        let address = rustix::net::SocketAddrUnix::new_abstract_name(name.as_bytes())?;
        match rustix::net::bind(&socket, &address) {
            Ok(()) => return Ok((base, socket)),
            Err(rustix::io::Errno::ADDRINUSE) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(io::Error::other("every id range is taken"))
}

/// Writes the maps of a process that has just made its user namespace.
pub(crate) fn write(pid: u32, uid_map: &str, gid_map: &str, deny_groups: bool) -> io::Result<()> {
    let put = |name: &str, text: &str| {
        OpenOptions::new().write(true).open(format!("/proc/{pid}/{name}"))?.write_all(text.as_bytes())
    };
    if deny_groups {
        put("setgroups", "deny")?;
    }
    put("uid_map", uid_map)?;
    put("gid_map", gid_map)
}

/// A user namespace that serves only as the map of an idmapped mount.
pub(crate) fn map_namespace(base: u32) -> io::Result<OwnedFd> {
    let line = IdRange { inside: 0, outside: base, count: RANGE }.line();
    let (wait, go) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let raw_wait = {
        use std::os::fd::AsRawFd;
        wait.as_raw_fd() as libc::c_uint
    };
    // SAFETY: the child makes four system calls and ends.
    let child = match unsafe { super::clone::clone3(libc::CLONE_NEWUSER as u64, None) }? {
        Some(child) => child,
        // SAFETY: in the child: system calls on descriptors and a stack byte only.
        None => unsafe {
            // Nothing is kept of the writing ends, of this pipe or of those that other threads have just made: two
            // children that held each other's would wait for each other without end.
            if raw_wait > 0 {
                libc::syscall(libc::SYS_close_range, 0, raw_wait - 1, 0);
            }
            libc::syscall(libc::SYS_close_range, raw_wait + 1, libc::c_uint::MAX, 0);
            let mut byte = 0u8;
            libc::read(raw_wait as libc::c_int, (&raw mut byte).cast(), 1);
            libc::_exit(0)
        },
    };
    let made = write(child.pid as u32, &line, &line, false)
        .and_then(|()| std::fs::File::open(format!("/proc/{}/ns/user", child.pid)));
    drop(go);
    reap(&child);
    made.map(OwnedFd::from)
}

/// Waits for a child's end.
pub(crate) fn reap(child: &super::clone::Child) {
    let fd = child.pidfd.as_fd();
    while let Err(rustix::io::Errno::INTR) =
        rustix::process::waitid(rustix::process::WaitId::PidFd(fd), rustix::process::WaitIdOptions::EXITED)
    {
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_that_are_made_at_once_do_not_wait_for_each_other() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root may map a range of ids");
            return;
        }
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        map_namespace(1 << 20).expect("a user namespace with its map");
                    }
                });
            }
        });
    }
}
