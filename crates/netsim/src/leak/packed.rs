//! Compressed parts of a stream, found by how they begin, and looked through in turn: gzip, zlib and zstd anywhere, raw
//! deflate where a stream begins with it, and gzip, zlib and zstd within base64 and hexadecimal.

use super::bounds::{Share, Stream};
use super::unpack::{Kind, Unpacker};
use super::{Finder, Found, Scanner};
use aho_corasick::{AhoCorasick, BuildError};
use std::sync::Arc;

/// How many parts of one stream are followed at once.
const AT_ONCE: usize = 16;
/// After so many bytes of a text something compressed has begun in it, or nothing will.
const BEGUN: u64 = 16;

/// What begins with which bytes.
const BEGINNINGS: [(&[u8], Kind); 23] = [
    (b"\x1f\x8b\x08", Kind::Gzip),
    (b"\x78\x01", Kind::Zlib),
    (b"\x78\x5e", Kind::Zlib),
    (b"\x78\x9c", Kind::Zlib),
    (b"\x78\xda", Kind::Zlib),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"H4sI", Kind::Base64),
    (b"KLUv/", Kind::Base64),
    (b"KLUv_", Kind::Base64),
    (b"KLUv\\/", Kind::Base64),
    (b"KLUv%2F", Kind::Base64),
    (b"KLUv%2f", Kind::Base64),
    (b"eJw", Kind::Base64),
    (b"eJx", Kind::Base64),
    (b"eJy", Kind::Base64),
    (b"eJz", Kind::Base64),
    (b"eNo", Kind::Base64),
    (b"eNp", Kind::Base64),
    (b"eNq", Kind::Base64),
    (b"eNr", Kind::Base64),
    (b"1f8b08", Kind::Hex),
    (b"1F8B08", Kind::Hex),
    (b"28b52ffd", Kind::Hex),
];

/// The automaton of [`BEGINNINGS`].
pub(super) fn beginnings() -> Result<AhoCorasick, BuildError> {
    AhoCorasick::new(BEGINNINGS.map(|(bytes, _)| bytes))
}

/// The parts of one stream, or of one part.
#[derive(Debug)]
pub(super) struct Packed {
    depth: u8,
    stream: Arc<Stream>,
    parts: Vec<Part>,
    begun: bool,
}

/// One part that is being looked through.
#[derive(Debug)]
struct Part {
    kind: Kind,
    unpacker: Unpacker,
    unpacked: u64,
    inner: Box<Scanner>,
    _memory: Share,
}

impl Packed {
    /// Of a stream that begins now. At a `depth` of none nothing is followed.
    pub(super) fn new(depth: u8, stream: Arc<Stream>) -> Self {
        Packed { depth, stream, parts: Vec::new(), begun: false }
    }

    /// Takes the next bytes, those of `whole` after the first `old`; what was found, with the kind of its wrapping.
    pub(super) fn feed(
        &mut self,
        finder: &Arc<Finder>,
        whole: &[u8],
        old: usize,
    ) -> Vec<(&'static str, Found)> {
        let mut found = Vec::new();
        if self.depth == 0 {
            return found;
        }
        self.stream.passed(whole.len() - old);
        self.parts.retain_mut(|part| part.feed(finder, &self.stream, &whole[old..], &mut found));
        if !std::mem::replace(&mut self.begun, true) {
            self.begin(finder, Kind::Deflate, &whole[old..], &mut found);
        }
        for seen in finder.beginnings.find_overlapping_iter(whole).filter(|seen| seen.end() > old) {
            let kind = BEGINNINGS[seen.pattern().as_usize()].1;
            self.begin(finder, kind, &whole[seen.start()..], &mut found);
        }
        found
    }

    /// Something may begin with these bytes.
    fn begin(
        &mut self,
        finder: &Arc<Finder>,
        kind: Kind,
        bytes: &[u8],
        found: &mut Vec<(&'static str, Found)>,
    ) {
        if self.parts.len() >= AT_ONCE || !self.stream.tries() || !self.stream.goes_on(&finder.run) {
            return self.stream.cut(&finder.run);
        }
        let (Some(memory), Some(unpacker)) = (Share::take(finder, kind.memory()), Unpacker::new(kind)) else {
            return self.stream.cut(&finder.run);
        };
        let inner = Box::new(Scanner::within(finder, self.depth - 1, self.stream.clone()));
        let mut part = Part { kind, unpacker, unpacked: 0, inner, _memory: memory };
        if part.feed(finder, &self.stream, bytes, found) {
            self.parts.push(part);
        }
    }

    /// Whether something is being looked through.
    fn follows(&self) -> bool {
        !self.parts.is_empty()
    }
}

impl Part {
    /// Takes the next bytes; whether the part goes on.
    fn feed(
        &mut self,
        finder: &Arc<Finder>,
        stream: &Stream,
        bytes: &[u8],
        found: &mut Vec<(&'static str, Found)>,
    ) -> bool {
        let Part { kind, unpacker, unpacked, inner, .. } = self;
        unpacker.unpack(bytes, &mut |piece| {
            *unpacked += piece.len() as u64;
            found.extend(inner.feed(piece).into_iter().map(|one| (kind.name(), one)));
            stream.unpacked(&finder.run, piece.len());
            if !stream.goes_on(&finder.run) {
                stream.cut(&finder.run);
                return false;
            }
            !kind.is_text() || *unpacked < BEGUN || inner.packed.follows()
        })
    }
}
