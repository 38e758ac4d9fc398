//! Conversations: their numbers, counts, first bytes and ends.

use crate::clock::boot_ns;
use crate::packet::Key;
use crate::told::Told;
use detektr_event::{Attribution, Detail, End, Flow, FlowRef};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// How many conversations are followed at once; of more, the oldest is told as it stands.
const OPEN: usize = 65_536;
/// How much is kept of what is said first.
const FIRST: usize = 256;

/// The conversations of a run.
#[derive(Default)]
pub(crate) struct Flows {
    open: HashMap<Key, Open>,
    /// Keys in the order of their beginning, with the number that tells a key's uses apart.
    order: VecDeque<(u64, Key)>,
    last: u64,
}

struct Open {
    id: u64,
    start_ns: u64,
    last_ns: u64,
    service: &'static str,
    bytes: [u64; 2],
    packets: [u64; 2],
    first: [Vec<u8>; 2],
    /// It has ended so, and is told once no more stragglers come.
    ended: Option<&'static str>,
}

/// Which way something went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Out of the environment.
    Out,
    /// Into it.
    In,
}

impl Flows {
    /// Counts a packet of `length` bytes (of none: only that there is a conversation); its conversation begins here where there is none yet. The second value is
    /// the end of another one, given up for want of room.
    pub(crate) fn packet(&mut self, key: &Key, way: Way, length: usize) -> (u64, Option<Told>) {
        let now = boot_ns();
        let mut given_up = None;
        if !self.open.contains_key(key) {
            if self.open.len() >= OPEN {
                given_up = self.give_up();
            }
            self.last += 1;
            let open = Open {
                id: self.last,
                start_ns: now,
                last_ns: now,
                service: "sink",
                bytes: [0; 2],
                packets: [0; 2],
                first: [Vec::new(), Vec::new()],
                ended: None,
            };
            self.order.push_back((self.last, *key));
            self.open.insert(*key, open);
        }
        let Some(open) = self.open.get_mut(key) else { return (self.last, given_up) };
        open.last_ns = now;
        if length > 0 {
            open.bytes[way as usize] += length as u64;
            open.packets[way as usize] += 1;
        }
        (open.id, given_up)
    }

    /// Notes what was said, as far as it is among the first.
    pub(crate) fn said(&mut self, key: &Key, way: Way, bytes: &[u8]) {
        if let Some(open) = self.open.get_mut(key) {
            let first = &mut open.first[way as usize];
            let room = FIRST.saturating_sub(first.len()).min(bytes.len());
            first.extend(&bytes[..room]);
        }
    }

    /// Names what speaks for the internet.
    pub(crate) fn serves(&mut self, key: &Key, service: &'static str) {
        if let Some(open) = self.open.get_mut(key) {
            open.service = service;
        }
    }

    /// Whether there is such a conversation.
    pub(crate) fn is_open(&self, key: &Key) -> bool {
        self.open.contains_key(key)
    }

    /// Packets that went into the environment.
    pub(crate) fn answered(&self, key: &Key) -> u64 {
        self.open.get(key).map_or(0, |open| open.packets[Way::In as usize])
    }

    /// The conversation as events name it.
    pub(crate) fn reference(&self, key: &Key) -> FlowRef {
        reference(self.open.get(key).map_or(0, |open| open.id), key)
    }

    /// A conversation has ended. It is told a little later: the last packets of its ends are still its own.
    pub(crate) fn ends(&mut self, key: &Key, end: &'static str) {
        if let Some(open) = self.open.get_mut(key) {
            open.ended = Some(end);
        }
    }

    /// A new conversation is to begin; one with the same ends that has ended is told.
    pub(crate) fn begins(&mut self, key: &Key) -> Option<Told> {
        let end = self.open.get(key)?.ended?;
        self.take(key, end)
    }

    fn take(&mut self, key: &Key, end: &str) -> Option<Told> {
        let open = self.open.remove(key)?;
        if self.order.len() > 2 * self.open.len() + 64 {
            let open = &self.open;
            self.order.retain(|(id, key)| open.get(key).is_some_and(|open| open.id == *id));
        }
        Some(told(open, key, end))
    }

    /// Tells those that have ended and had no packet since `ended_ns`, and of protocols that don't say themselves when
    /// they end, those that had none since `idle_ns`; each with its ends.
    pub(crate) fn sweep(&mut self, idle_ns: u64, ended_ns: u64) -> Vec<(Key, Told)> {
        let over = |key: &Key, open: &Open| match open.ended {
            Some(end) if open.last_ns < ended_ns => Some(end),
            None if key.protocol != 6 && open.last_ns < idle_ns => Some("idle"),
            _ => None,
        };
        let mut all: Vec<(u64, Key, &str)> =
            self.open.iter().filter_map(|(key, open)| Some((open.id, *key, over(key, open)?))).collect();
        all.sort_by_key(|(id, _, _)| *id);
        all.iter().filter_map(|(_, key, end)| Some((*key, self.take(key, end)?))).collect()
    }

    /// Ends all that are left, in the order of their beginning.
    pub(crate) fn finish(&mut self) -> Vec<Told> {
        let mut left: Vec<(Key, Open)> = self.open.drain().collect();
        left.sort_by_key(|(_, open)| open.id);
        // Protocols without an end of their own don't stay open.
        let end = |key: &Key, open: &Open| match open.ended {
            Some(end) => end,
            None if key.protocol == 6 => "open",
            None => "idle",
        };
        left.into_iter()
            .map(|(key, open)| (end(&key, &open), key, open))
            .map(|(end, key, open)| told(open, &key, end))
            .collect()
    }

    fn give_up(&mut self) -> Option<Told> {
        while let Some((id, key)) = self.order.pop_front() {
            if self.open.get(&key).is_some_and(|open| open.id == id) {
                let end = self.open.get(&key).and_then(|open| open.ended).unwrap_or("idle");
                return self.take(&key, end);
            }
        }
        None
    }
}

fn reference(id: u64, key: &Key) -> FlowRef {
    let end = |(address, port): (IpAddr, u16)| End { address, port };
    let protocol = match key.protocol {
        1 => "icmp".into(),
        6 => "tcp".into(),
        17 => "udp".into(),
        58 => "icmp6".into(),
        number => number.to_string(),
    };
    FlowRef {
        id,
        protocol,
        local: end(key.local),
        remote: end(key.remote),
        attribution: Attribution::Unknown,
    }
}

fn told(open: Open, key: &Key, end: &str) -> Told {
    let [bytes_out, bytes_in] = open.bytes;
    let [packets_out, packets_in] = open.packets;
    let [first_out, first_in] = open.first.map(|first| (!first.is_empty()).then(|| first.into()));
    let flow = Flow {
        flow: reference(open.id, key),
        service: open.service.into(),
        duration_ns: open.last_ns.saturating_sub(open.start_ns),
        bytes_out,
        bytes_in,
        packets_out,
        packets_in,
        first_out,
        first_in,
        end: end.into(),
    };
    Told {
        boot_ns: open.start_ns,
        detail: Detail::NetworkFlow { network: Box::new(flow) },
        contents: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16) -> Key {
        Key {
            protocol: 17,
            local: (IpAddr::V4([192, 168, 7, 2].into()), port),
            remote: (IpAddr::V4([198, 18, 0, 1].into()), 53),
        }
    }

    fn flow(told: Told) -> Flow {
        match told.detail {
            Detail::NetworkFlow { network } => *network,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_conversation_is_counted_each_way_and_told_at_its_end() {
        let mut flows = Flows::default();
        assert_eq!(flows.packet(&key(9), Way::Out, 40).0, 1);
        flows.said(&key(9), Way::Out, &[7; 300]);
        flows.packet(&key(9), Way::Out, 60);
        flows.packet(&key(9), Way::In, 100);
        flows.serves(&key(9), "dns");
        let told = flow({
            flows.ends(&key(9), "closed");
            flows.packet(&key(9), Way::Out, 0);
            flows.begins(&key(9)).expect("it had ended")
        });
        assert_eq!(
            (told.flow.id, told.bytes_out, told.bytes_in, told.packets_out, told.packets_in),
            (1, 100, 100, 2, 1)
        );
        assert_eq!(told.first_out.map(|first| first.as_bytes().len()), Some(256));
        assert_eq!((told.first_in, told.service.as_str(), told.end.as_str()), (None, "dns", "closed"));
        assert!(flows.begins(&key(9)).is_none());
        assert_eq!(flows.packet(&key(9), Way::Out, 40).0, 2, "the same ends again are another conversation");
    }

    #[test]
    fn more_conversations_than_there_is_room_for_end_the_oldest() {
        let mut flows = Flows::default();
        let mut ended = Vec::new();
        for number in 0..OPEN + 3 {
            let mut key = key((number % 60_000) as u16);
            key.remote.1 = (number / 60_000) as u16;
            ended.extend(flows.packet(&key, Way::Out, 1).1.map(|told| flow(told).flow.id));
        }
        assert_eq!(ended, [1, 2, 3]);
        assert_eq!(flows.finish().len(), OPEN);
    }

    #[test]
    fn keys_of_ended_conversations_do_not_pile_up() {
        let mut flows = Flows::default();
        for _ in 0..10_000 {
            flows.packet(&key(1), Way::Out, 1);
            flows.ends(&key(1), "closed");
            assert!(flows.begins(&key(1)).is_some());
        }
        assert!(flows.order.len() <= 65, "{}", flows.order.len());
    }
}
