//! Answers to ping.

use crate::packet::{self, Key};
use smoltcp::wire::{Icmpv4Packet, Icmpv6Packet, IpAddress};

/// The answer to an echo request. `None` where `message` is none, or broken.
pub(crate) fn echo(key: &Key, message: &[u8]) -> Option<Vec<u8>> {
    if message.len() < 8 {
        return None;
    }
    let (from, to) = (packet::address(key.remote.0), packet::address(key.local.0));
    match (key.protocol, message[0], from, to) {
        (1, 8, IpAddress::Ipv4(_), _) => packet::answer(key, message.len(), |buffer| {
            buffer.copy_from_slice(message);
            buffer[0] = 0;
            Icmpv4Packet::new_unchecked(buffer).fill_checksum();
        }),
        (58, 128, IpAddress::Ipv6(from), IpAddress::Ipv6(to)) if !from.is_multicast() => {
            packet::answer(key, message.len(), |buffer| {
                buffer.copy_from_slice(message);
                buffer[0] = 129;
                Icmpv6Packet::new_unchecked(buffer).fill_checksum(&from, &to);
            })
        }
        _ => None,
    }
}
