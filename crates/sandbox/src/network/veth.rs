//! A veth pair, its far end read through a packet socket.

use super::{Device, DeviceKind, MTU, QUEUE, inside, netlink};
use crate::sys;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Room for packets that wait, in bytes; the kernel gives what the host allows.
const BUFFER: libc::c_int = 64 << 20;
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
const SIOCETHTOOL: libc::c_ulong = 0x8946;
/// Transmit checksums, scatter-gather, TCP segmentation, generic segmentation and generic receive offload: each
/// changes packets on their way, or leaves part of them to hardware that isn't there.
const OFFLOADS: [u32; 5] = [0x17, 0x19, 0x1f, 0x24, 0x2c];

/// Makes a pair: `name` in the namespace `theirs`, the far end in the caller's own.
pub(super) fn make(own: &File, theirs: &File, name: &str) -> io::Result<Device> {
    let far = format!("far{}", std::process::id());
    let mut link = netlink::Socket::open()?;
    link.veth(&far, name, theirs)?;
    let interface = link.index(&far)?;
    // Our own kernel has nothing to say on it.
    let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{far}/disable_ipv6"), "1");
    for offload in OFFLOADS {
        switch_off(&far, offload)?;
    }
    link.up(interface, MTU, QUEUE)?;
    let peer = inside(own, theirs, || {
        for offload in OFFLOADS {
            switch_off(name, offload)?;
        }
        netlink::Socket::open()?.hardware_address(name)
    })?;
    Ok(Device { fd: packets(interface)?, kind: DeviceKind::Veth { peer } })
}

fn switch_off(name: &str, offload: u32) -> io::Result<()> {
    #[repr(C)]
    struct Value {
        command: u32,
        data: u32,
    }
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        value: *mut Value,
        rest: [u8; 16],
    }
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    let mut value = Value { command: offload, data: 0 };
    let mut request = Request { name: [0; 16], value: &raw mut value, rest: [0; 16] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: `request` has the layout of struct ifreq for this request, and points to a struct ethtool_value; both
    // are valid for the time of the call.
    let done = sys::check(unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL, &raw mut request) }.into());
    match done {
        Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(()),
        other => other.map(drop),
    }
}

/// A socket that takes every frame that comes out of `interface`, and puts in what is written to it.
fn packets(interface: u32) -> io::Result<OwnedFd> {
    let all = (libc::ETH_P_ALL as u16).to_be();
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no memory is passed. Protocol 0 takes nothing yet.
    let fd = sys::check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) }.into())?;
    // SAFETY: the kernel has just made this descriptor for us.
    let fd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
    let set = |level, name, value: libc::c_int| {
        let size = size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: `value` is valid for its size and the time of the call.
        let set = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), size) };
        sys::check(set.into())
    };
    if set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, BUFFER).is_err() {
        set(libc::SOL_SOCKET, libc::SO_RCVBUF, BUFFER)?;
    }
    set(libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)?;
    // SAFETY: all zero is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = all;
    address.sll_ifindex = interface as i32;
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the address is valid for its size and the time of the call.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size) };
    sys::check(bound.into())?;
    Ok(fd)
}

/// Packets that found no room in the socket.
pub(super) fn dropped(socket: &OwnedFd) -> io::Result<u64> {
    #[repr(C)]
    struct Statistics {
        packets: u32,
        drops: u32,
    }
    let mut statistics = Statistics { packets: 0, drops: 0 };
    let mut size = size_of::<Statistics>() as libc::socklen_t;
    // SAFETY: the buffer is valid for `size` bytes, of which the kernel writes no more.
    let got = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            (&raw mut statistics).cast(),
            &raw mut size,
        )
    };
    sys::check(got.into())?;
    Ok(statistics.drops.into())
}
