//! Where baits are looked for: in every conversation as it passes the device, in what TLS hides, in requests as they
//! are meant, and in names.

use crate::leak::{Finder, Found, Names, Scanner};
use crate::packet::Key;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Conversations whose stream is looked through at once. Of more, the new ones are looked through piece by piece.
const STREAMS: usize = 8192;

/// What looks for baits.
pub(crate) struct Leaks {
    finder: Arc<Finder>,
    names: Names,
    streams: HashMap<Key, Stream>,
}

/// One conversation.
struct Stream {
    scanner: Scanner,
    /// What was found in it, in whatever way.
    known: BTreeSet<(String, String)>,
    /// What passes the device is not what is said.
    hidden: bool,
}

impl Leaks {
    pub(crate) fn new(finder: Arc<Finder>) -> Leaks {
        Leaks { names: Names::new(&finder), finder, streams: HashMap::new() }
    }

    /// A scanner for a stream of its own.
    pub(crate) fn scanner(&self) -> Scanner {
        Scanner::new(&self.finder)
    }

    /// Bytes that left, as they passed the device; what is new in them.
    pub(crate) fn left(&mut self, key: &Key, bytes: &[u8]) -> Vec<Found> {
        if !self.streams.contains_key(key) && self.streams.len() >= STREAMS {
            return Scanner::new(&self.finder).feed(bytes);
        }
        let stream = self.stream(key);
        if stream.hidden {
            return Vec::new();
        }
        let found = stream.scanner.feed(bytes);
        stream.new_in(found)
    }

    /// From here on, what passes the device is not what is said.
    pub(crate) fn hides(&mut self, key: &Key) {
        if self.streams.len() < STREAMS {
            self.stream(key).hidden = true;
        }
    }

    /// Something was found in what belongs to a conversation; what of it is new.
    pub(crate) fn found(&mut self, key: &Key, found: Vec<Found>) -> Vec<Found> {
        if found.is_empty() { found } else { self.stream(key).new_in(found) }
    }

    /// A name was asked for; what is new in it.
    pub(crate) fn asked(&mut self, key: &Key, name: &str) -> Vec<Found> {
        let found = self.names.asked(name);
        self.found(key, found)
    }

    /// The conversation is over.
    pub(crate) fn ends(&mut self, key: &Key) {
        self.streams.remove(key);
    }

    fn stream(&mut self, key: &Key) -> &mut Stream {
        let finder = &self.finder;
        self.streams.entry(*key).or_insert_with(|| Stream {
            scanner: Scanner::new(finder),
            known: BTreeSet::new(),
            hidden: false,
        })
    }
}

impl Stream {
    fn new_in(&mut self, found: Vec<Found>) -> Vec<Found> {
        found.into_iter().filter(|one| self.known.insert((one.bait.clone(), one.encoding.clone()))).collect()
    }
}
