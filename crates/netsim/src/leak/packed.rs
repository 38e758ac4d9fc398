//! Compressed parts of a stream, found by how they begin, and looked through in turn: gzip, zlib and zstd anywhere, raw
//! deflate where a stream begins with it, and gzip, zlib and zstd within base64 and hexadecimal.

use super::{Finder, Found, Scanner};
use aho_corasick::{AhoCorasick, BuildError};
use flate2::{Decompress, FlushDecompress};
use std::sync::Arc;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// How many parts of one stream are followed at once.
const AT_ONCE: usize = 8;
/// How many beginnings of one stream are tried: in random bytes some are there by chance.
const TRIED: u32 = 4_096;
/// How much is decompressed of one part, and of all parts of one stream, in bytes.
const OF_ONE: u64 = 16 << 20;
const OF_ALL: u64 = 64 << 20;
/// The largest window of zstd, as a power of two: what its own tools take without being asked.
const WINDOW: u32 = 23;

/// What begins with which bytes.
const BEGINNINGS: [(&[u8], Kind); 19] = [
    (b"\x1f\x8b\x08", Kind::Gzip),
    (b"\x78\x01", Kind::Zlib),
    (b"\x78\x5e", Kind::Zlib),
    (b"\x78\x9c", Kind::Zlib),
    (b"\x78\xda", Kind::Zlib),
    (b"\x28\xb5\x2f\xfd", Kind::Zstd),
    (b"H4sI", Kind::Base64),
    (b"KLUv/", Kind::Base64),
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Gzip,
    Zlib,
    Deflate,
    Zstd,
    Base64,
    Hex,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Gzip => "gzip",
            Kind::Zlib | Kind::Deflate => "deflate",
            Kind::Zstd => "zstd",
            Kind::Base64 => "base64",
            Kind::Hex => "hex",
        }
    }
}

/// The automaton of [`BEGINNINGS`].
pub(super) fn beginnings() -> Result<AhoCorasick, BuildError> {
    AhoCorasick::new(BEGINNINGS.map(|(bytes, _)| bytes))
}

/// The parts of one stream.
#[derive(Debug)]
pub(super) struct Packed {
    depth: u8,
    parts: Vec<Part>,
    begun: bool,
    tried: u32,
    /// Bytes that were decompressed of all parts.
    unpacked: u64,
}

/// One part that is being looked through.
#[derive(Debug)]
struct Part {
    kind: Kind,
    unpacker: Unpacker,
    unpacked: u64,
    inner: Box<Scanner>,
}

impl Packed {
    pub(super) fn new(depth: u8) -> Self {
        Packed { depth, parts: Vec::new(), begun: false, tried: 0, unpacked: 0 }
    }

    /// How many bytes were decompressed.
    #[cfg(test)]
    pub(super) fn unpacked(&self) -> u64 {
        self.unpacked
    }

    /// Takes the next bytes, those of `whole` after the first `old`; what was found, with the kind of its wrapping.
    pub(super) fn feed(
        &mut self,
        finder: &Arc<Finder>,
        whole: &[u8],
        old: usize,
    ) -> Vec<(&'static str, Found)> {
        let mut found = Vec::new();
        let mut feed = |part: &mut Part, bytes: &[u8], unpacked: &mut u64| {
            let mut text = Vec::new();
            let room = OF_ONE.saturating_sub(part.unpacked).min(OF_ALL.saturating_sub(*unpacked));
            let goes_on = part.unpacker.unpack(bytes, room, &mut text);
            part.unpacked += text.len() as u64;
            *unpacked += text.len() as u64;
            found.extend(part.inner.feed(&text).into_iter().map(|inner| (part.kind.name(), inner)));
            goes_on && (text.len() as u64) < room
        };
        self.parts.retain_mut(|part| feed(part, &whole[old..], &mut self.unpacked));
        let mut begin = Vec::new();
        if !std::mem::replace(&mut self.begun, true) {
            begin.push((Kind::Deflate, 0));
        }
        let seen = finder.beginnings.find_overlapping_iter(whole).filter(|seen| seen.end() > old);
        begin.extend(seen.map(|seen| (BEGINNINGS[seen.pattern().as_usize()].1, seen.start())));
        for (kind, at) in begin {
            if self.tried >= TRIED || self.parts.len() >= AT_ONCE || self.unpacked >= OF_ALL {
                break;
            }
            self.tried += 1;
            let Some(unpacker) = Unpacker::new(kind) else { continue };
            let inner = Box::new(Scanner::at(finder, self.depth - 1));
            let mut part = Part { kind, unpacker, unpacked: 0, inner };
            if feed(&mut part, &whole[at..], &mut self.unpacked) {
                self.parts.push(part);
            }
        }
        found
    }
}

enum Unpacker {
    Inflate(Box<Decompress>),
    /// The bytes of the header that have come, until the compressed data begins.
    GzipHeader(Vec<u8>),
    Zstd(Box<Decoder<'static>>),
    /// Bits that have come, and how many.
    Base64(u32, u32),
    Hex(Option<u8>),
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Unpacker {
    fn new(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Gzip => Unpacker::GzipHeader(Vec::new()),
            Kind::Zlib => Unpacker::Inflate(Box::new(Decompress::new(true))),
            Kind::Deflate => Unpacker::Inflate(Box::new(Decompress::new(false))),
            Kind::Zstd => {
                let mut decoder = Decoder::new().ok()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW)).ok()?;
                Unpacker::Zstd(Box::new(decoder))
            }
            Kind::Base64 => Unpacker::Base64(0, 0),
            Kind::Hex => Unpacker::Hex(None),
        })
    }

    /// Unpacks `bytes` into `text`, at most `room` bytes. Whether more may follow.
    fn unpack(&mut self, bytes: &[u8], room: u64, text: &mut Vec<u8>) -> bool {
        match self {
            Unpacker::GzipHeader(header) => {
                header.extend_from_slice(bytes);
                match gzip_header(header) {
                    Header::More => header.len() < 64 << 10,
                    Header::Wrong => false,
                    Header::Ends(at) => {
                        let body = header.split_off(at);
                        *self = Unpacker::Inflate(Box::new(Decompress::new(false)));
                        self.unpack(&body, room, text)
                    }
                }
            }
            Unpacker::Inflate(inflate) => inflate_into(inflate, bytes, room, text),
            Unpacker::Zstd(decoder) => zstd_into(decoder, bytes, room, text),
            Unpacker::Base64(bits, count) => {
                for byte in bytes {
                    let value = match byte {
                        b'A'..=b'Z' => byte - b'A',
                        b'a'..=b'z' => byte - b'a' + 26,
                        b'0'..=b'9' => byte - b'0' + 52,
                        b'+' | b'-' => 62,
                        b'/' | b'_' => 63,
                        b'\r' | b'\n' | b' ' | b'\t' => continue,
                        _ => return false,
                    };
                    *bits = *bits << 6 | u32::from(value);
                    *count += 6;
                    if *count >= 8 {
                        *count -= 8;
                        text.push((*bits >> *count) as u8);
                        *bits &= (1 << *count) - 1;
                    }
                }
                true
            }
            Unpacker::Hex(half) => {
                for byte in bytes {
                    match (char::from(*byte).to_digit(16), half.take()) {
                        (Some(digit), None) => *half = Some(digit as u8),
                        (Some(digit), Some(first)) => text.push(first << 4 | digit as u8),
                        (None, first) if byte.is_ascii_whitespace() => *half = first,
                        (None, _) => return false,
                    }
                }
                true
            }
        }
    }
}

fn inflate_into(inflate: &mut Decompress, mut bytes: &[u8], room: u64, text: &mut Vec<u8>) -> bool {
    loop {
        text.reserve(8 << 10);
        let before = inflate.total_in();
        let produced = text.len();
        let status = inflate.decompress_vec(bytes, text, FlushDecompress::None);
        let consumed = (inflate.total_in() - before) as usize;
        bytes = bytes.get(consumed..).unwrap_or_default();
        match status {
            Ok(flate2::Status::StreamEnd) | Err(_) => return false,
            _ if text.len() as u64 >= room => return false,
            _ if bytes.is_empty() && text.len() < text.capacity() => return true,
            _ if consumed == 0 && text.len() == produced => return !bytes.is_empty(),
            Ok(_) => {}
        }
    }
}

fn zstd_into(decoder: &mut Decoder<'static>, bytes: &[u8], room: u64, text: &mut Vec<u8>) -> bool {
    let mut input = InBuffer::around(bytes);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let mut output = OutBuffer::around(&mut buffer[..]);
        let Ok(hint) = decoder.run(&mut input, &mut output) else { return false };
        let written = output.pos();
        text.extend_from_slice(&buffer[..written]);
        if hint == 0 || text.len() as u64 >= room {
            return false;
        }
        if input.pos() == bytes.len() && written < buffer.len() {
            return true;
        }
    }
}

enum Header {
    More,
    Wrong,
    Ends(usize),
}

/// Where the header of a gzip member ends (RFC 1952 section 2.3).
fn gzip_header(bytes: &[u8]) -> Header {
    let Some(flags) = bytes.get(3).copied().filter(|_| bytes.len() >= 10) else { return Header::More };
    if flags & 0xe0 != 0 {
        return Header::Wrong;
    }
    let mut at = 10;
    if flags & 4 != 0 {
        let Some(length) = bytes.get(at..at + 2) else { return Header::More };
        at += 2 + usize::from(u16::from_le_bytes([length[0], length[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let Some(end) = bytes.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == 0)) else {
                return Header::More;
            };
            at += end + 1;
        }
    }
    at += if flags & 2 != 0 { 2 } else { 0 };
    if bytes.len() < at { Header::More } else { Header::Ends(at) }
}
