//! Where baits are looked for: in every conversation as it passes the device, in what TLS hides, in requests as they
//! are meant, and in names.

use crate::leak::{Finder, Found, Names, Scanner};
use crate::packet::Key;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// Conversations whose stream is looked through at once. Of more, the oldest begins anew with its next packet, so that a
/// value that is split just there is missed.
const STREAMS: usize = 8192;

/// What looks for baits. It is made when something leaves for the first time, since that takes a while and most programs
/// say nothing to anybody.
pub(crate) struct Leaks {
    baits: Vec<(String, Vec<u8>)>,
    made: Option<Made>,
    failure: Option<String>,
    streams: HashMap<Key, Stream>,
    /// Their ends in the order of their beginning, with the number that tells uses of the same ends apart.
    order: VecDeque<(u64, Key)>,
    last: u64,
}

struct Made {
    finder: Arc<Finder>,
    names: Names,
}

/// One conversation.
#[derive(Default)]
struct Stream {
    number: u64,
    scanner: Option<Scanner>,
    /// What was found in it, in whatever way.
    known: BTreeSet<(String, String)>,
    /// What passes the device is not what is said.
    hidden: bool,
}

impl Leaks {
    pub(crate) fn new(baits: Vec<(String, Vec<u8>)>) -> Leaks {
        Leaks { baits, made: None, failure: None, streams: HashMap::new(), order: VecDeque::new(), last: 0 }
    }

    /// Why nothing is looked for.
    pub(crate) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// In how many streams something compressed was not looked through to its end.
    pub(crate) fn cut(&self) -> u64 {
        self.made.as_ref().map_or(0, |made| made.finder.cut())
    }

    /// A scanner for a stream of its own.
    pub(crate) fn scanner(&mut self) -> Option<Scanner> {
        self.made().map(|made| Scanner::new(&made.finder))
    }

    /// Bytes that left, as they passed the device; what is new in them.
    pub(crate) fn left(&mut self, key: &Key, bytes: &[u8]) -> Vec<Found> {
        let Some(finder) = self.made().map(|made| made.finder.clone()) else { return Vec::new() };
        let stream = self.stream(key);
        if stream.hidden {
            return Vec::new();
        }
        let found = stream.scanner.get_or_insert_with(|| Scanner::new(&finder)).feed(bytes);
        stream.new_in(found)
    }

    /// From here on, what passes the device is not what is said.
    pub(crate) fn hides(&mut self, key: &Key) {
        self.stream(key).hidden = true;
    }

    /// Something was found in what belongs to a conversation; what of it is new.
    pub(crate) fn found(&mut self, key: &Key, found: Vec<Found>) -> Vec<Found> {
        if found.is_empty() { found } else { self.stream(key).new_in(found) }
    }

    /// A name was asked for; what is new in it.
    pub(crate) fn asked(&mut self, key: &Key, name: &str) -> Vec<Found> {
        let found = self.made().map(|made| made.names.asked(name)).unwrap_or_default();
        self.found(key, found)
    }

    /// The conversation is over.
    pub(crate) fn ends(&mut self, key: &Key) {
        self.streams.remove(key);
    }

    fn stream(&mut self, key: &Key) -> &mut Stream {
        if !self.streams.contains_key(key) {
            self.make_room();
            self.last += 1;
            self.order.push_back((self.last, *key));
        }
        let number = self.last;
        self.streams.entry(*key).or_insert_with(|| Stream { number, ..Stream::default() })
    }

    /// Forgets the oldest where there is no room for one more, and the order of those that are over.
    fn make_room(&mut self) {
        while self.streams.len() >= STREAMS
            && let Some((number, key)) = self.order.pop_front()
        {
            if self.streams.get(&key).is_some_and(|stream| stream.number == number) {
                self.streams.remove(&key);
            }
        }
        if self.order.len() > 2 * self.streams.len() + 64 {
            let streams = &self.streams;
            self.order
                .retain(|(number, key)| streams.get(key).is_some_and(|stream| stream.number == *number));
        }
    }

    fn made(&mut self) -> Option<&mut Made> {
        if self.made.is_none() && self.failure.is_none() && !self.baits.is_empty() {
            let baits = self.baits.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            match Finder::new(baits) {
                Ok(finder) => self.made = Some(Made { names: Names::new(&finder), finder }),
                Err(error) => self.failure = Some(error.to_string()),
            }
        }
        self.made.as_mut()
    }
}

impl Stream {
    fn new_in(&mut self, found: Vec<Found>) -> Vec<Found> {
        found.into_iter().filter(|one| self.known.insert((one.bait.clone(), one.encoding.clone()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &[u8] = b"ghp_7hK2mQ9xT4vB1nC8zL5wR3yD6pF0sJaE";

    fn leaks() -> Leaks {
        Leaks::new(vec![("token".into(), TOKEN.to_vec())])
    }

    fn key(protocol: u8, port: usize) -> Key {
        let remote = std::net::IpAddr::from([198, 18, 0, (port >> 16) as u8]);
        Key { protocol, local: ([192, 168, 7, 2].into(), port as u16), remote: (remote, 9) }
    }

    #[test]
    fn a_split_value_is_found_however_many_conversations_came_before() {
        let mut leaks = leaks();
        for port in 0..3 * STREAMS {
            assert!(leaks.left(&key(17, port), b"x").is_empty());
        }
        assert!(leaks.streams.len() <= STREAMS && leaks.order.len() <= 2 * STREAMS + 65);
        let (front, back) = TOKEN.split_at(20);
        assert!(leaks.left(&key(6, 7), front).is_empty());
        assert_eq!(leaks.left(&key(6, 7), back).len(), 1);
        assert!(leaks.left(&key(6, 7), TOKEN).is_empty(), "it is told once");
    }

    #[test]
    fn the_same_ends_again_are_another_conversation() {
        let mut leaks = leaks();
        for _ in 0..1000 {
            assert_eq!(leaks.left(&key(6, 1), TOKEN).len(), 1);
            leaks.ends(&key(6, 1));
        }
        assert!(leaks.order.len() <= 66, "{}", leaks.order.len());
    }
}
