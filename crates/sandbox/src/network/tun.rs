//! A TUN device.

use crate::sys;
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

const TUNSETIFF: libc::c_ulong = 0x4004_54ca;
const IFF_TUN: libc::c_short = 0x0001;
const IFF_NO_PI: libc::c_short = 0x1000;

/// `struct ifreq` for `TUNSETIFF`.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: libc::c_short,
    rest: [u8; 22],
}

/// The device's file, found but not opened yet.
pub(super) fn place() -> io::Result<OwnedFd> {
    Ok(rustix::fs::open("/dev/net/tun", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?)
}

/// Makes the device `name` in the network namespace that the caller is in; it belongs to the one in which the file
/// is opened.
pub(super) fn open(place: BorrowedFd<'_>, name: &str) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    let fd = rustix::fs::open(path, OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    let mut request = Request { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: `request` has the size and layout of struct ifreq for this request.
    sys::check(unsafe { libc::ioctl(fd.as_raw_fd(), TUNSETIFF, &raw mut request) }.into())?;
    Ok(fd)
}
