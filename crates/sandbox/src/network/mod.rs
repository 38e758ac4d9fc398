//! The one device of an environment's network, whose other end is held outside: a TUN device, or where `/dev/net/tun`
//! can't be opened, a veth pair whose far end lies in init's own network namespace and is read through a packet
//! socket. Init makes it, since it has power over both namespaces and is out of
//! the artifact's reach.

mod netlink;
mod tun;
mod veth;

use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The name that the environment sees.
const NAME: &str = "eth0";
/// Bytes of the largest packet, as on most networks. It also bounds what the queue can hold.
const MTU: u32 = 1500;
/// How many packets may wait for the reader: a burst fits in.
const QUEUE: u32 = 16_384;

/// The addresses of an environment: its own, and those of its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Its IPv4 address.
    pub v4: Ipv4Addr,
    /// Its gateway.
    pub gateway4: Ipv4Addr,
    /// Its IPv6 address.
    pub v6: Ipv6Addr,
    /// Its gateway.
    pub gateway6: Ipv6Addr,
}

/// Bits of the IPv4 network.
const PREFIX4: u8 = 24;
/// Bits of the IPv6 network.
const PREFIX6: u8 = 64;

/// Which device it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A TUN device: reads and writes are IP packets.
    Tun,
    /// A veth pair whose far end is a packet socket: reads and writes are Ethernet frames.
    Veth {
        /// Hardware address of the environment's end.
        peer: [u8; 6],
    },
}

/// The outer end of an environment's device.
#[derive(Debug)]
pub struct Device {
    /// Its descriptor; it does not block.
    pub fd: OwnedFd,
    /// How it is used.
    pub kind: DeviceKind,
}

/// What init keeps for making devices: `/dev/net/tun`, opened as a place before the host's `/dev` is out of reach.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    tun: Option<OwnedFd>,
}

impl Maker {
    pub(crate) fn new() -> Maker {
        Maker { tun: tun::place().ok() }
    }

    /// Makes and configures the device of the network namespace `theirs`.
    pub(crate) fn make(&self, theirs: &File, addresses: &Addresses) -> io::Result<Device> {
        let own = File::open("/proc/self/ns/net")?;
        let made =
            match self.tun.as_ref().map(|place| inside(&own, theirs, || tun::open(place.as_fd(), NAME))) {
                Some(Ok(fd)) => Ok(Device { fd, kind: DeviceKind::Tun }),
                tried => veth::make(&own, theirs, NAME).map_err(|e| match tried {
                    Some(Err(tun)) => io::Error::other(format!("/dev/net/tun: {tun}; a veth pair: {e}")),
                    _ => io::Error::other(format!("there is no /dev/net/tun; a veth pair: {e}")),
                }),
            }?;
        inside(&own, theirs, || configure(addresses))?;
        Ok(made)
    }
}

/// A device in use, for whoever wants to know what it lost.
#[derive(Debug)]
pub(crate) struct Watched {
    namespace: File,
    /// The packet socket. A TUN device is not kept: the last one who closes it waits for its end.
    socket: Option<OwnedFd>,
}

impl Watched {
    /// The device of process `pid`.
    pub(crate) fn new(pid: i32, device: Device) -> io::Result<Watched> {
        let socket = matches!(device.kind, DeviceKind::Veth { .. }).then_some(device.fd);
        Ok(Watched { namespace: File::open(format!("/proc/{pid}/ns/net"))?, socket })
    }

    /// Packets that were dropped before anybody read them.
    pub(crate) fn lost(&self) -> io::Result<u64> {
        let own = File::open("/proc/self/ns/net")?;
        let dropped = inside(&own, &self.namespace, || std::fs::read_to_string("/proc/self/net/dev"))?;
        let line = dropped.lines().find_map(|line| line.trim().strip_prefix(NAME)?.strip_prefix(':'));
        // the twelfth number: packets that were to be sent and were dropped
        let dropped = line.and_then(|numbers| numbers.split_whitespace().nth(11)?.parse::<u64>().ok());
        let dropped = dropped.ok_or_else(|| io::Error::other("the device is gone"))?;
        let unread = self.socket.as_ref().map_or(Ok(0), veth::dropped)?;
        Ok(dropped + unread)
    }
}

/// Does something in another network namespace.
fn inside<T>(own: &File, other: &File, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    sys::setns(other.as_fd(), libc::CLONE_NEWNET)?;
    let done = act();
    // Nothing may go on in the wrong one.
    sys::setns(own.as_fd(), libc::CLONE_NEWNET)?;
    done
}

/// Addresses and routes; the kernel keeps quiet about itself as far as it can be told to.
fn configure(addresses: &Addresses) -> io::Result<()> {
    let settings = Path::new("/proc/sys/net/ipv6/conf").join(NAME);
    let v6 = settings.exists();
    if v6 {
        for (name, value) in
            [("accept_ra", "0"), ("router_solicitations", "0"), ("accept_dad", "0"), ("addr_gen_mode", "1")]
        {
            // A kernel without one of these says some more packets, which are known for what they are.
            let _ = std::fs::write(settings.join(name), value);
        }
    }
    let mut link = netlink::Socket::open()?;
    let index = link.index(NAME)?;
    link.up(index, MTU, QUEUE)?;
    link.address(index, addresses.v4.into(), PREFIX4)?;
    link.default_route(index, addresses.gateway4.into())?;
    if v6 {
        link.address(index, addresses.v6.into(), PREFIX6)?;
        link.default_route(index, addresses.gateway6.into())?;
    }
    Ok(())
}

/// Whether such a device can be made here, tried in namespaces of the calling process's own; which one.
pub(crate) fn attempt() -> io::Result<DeviceKind> {
    let maker = Maker::new();
    let addresses = Addresses {
        v4: Ipv4Addr::new(192, 168, 1, 2),
        gateway4: Ipv4Addr::new(192, 168, 1, 1),
        v6: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2),
        gateway6: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1),
    };
    let own = File::open("/proc/self/ns/net")?;
    sys::unshare(libc::CLONE_NEWNET)?;
    let theirs = File::open("/proc/self/ns/net")?;
    sys::setns(own.as_fd(), libc::CLONE_NEWNET)?;
    maker.make(&theirs, &addresses).map(|device| device.kind)
}
