//! Packets that came in fragments, put together again: a few at once, each as large as a packet may be.

use crate::packet;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;

/// Packets that may be incomplete at once; of more, the oldest is given up.
const PACKETS: usize = 64;
/// Fragments of one packet.
const FRAGMENTS: usize = 128;
/// Bytes of one packet's content.
const LARGEST: usize = 65_535;

/// Which packet a fragment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Whole {
    pub(crate) from: IpAddr,
    pub(crate) to: IpAddr,
    pub(crate) protocol: u8,
    pub(crate) identification: u32,
}

/// Packets of which parts came.
#[derive(Default)]
pub(crate) struct Reassembly {
    packets: HashMap<Whole, Parts>,
    order: VecDeque<Whole>,
    /// Ports of the last packets of which the first part came.
    ports: VecDeque<(Whole, (u16, u16))>,
}

#[derive(Default)]
struct Parts {
    /// By offset.
    parts: BTreeMap<usize, Vec<u8>>,
    /// Length of all, once the last part has come.
    length: Option<usize>,
}

impl Reassembly {
    /// Ports of the packet that a part at `offset` belongs to: they stand in its first part only, so that `None` is known
    /// of what comes before that.
    pub(crate) fn ports(&mut self, whole: Whole, offset: usize, content: &[u8]) -> Option<(u16, u16)> {
        if offset == 0 {
            let ports = packet::ports(whole.protocol, content);
            self.ports.retain(|(other, _)| *other != whole);
            if self.ports.len() >= PACKETS {
                self.ports.pop_front();
            }
            self.ports.push_back((whole, ports));
        }
        self.ports.iter().find(|(other, _)| *other == whole).map(|(_, ports)| *ports)
    }

    /// Takes the part of `whole` that begins at `offset`; the content where that completes it. Parts that overlap
    /// make it be given up (RFC 5722).
    pub(crate) fn part(
        &mut self,
        whole: Whole,
        offset: usize,
        more: bool,
        content: &[u8],
    ) -> Option<Vec<u8>> {
        let end = offset + content.len();
        if end > LARGEST || content.is_empty() {
            return None;
        }
        if !self.packets.contains_key(&whole) {
            if self.packets.len() >= PACKETS
                && let Some(oldest) = self.order.pop_front()
            {
                self.packets.remove(&oldest);
            }
            self.order.push_back(whole);
        }
        let parts = self.packets.entry(whole).or_default();
        let before = parts.parts.range(..end).next_back().is_some_and(|(at, part)| at + part.len() > offset);
        let known = parts.length;
        if !more {
            parts.length = Some(end);
        }
        let odd = before || parts.parts.len() >= FRAGMENTS || known.is_some_and(|known| !more || end > known);
        parts.parts.insert(offset, content.to_vec());
        if odd {
            self.forget(&whole);
            return None;
        }
        let gathered: usize = parts.parts.values().map(Vec::len).sum();
        if parts.length != Some(gathered) {
            return None;
        }
        let parts = self.packets.remove(&whole)?;
        self.order.retain(|other| *other != whole);
        Some(parts.parts.into_values().flatten().collect())
    }

    fn forget(&mut self, whole: &Whole) {
        self.packets.remove(whole);
        self.order.retain(|other| other != whole);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(identification: u32) -> Whole {
        Whole { from: [10, 0, 0, 1].into(), to: [10, 0, 0, 2].into(), protocol: 17, identification }
    }

    #[test]
    fn ports_are_those_of_the_first_part_of_the_same_packet() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.ports(whole(1), 8, &[0; 8]), None);
        assert_eq!(reassembly.ports(whole(1), 0, &[0, 7, 0, 9, 0, 0, 0, 0]), Some((7, 9)));
        assert_eq!(reassembly.ports(whole(1), 8, &[0; 8]), Some((7, 9)));
        assert_eq!(reassembly.ports(whole(2), 8, &[0; 8]), None);
        assert_eq!(reassembly.ports(whole(2), 0, &[0, 1]), Some((0, 0)));
        for more in 3..3 + PACKETS as u32 {
            reassembly.ports(whole(more), 0, &[0; 8]);
        }
        assert_eq!(reassembly.ports(whole(1), 8, &[0; 8]), None);
    }

    #[test]
    fn parts_in_any_order_make_the_packet() {
        let mut reassembly = Reassembly::default();
        assert_eq!(reassembly.part(whole(1), 16, false, b"end"), None);
        assert_eq!(reassembly.part(whole(2), 0, true, b"another1"), None);
        assert_eq!(reassembly.part(whole(1), 0, true, b"01234567"), None);
        assert_eq!(
            reassembly.part(whole(1), 8, true, b"89abcdef").as_deref(),
            Some(&b"0123456789abcdefend"[..])
        );
        assert!(reassembly.packets.len() == 1 && reassembly.order.len() == 1);
    }

    #[test]
    fn parts_that_overlap_or_reach_too_far_make_none() {
        let mut reassembly = Reassembly::default();
        reassembly.part(whole(1), 0, true, b"01234567");
        assert_eq!(reassembly.part(whole(1), 0, true, b"01234567"), None);
        assert_eq!(reassembly.part(whole(1), 8, false, b"x"), None, "what overlapped is forgotten");
        assert_eq!(reassembly.part(whole(2), 65_528, false, b"012345678"), None);
        reassembly.part(whole(3), 8, false, b"x");
        assert_eq!(reassembly.part(whole(3), 16, true, b"01234567"), None, "past the end");
    }

    #[test]
    fn more_than_there_is_room_for_are_given_up() {
        let mut reassembly = Reassembly::default();
        for number in 0..10_000 {
            reassembly.part(whole(number), 0, true, &[0; 1480]);
            for part in 1..10 {
                reassembly.part(whole(number), part * 1480, true, &[0; 1480]);
            }
        }
        assert!(reassembly.packets.len() <= PACKETS && reassembly.order.len() <= PACKETS);
    }
}
