//! Baits leaving: finds their values in what is sent, however they are wrapped.
//!
//! A bait's value is looked for by its *marks*, the stretches of it that are random ([`marks`]); one mark of a file is
//! proof enough that it was read. Each mark is looked for in every form that text takes on its way ([`needles`]), in
//! the stream as it is and with its escapes undone ([`views`]), and within compressed parts ([`packed`]). Everything
//! works on streams, keeps some kilobytes for each, and stops at stated bounds. Values in DNS names are put together
//! by [`names`].

mod bounds;
mod marks;
mod names;
mod needles;
mod packed;
mod unpack;
mod views;

pub use names::Names;

use aho_corasick::AhoCorasick;
use bounds::{Bounds, Run, Stream};
use needles::Needles;
use packed::Packed;
use std::collections::BTreeSet;
use std::sync::Arc;
use views::{Escape, View};

/// How deep compressed parts within compressed parts are followed.
const DEPTH: u8 = 3;

/// What is looked for.
#[derive(Debug)]
pub struct Finder {
    /// Names of the baits.
    baits: Vec<String>,
    needles: Needles,
    /// The beginnings of compressed parts.
    beginnings: AhoCorasick,
    ignored: Vec<String>,
    /// What unpacking has cost so far, in all streams.
    run: Run,
}

/// A value that left.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// The bait's name.
    pub bait: String,
    /// How it was wrapped, the outermost first: `plain`, `base64`, `gzip+base64`, ….
    pub encoding: String,
    /// Bytes of the stream that had passed when it was found (of the decompressed part, where it was in one).
    pub offset: u64,
}

impl Finder {
    /// Looks for these baits (name and value). A value of less than eight bytes is never looked for: it would be found
    /// everywhere; [`Self::ignored`] names such baits.
    ///
    /// # Errors
    /// Where the values are too many or too long to be looked for at once.
    pub fn new<'a>(
        baits: impl IntoIterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<Arc<Self>, aho_corasick::BuildError> {
        Self::bounded(baits, Bounds::default())
    }

    fn bounded<'a>(
        baits: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        bounds: Bounds,
    ) -> Result<Arc<Self>, aho_corasick::BuildError> {
        let mut names = Vec::new();
        let mut ignored = Vec::new();
        let mut all = Vec::new();
        for (name, value) in baits {
            let marks = marks::of(value);
            if marks.is_empty() {
                ignored.push(name.to_owned());
            }
            all.extend(marks.into_iter().map(|mark| (names.len(), mark)));
            names.push(name.to_owned());
        }
        let needles = Needles::new(&all)?;
        let beginnings = packed::beginnings()?;
        Ok(Arc::new(Finder { baits: names, needles, beginnings, ignored, run: Run::new(bounds) }))
    }

    /// Baits whose values are too short to be looked for.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// In how many streams something compressed was not looked through to its end, since that would have cost too
    /// much.
    pub fn cut(&self) -> u64 {
        self.run.cut()
    }
}

/// Looks through one stream: one direction of a conversation, a body, a decompressed part.
#[derive(Debug)]
pub struct Scanner {
    finder: Arc<Finder>,
    passed: u64,
    /// The stream as it is: the end of what has passed.
    tail: Vec<u8>,
    escaped: [View; 5],
    hexadecimal: View,
    packed: Packed,
    /// Bait and encoding of what was found already.
    known: BTreeSet<(usize, String)>,
}

impl Scanner {
    /// A scanner for a stream that begins now.
    pub fn new(finder: &Arc<Finder>) -> Self {
        Self::within(finder, DEPTH, Arc::default())
    }

    /// A scanner for what is unpacked of `stream`, and for parts in it to this depth.
    fn within(finder: &Arc<Finder>, depth: u8, stream: Arc<Stream>) -> Self {
        Scanner {
            finder: finder.clone(),
            passed: 0,
            tail: Vec::new(),
            escaped: [
                View::new(Escape::Percent),
                View::new(Escape::Backslash),
                View::new(Escape::Blank),
                View::joined(Escape::Percent),
                View::joined(Escape::Backslash),
            ],
            hexadecimal: View::new(Escape::Separator),
            packed: Packed::new(depth, stream),
            known: BTreeSet::new(),
        }
    }

    /// Looks through the next bytes; tells what has not been told of this stream.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Found> {
        if bytes.is_empty() {
            return Vec::new();
        }
        let finder = self.finder.clone();
        let mut found = Vec::new();
        let old = self.tail.len();
        self.tail.extend_from_slice(bytes);
        let whole = std::mem::take(&mut self.tail);
        for (bait, encoding) in finder.needles.text(&whole, old) {
            self.note(&mut found, bait, encoding.to_owned());
        }
        // What an escape hides is only told where nothing was found openly: the views differ from the stream in
        // places only.
        for at in 0..self.escaped.len() {
            let seen = self.escaped[at].feed(bytes, |view, old| finder.needles.text(view, old));
            let name = self.escaped[at].name();
            for (bait, encoding) in seen {
                let encoding = match (name, encoding) {
                    ("", encoding) => encoding.to_owned(),
                    (name, "plain") => name.to_owned(),
                    (name, encoding) => format!("{name}+{encoding}"),
                };
                self.note_hidden(&mut found, bait, encoding);
            }
        }
        let seen = self.hexadecimal.feed(bytes, |view, old| finder.needles.hexadecimal(view, old));
        for (bait, encoding) in seen {
            self.note_hidden(&mut found, bait, encoding.to_owned());
        }
        for (wrapping, inner) in self.packed.feed(&finder, &whole, old) {
            let Some(bait) = finder.baits.iter().position(|name| *name == inner.bait) else { continue };
            self.note(&mut found, bait, format!("{wrapping}+{}", inner.encoding));
        }
        self.passed += bytes.len() as u64;
        let keep = whole.len().saturating_sub(finder.needles.longest());
        self.tail = whole[keep..].to_vec();
        for one in &mut found {
            one.offset = self.passed;
        }
        found
    }

    fn note(&mut self, found: &mut Vec<Found>, bait: usize, encoding: String) {
        if self.known.insert((bait, encoding.clone())) {
            found.push(Found { bait: self.finder.baits[bait].clone(), encoding, offset: 0 });
        }
    }

    fn note_hidden(&mut self, found: &mut Vec<Found>, bait: usize, encoding: String) {
        if !self.known.iter().any(|(known, _)| *known == bait) {
            self.note(found, bait, encoding);
        }
    }
}

#[cfg(test)]
mod tests;
