//! Where baits are looked for: in every conversation as it passes the device, in what TLS hides, in requests as they
//! are meant, and in names.

use crate::leak::{Finder, Found, Names, Scanner};
use crate::packet::Key;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Conversations whose stream is looked through at once. Of more, the new ones are looked through piece by piece.
const STREAMS: usize = 8192;

/// What looks for baits. It is made when something leaves for the first time, since that takes a while and most programs
/// say nothing to anybody.
pub(crate) struct Leaks {
    baits: Vec<(String, Vec<u8>)>,
    made: Option<Made>,
    failure: Option<String>,
    streams: HashMap<Key, Stream>,
}

struct Made {
    finder: Arc<Finder>,
    names: Names,
}

/// One conversation.
#[derive(Default)]
struct Stream {
    scanner: Option<Scanner>,
    /// What was found in it, in whatever way.
    known: BTreeSet<(String, String)>,
    /// What passes the device is not what is said.
    hidden: bool,
}

impl Leaks {
    pub(crate) fn new(baits: Vec<(String, Vec<u8>)>) -> Leaks {
        Leaks { baits, made: None, failure: None, streams: HashMap::new() }
    }

    /// Why nothing is looked for.
    pub(crate) fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    /// A scanner for a stream of its own.
    pub(crate) fn scanner(&mut self) -> Option<Scanner> {
        self.made().map(|made| Scanner::new(&made.finder))
    }

    /// Bytes that left, as they passed the device; what is new in them.
    pub(crate) fn left(&mut self, key: &Key, bytes: &[u8]) -> Vec<Found> {
        if !self.streams.contains_key(key) && self.streams.len() >= STREAMS {
            return self.scanner().map(|mut scanner| scanner.feed(bytes)).unwrap_or_default();
        }
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
        let found = self.made().map(|made| made.names.asked(name)).unwrap_or_default();
        self.found(key, found)
    }

    /// The conversation is over.
    pub(crate) fn ends(&mut self, key: &Key) {
        self.streams.remove(key);
    }

    fn stream(&mut self, key: &Key) -> &mut Stream {
        self.streams.entry(*key).or_default()
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
