//! IP packets as they come out of the device: who to whom, and what is in them.

use crate::reassembly::Whole;
use smoltcp::wire::{
    IpAddress, IpProtocol, IpRepr, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, TcpPacket, UdpPacket, UdpRepr,
};
use std::net::IpAddr;

/// Ends of a conversation, the environment's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) protocol: u8,
    pub(crate) local: (IpAddr, u16),
    pub(crate) remote: (IpAddr, u16),
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram's content.
    Udp(&'a [u8]),
    /// An ICMP message (of either version).
    Icmp(&'a [u8]),
    /// A part of a packet: of which one, where in its content, whether more come after it, and the part.
    Fragment(Whole, usize, bool, &'a [u8]),
    /// Something else.
    Other,
}

/// What must be known of a TCP segment before it is given to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) syn: bool,
    pub(crate) ack: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) sequence: i32,
    pub(crate) acknowledged: i32,
    /// Bytes of content.
    pub(crate) length: usize,
}

/// A packet that was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) key: Key,
    pub(crate) body: Body<'a>,
}

/// How many extension headers of IPv6 are looked through.
const EXTENSIONS: usize = 8;

/// Reads a packet that the environment sent. `None` where it is none.
pub(crate) fn parse(bytes: &[u8]) -> Option<Packet<'_>> {
    let (from, to, protocol, payload, fragment): (IpAddr, IpAddr, u8, &[u8], Option<Part>) = match bytes
        .first()?
        >> 4
    {
        4 => {
            let packet = Ipv4Packet::new_checked(bytes).ok()?;
            if usize::from(packet.header_len()) < 20 {
                return None;
            }
            let (offset, more) = (usize::from(packet.frag_offset()), packet.more_frags());
            let fragment =
                (more || offset != 0).then(|| Part { identification: packet.ident().into(), offset, more });
            let payload = bytes.get(usize::from(packet.header_len())..usize::from(packet.total_len()))?;
            (
                packet.src_addr().into(),
                packet.dst_addr().into(),
                packet.next_header().into(),
                payload,
                fragment,
            )
        }
        6 => {
            let packet = Ipv6Packet::new_checked(bytes).ok()?;
            let payload = bytes.get(40..40 + usize::from(packet.payload_len()))?;
            let (protocol, payload, fragment) = extensions(packet.next_header().into(), payload)?;
            (packet.src_addr().into(), packet.dst_addr().into(), protocol, payload, fragment)
        }
        _ => return None,
    };
    Some(match fragment {
        None => whole(from, to, protocol, payload),
        Some(Part { identification, offset, more }) => Packet {
            key: Key { protocol, local: (from, 0), remote: (to, 0) },
            body: Body::Fragment(Whole { from, to, protocol, identification }, offset, more, payload),
        },
    })
}

/// A whole packet with this content.
pub(crate) fn whole(from: IpAddr, to: IpAddr, protocol: u8, content: &[u8]) -> Packet<'_> {
    let (ports, body) = body(protocol, content);
    Packet { key: Key { protocol, local: (from, ports.0), remote: (to, ports.1) }, body }
}

/// Where a part of a packet belongs.
struct Part {
    identification: u32,
    offset: usize,
    more: bool,
}

/// What lies behind IPv6's extension headers: protocol, content, and which part of a packet that is.
fn extensions(mut protocol: u8, mut payload: &[u8]) -> Option<(u8, &[u8], Option<Part>)> {
    for _ in 0..EXTENSIONS {
        match protocol {
            0 | 43 | 60 => {
                let length = (usize::from(*payload.get(1)?) + 1) * 8;
                (protocol, payload) = (*payload.first()?, payload.get(length..)?);
            }
            44 => {
                let place = u16::from_be_bytes([*payload.get(2)?, *payload.get(3)?]);
                let identification = u32::from_be_bytes(payload.get(4..8)?.try_into().ok()?);
                (protocol, payload) = (*payload.first()?, payload.get(8..)?);
                if place & !0b110 != 0 {
                    let part =
                        Part { identification, offset: usize::from(place & !0b111), more: place & 1 == 1 };
                    return Some((protocol, payload, Some(part)));
                }
            }
            _ => return Some((protocol, payload, None)),
        }
    }
    None
}

fn body(protocol: u8, payload: &[u8]) -> ((u16, u16), Body<'_>) {
    match IpProtocol::from(protocol) {
        IpProtocol::Tcp => match TcpPacket::new_checked(payload) {
            Ok(tcp) if tcp.src_port() != 0 && tcp.dst_port() != 0 => {
                let segment = Segment {
                    syn: tcp.syn(),
                    ack: tcp.ack(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    sequence: tcp.seq_number().0,
                    acknowledged: tcp.ack_number().0,
                    length: payload.len().saturating_sub(usize::from(tcp.header_len())),
                };
                ((tcp.src_port(), tcp.dst_port()), Body::Tcp(segment))
            }
            _ => ((0, 0), Body::Other),
        },
        IpProtocol::Udp => match UdpPacket::new_checked(payload) {
            Ok(udp) => match payload.get(8..usize::from(udp.len())) {
                Some(content) => ((udp.src_port(), udp.dst_port()), Body::Udp(content)),
                None => ((0, 0), Body::Other),
            },
            Err(_) => ((0, 0), Body::Other),
        },
        IpProtocol::Icmp | IpProtocol::Icmpv6 => (ports(protocol, payload), Body::Icmp(payload)),
        _ => ((0, 0), Body::Other),
    }
}

/// The ports in the first part of a packet's content, or what stands for them; zeros where there are none.
pub(crate) fn ports(protocol: u8, content: &[u8]) -> (u16, u16) {
    match (protocol, content) {
        (6 | 17, [a, b, c, d, ..]) => (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d])),
        // the identifier of an echo, which is the port of a ping socket
        (1, [8, _, _, _, a, b, ..]) | (58, [128, _, _, _, a, b, ..]) => (u16::from_be_bytes([*a, *b]), 0),
        _ => (0, 0),
    }
}

/// The conversation whose packet the environment's kernel sends back as undeliverable by an ICMP message, as where nobody
/// waits for an answer any more.
pub(crate) fn undelivered(protocol: u8, message: &[u8]) -> Option<Key> {
    let quoted = message.get(8..)?;
    let (from, to, protocol, content): (IpAddr, IpAddr, u8, &[u8]) = match (protocol, message[0]) {
        (1, 3) => {
            let header = usize::from(quoted.first()? & 15) * 4;
            let address = |at: usize| <[u8; 4]>::try_from(quoted.get(at..at + 4)?).ok();
            (address(12)?.into(), address(16)?.into(), *quoted.get(9)?, quoted.get(header..)?)
        }
        (58, 1) => {
            let address = |at: usize| <[u8; 16]>::try_from(quoted.get(at..at + 16)?).ok();
            (address(8)?.into(), address(24)?.into(), *quoted.get(6)?, quoted.get(40..)?)
        }
        _ => return None,
    };
    let (theirs, own) = ports(protocol, content);
    Some(Key { protocol, local: (to, own), remote: (from, theirs) })
}

/// The address as smoltcp has it.
pub(crate) fn address(address: IpAddr) -> IpAddress {
    address.into()
}

/// An IP packet from the internet's end of `key` to the environment's, its content of `length` bytes written by
/// `write`. `None` where it would be too large.
pub(crate) fn answer(key: &Key, length: usize, write: impl FnOnce(&mut [u8])) -> Option<Vec<u8>> {
    let next_header = IpProtocol::from(key.protocol);
    let repr = match (key.remote.0, key.local.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => IpRepr::Ipv4(Ipv4Repr {
            src_addr: from,
            dst_addr: to,
            next_header,
            payload_len: length,
            hop_limit: HOPS,
        }),
        (IpAddr::V6(from), IpAddr::V6(to)) => IpRepr::Ipv6(Ipv6Repr {
            src_addr: from,
            dst_addr: to,
            next_header,
            payload_len: length,
            hop_limit: HOPS,
        }),
        _ => return None,
    };
    let header = repr.header_len();
    if header + length > 65_535 {
        return None;
    }
    let mut packet = vec![0; header + length];
    repr.emit(&mut packet[..], &Default::default());
    write(&mut packet[header..]);
    Some(packet)
}

/// The parts in which a packet goes over a wire that takes `most` bytes at once (RFC 791, RFC 8200); `identification` tells
/// that they belong together.
pub(crate) fn fragments(packet: Vec<u8>, most: usize, identification: u32) -> Vec<Vec<u8>> {
    if packet.len() <= most {
        return vec![packet];
    }
    let six = packet[0] >> 4 == 6;
    let (header, content) = packet.split_at(if six { 40 } else { 20 });
    let room = (most - header.len() - if six { 8 } else { 0 }) & !7;
    let count = content.len().div_ceil(room);
    let part = |(at, part): (usize, &[u8])| {
        let more = at + 1 < count;
        let mut header = header.to_vec();
        if six {
            let length = (part.len() + 8) as u16;
            header[4..6].copy_from_slice(&length.to_be_bytes());
            let next = std::mem::replace(&mut header[6], 44);
            header.extend([next, 0]);
            header.extend(((at * room) as u16 | u16::from(more)).to_be_bytes());
            header.extend(identification.to_be_bytes());
        } else {
            let mut ip = Ipv4Packet::new_unchecked(&mut header[..]);
            ip.set_total_len((20 + part.len()) as u16);
            ip.set_ident(identification as u16);
            ip.set_dont_frag(false);
            ip.set_more_frags(more);
            ip.set_frag_offset((at * room) as u16);
            ip.fill_checksum();
        }
        header.extend(part);
        header
    };
    content.chunks(room).enumerate().map(part).collect()
}

/// What is left of the hops on the way here: a world that is some routers away.
const HOPS: u8 = 55;

/// A UDP datagram from the internet's end of `key` to the environment's.
pub(crate) fn datagram(key: &Key, content: &[u8]) -> Option<Vec<u8>> {
    let repr = UdpRepr { src_port: key.remote.1, dst_port: key.local.1 };
    if content.len() > 65_527 {
        return None;
    }
    answer(key, 8 + content.len(), |buffer| {
        let mut udp = UdpPacket::new_unchecked(buffer);
        repr.emit(
            &mut udp,
            &address(key.remote.0),
            &address(key.local.0),
            content.len(),
            |payload| payload.copy_from_slice(content),
            &Default::default(),
        );
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: Key = Key {
        protocol: 17,
        local: (IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 7, 2)), 40_000),
        remote: (IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 1)), 53),
    };

    #[test]
    fn a_datagram_is_read_as_it_was_written() {
        let packet = datagram(&KEY, b"hello").expect("it fits");
        let read = parse(&packet).expect("a packet");
        assert_eq!(read.key, Key { protocol: 17, local: KEY.remote, remote: KEY.local });
        assert_eq!(read.body, Body::Udp(b"hello"));
    }

    #[test]
    fn what_is_undelivered_is_known_by_what_is_quoted() {
        let six =
            Key { local: ("fd00::2".parse().unwrap(), 9), remote: ("2001:2::7".parse().unwrap(), 7), ..KEY };
        for (key, protocol, kind) in [(KEY, 1, 3), (six, 58, 1)] {
            let sent = datagram(&key, b"late").expect("it fits");
            let message = [&[kind, 3, 0, 0, 0, 0, 0, 0][..], &sent].concat();
            assert_eq!(undelivered(protocol, &message), Some(key));
            assert_eq!(undelivered(protocol, &[&[8][..], &message[1..]].concat()), None);
            for end in 1..message.len() {
                let _ = undelivered(protocol, &message[..end]);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_written() {
        assert!(datagram(&KEY, &vec![0; 65_507]).is_some());
        assert!(datagram(&KEY, &vec![0; 65_508]).is_none());
        assert!(datagram(&KEY, &vec![0; 100_000]).is_none());
    }

    #[test]
    fn what_is_larger_than_the_wire_takes_goes_in_parts_that_are_the_same_together() {
        let six = Key {
            protocol: 17,
            local: ("fd00::2".parse().unwrap(), 9),
            remote: ("2001:2::7".parse().unwrap(), 7),
        };
        for (key, size) in [(KEY, 9000), (six, 9000), (KEY, 1472), (six, 1453), (KEY, 60_000)] {
            let content: Vec<u8> = (0..size).map(|n| n as u8).collect();
            let whole = datagram(&key, &content).expect("it fits");
            let parts = fragments(whole.clone(), 1500, 77);
            assert!(parts.iter().all(|part| part.len() <= 1500));
            if whole.len() <= 1500 {
                assert_eq!(parts, [whole]);
                continue;
            }
            let mut reassembly = crate::reassembly::Reassembly::default();
            let mut got = None;
            for part in parts.iter().rev() {
                let Some(Packet { body: Body::Fragment(of, offset, more, content), .. }) = parse(part) else {
                    panic!("no fragment: {part:?}")
                };
                got = reassembly.part(of, offset, more, content).map(|content| (of, content));
            }
            let (of, got) = got.expect("all parts came");
            assert_eq!(super::whole(of.from, of.to, of.protocol, &got).body, Body::Udp(&content[..]));
        }
    }

    #[test]
    fn extension_headers_are_looked_through_and_loops_of_them_are_not() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 16, 0, 64];
        packet.extend([0xfd; 16]);
        packet.extend([0xfe; 16]);
        packet.extend([17, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([0, 7, 0, 9, 0, 8, 0, 0]);
        let read = parse(&packet).expect("a packet");
        assert_eq!((read.key.local.1, read.key.remote.1, read.body), (7, 9, Body::Udp(b"")));
        let mut endless = packet[..40].to_vec();
        endless[4..6].copy_from_slice(&800u16.to_be_bytes());
        endless.extend(std::iter::repeat_n(0, 800));
        assert!(parse(&endless).is_none());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), version in prop_oneof![Just(0x45u8), Just(0x46), Just(0x60), any::<u8>()], protocol in prop_oneof![Just(6u8), Just(17), Just(1), Just(58), Just(44), any::<u8>()]) {
            let mut bytes = bytes;
            for (at, value) in [(0, version), (if version >> 4 == 6 { 6 } else { 9 }, protocol)] {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = value;
                }
            }
            let length = u16::try_from(bytes.len()).unwrap_or(0);
            if version >> 4 == 4 && bytes.len() > 4 {
                bytes[2..4].copy_from_slice(&length.to_be_bytes());
            } else if bytes.len() > 40 {
                bytes[4..6].copy_from_slice(&(length - 40).to_be_bytes());
            }
            drop(format!("{:?}", parse(&bytes)));
        }
    }
}
