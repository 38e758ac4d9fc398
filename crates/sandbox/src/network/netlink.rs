//! The few requests of rtnetlink(7) that an environment's network takes.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

const NEWLINK: u16 = 16;
const GETLINK: u16 = 18;
const NEWADDR: u16 = 20;
const NEWROUTE: u16 = 24;
const ERROR: u16 = 2;

const REQUEST: u16 = 0x001;
const ACK: u16 = 0x004;
const CREATE: u16 = 0x400;
const EXCLUSIVE: u16 = 0x200;

/// A connection to the kernel, in the network namespace in which it was opened.
pub(super) struct Socket {
    fd: OwnedFd,
    sequence: u32,
}

/// A request in the making.
struct Message(Vec<u8>);

impl Message {
    fn new(kind: u16, flags: u16, body: &[u8]) -> Message {
        let mut bytes = vec![0; 16];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&(REQUEST | ACK | flags).to_ne_bytes());
        bytes.extend_from_slice(body);
        Message(bytes)
    }

    /// Appends an attribute.
    fn with(mut self, kind: u16, value: &[u8]) -> Message {
        let length = (4 + value.len()) as u16;
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// The attributes alone, as the value of another.
    fn nested(attributes: impl FnOnce(Message) -> Message, head: &[u8]) -> Vec<u8> {
        attributes(Message(head.to_vec())).0
    }
}

/// `struct ifinfomsg`.
fn link(index: u32, flags: u32) -> [u8; 16] {
    let mut body = [0; 16];
    body[4..8].copy_from_slice(&index.to_ne_bytes());
    body[8..12].copy_from_slice(&flags.to_ne_bytes());
    body[12..16].copy_from_slice(&flags.to_ne_bytes());
    body
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { libc::AF_INET as u8 } else { libc::AF_INET6 as u8 }
}

impl Socket {
    pub(super) fn open() -> io::Result<Socket> {
        let fd = rustix::net::socket_with(
            rustix::net::AddressFamily::NETLINK,
            rustix::net::SocketType::RAW,
            rustix::net::SocketFlags::CLOEXEC,
            None,
        )?;
        Ok(Socket { fd, sequence: 0 })
    }

    /// The index of an interface.
    pub(super) fn index(&mut self, interface: &str) -> io::Result<u32> {
        let answer = self.look(interface)?;
        let bytes = answer.get(20..24).and_then(|b| b.try_into().ok());
        bytes.map(u32::from_ne_bytes).ok_or_else(odd)
    }

    /// The hardware address of an interface.
    pub(super) fn hardware_address(&mut self, interface: &str) -> io::Result<[u8; 6]> {
        let answer = self.look(interface)?;
        let mut rest = answer.get(32..).unwrap_or_default();
        while let Some((length, kind)) = rest.get(0..2).zip(rest.get(2..4)) {
            let length = usize::from(u16::from_ne_bytes([length[0], length[1]]));
            if kind == 1u16.to_ne_bytes() {
                return rest.get(4..10).and_then(|b| b.try_into().ok()).ok_or_else(odd);
            }
            rest = rest.get(length.next_multiple_of(4).max(4)..).unwrap_or_default();
        }
        Err(odd())
    }

    /// Makes a pair of connected interfaces: `near` here, `far` in the namespace `theirs`.
    pub(super) fn veth(&mut self, near: &str, far: &str, theirs: &File) -> io::Result<()> {
        let fd = theirs.as_raw_fd().to_ne_bytes();
        let peer = Message::nested(|m| m.with(3, &name(far)).with(28, &fd), &link(0, 0));
        let data = Message::nested(|m| m.with(1, &peer), &[]);
        let info = Message::nested(|m| m.with(1, &name("veth")).with(2, &data), &[]);
        self.ask(Message::new(NEWLINK, CREATE | EXCLUSIVE, &link(0, 0)).with(3, &name(near)).with(18, &info))
            .map(drop)
    }

    /// Brings an interface up; it asks nobody for hardware addresses.
    pub(super) fn up(&mut self, index: u32, mtu: u32, queue: u32) -> io::Result<()> {
        let flags = (libc::IFF_UP | libc::IFF_NOARP) as u32;
        let message = Message::new(NEWLINK, 0, &link(index, flags))
            .with(4, &mtu.to_ne_bytes())
            .with(13, &queue.to_ne_bytes());
        self.ask(message).map(drop)
    }

    /// Gives an interface an address.
    pub(super) fn address(&mut self, index: u32, address: IpAddr, prefix: u8) -> io::Result<()> {
        const NODAD: u32 = 2;
        let mut body = vec![family(address), prefix, 0, 0];
        body.extend(index.to_ne_bytes());
        let bytes = octets(address);
        let mut message = Message::new(NEWADDR, CREATE | EXCLUSIVE, &body).with(1, &bytes).with(2, &bytes);
        if address.is_ipv6() {
            message = message.with(8, &NODAD.to_ne_bytes());
        }
        self.ask(message).map(drop)
    }

    /// Everything that is not nearer goes to `gateway`.
    pub(super) fn default_route(&mut self, index: u32, gateway: IpAddr) -> io::Result<()> {
        const MAIN: u8 = 254;
        const BOOT: u8 = 3;
        const UNICAST: u8 = 1;
        let body = [family(gateway), 0, 0, 0, MAIN, BOOT, 0, UNICAST, 0, 0, 0, 0];
        let message =
            Message::new(NEWROUTE, CREATE, &body).with(5, &octets(gateway)).with(4, &index.to_ne_bytes());
        self.ask(message).map(drop)
    }

    fn look(&mut self, interface: &str) -> io::Result<Vec<u8>> {
        self.ask(Message::new(GETLINK, 0, &link(0, 0)).with(3, &name(interface)))
    }

    /// Sends a request and takes what comes before its acknowledgement.
    fn ask(&mut self, message: Message) -> io::Result<Vec<u8>> {
        self.sequence += 1;
        let mut bytes = message.0;
        let length = bytes.len() as u32;
        bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        bytes[8..12].copy_from_slice(&self.sequence.to_ne_bytes());
        rustix::net::send(&self.fd, &bytes, rustix::net::SendFlags::empty())?;
        let mut answer = Vec::new();
        let mut buffer = vec![0; 32 << 10];
        loop {
            let (length, _) = rustix::net::recv(&self.fd, &mut buffer[..], rustix::net::RecvFlags::empty())?;
            let mut rest = &buffer[..length];
            while rest.len() >= 16 {
                let length = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
                let one = rest.get(..length).filter(|one| one.len() >= 16).ok_or_else(odd)?;
                if u16::from_ne_bytes([one[4], one[5]]) == ERROR {
                    let number = one.get(16..20).and_then(|b| b.try_into().ok()).map(i32::from_ne_bytes);
                    return match number.ok_or_else(odd)? {
                        0 => Ok(answer),
                        errno => Err(io::Error::from_raw_os_error(-errno)),
                    };
                }
                answer = one.to_vec();
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }
    }
}

fn odd() -> io::Error {
    io::Error::other("an odd answer from rtnetlink")
}
