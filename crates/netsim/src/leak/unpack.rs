//! What takes one wrapping off, however its bytes are split.

use super::views::{Escape, Step, undo};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer};

/// How much is unpacked at once, in bytes.
const PIECE: usize = 16 << 10;
/// The longest header of gzip that is waited for; a file's name and a comment are all that can be long in it.
const HEADER: usize = 64 << 10;
/// The largest window of zstd, as a power of two: what its own tools take without being asked.
const WINDOW: u32 = 23;

/// A wrapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gzip,
    Zlib,
    Deflate,
    Zstd,
    Base64,
    Hex,
}

impl Kind {
    /// How it is told.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Gzip => "gzip",
            Kind::Zlib | Kind::Deflate => "deflate",
            Kind::Zstd => "zstd",
            Kind::Base64 => "base64",
            Kind::Hex => "hex",
        }
    }

    /// The most memory that taking it off needs, in bytes.
    pub(super) fn memory(self) -> u64 {
        match self {
            Kind::Gzip => HEADER as u64 + (64 << 10),
            Kind::Zlib | Kind::Deflate => 64 << 10,
            // the window, and blocks of input and output
            Kind::Zstd => (1 << WINDOW) + (512 << 10),
            Kind::Base64 | Kind::Hex => 1 << 10,
        }
    }

    /// Whether it is taken off only for the sake of something compressed inside: what it hides otherwise is found as
    /// it stands.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Kind::Base64 | Kind::Hex)
    }
}

/// Takes one wrapping off.
pub(super) enum Unpacker {
    Inflate(Box<Decompress>),
    /// The bytes of the header that have come, until the compressed data begins.
    GzipHeader(Vec<u8>),
    Zstd(Box<Decoder<'static>>),
    Base64(Base64),
    Hex(Option<u8>),
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unpacker")
    }
}

impl Unpacker {
    /// For something that begins now. `None` where there is no memory for it.
    pub(super) fn new(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Gzip => Unpacker::GzipHeader(Vec::new()),
            Kind::Zlib => Unpacker::Inflate(Box::new(Decompress::new(true))),
            Kind::Deflate => Unpacker::Inflate(Box::new(Decompress::new(false))),
            Kind::Zstd => {
                let mut decoder = Decoder::new().ok()?;
                decoder.set_parameter(DParameter::WindowLogMax(WINDOW)).ok()?;
                Unpacker::Zstd(Box::new(decoder))
            }
            Kind::Base64 => Unpacker::Base64(Base64::default()),
            Kind::Hex => Unpacker::Hex(None),
        })
    }

    /// Unpacks `bytes` and gives `take` what comes out, piece by piece, until that says that it is enough. Whether
    /// more may follow.
    pub(super) fn unpack(&mut self, bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        match self {
            Unpacker::GzipHeader(header) => {
                header.extend_from_slice(bytes);
                match gzip_header(header) {
                    Header::More => header.len() < HEADER,
                    Header::Wrong => false,
                    Header::Ends(at) => {
                        let body = header.split_off(at);
                        *self = Unpacker::Inflate(Box::new(Decompress::new(false)));
                        self.unpack(&body, take)
                    }
                }
            }
            Unpacker::Inflate(inflate) => inflated(inflate, bytes, take),
            Unpacker::Zstd(decoder) => zstd(decoder, bytes, take),
            Unpacker::Base64(base64) => pieces(bytes, take, |byte| base64.next(byte)),
            Unpacker::Hex(half) => pieces(bytes, take, |byte| {
                match (char::from(byte).to_digit(16), half.take()) {
                    (Some(digit), None) => *half = Some(digit as u8),
                    (Some(digit), Some(first)) => return Next::Byte(first << 4 | digit as u8),
                    (None, first) if byte.is_ascii_whitespace() => *half = first,
                    (None, _) => return Next::End,
                }
                Next::Nothing
            }),
        }
    }
}

/// What a character makes.
enum Next {
    Nothing,
    Byte(u8),
    End,
}

/// Decodes character by character.
fn pieces(bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> bool, mut next: impl FnMut(u8) -> Next) -> bool {
    for piece in bytes.chunks(PIECE) {
        let mut text = Vec::with_capacity(piece.len());
        let mut ended = false;
        for byte in piece {
            match next(*byte) {
                Next::Nothing => {}
                Next::Byte(byte) => text.push(byte),
                Next::End => {
                    ended = true;
                    break;
                }
            }
        }
        if !text.is_empty() && !take(&text) || ended {
            return false;
        }
    }
    true
}

/// Base64 of either alphabet, in lines or not, with its characters escaped or not.
#[derive(Default)]
pub(super) struct Base64 {
    /// Bits that have come, and how many.
    bits: u32,
    count: u32,
    /// An escape whose end has not come.
    escape: Vec<u8>,
}

impl Base64 {
    fn next(&mut self, byte: u8) -> Next {
        let kind = match self.escape.first().unwrap_or(&byte) {
            b'%' => Escape::Percent,
            b'\\' => Escape::Backslash,
            _ => return self.character(byte),
        };
        self.escape.push(byte);
        match undo(kind, &self.escape) {
            Step::Wait => Next::Nothing,
            Step::Put(_, Some(byte)) => {
                self.escape.clear();
                self.character(byte)
            }
            Step::Put(_, None) | Step::Keep => Next::End,
        }
    }

    fn character(&mut self, byte: u8) -> Next {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'\r' | b'\n' | b' ' | b'\t' => return Next::Nothing,
            _ => return Next::End,
        };
        self.bits = self.bits << 6 | u32::from(value);
        self.count += 6;
        if self.count < 8 {
            return Next::Nothing;
        }
        self.count -= 8;
        let whole = (self.bits >> self.count) as u8;
        self.bits &= (1 << self.count) - 1;
        Next::Byte(whole)
    }
}

fn inflated(inflate: &mut Decompress, mut bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let mut piece = vec![0; PIECE];
    loop {
        let before = (inflate.total_in(), inflate.total_out());
        let status = inflate.decompress(bytes, &mut piece, FlushDecompress::None);
        let consumed = (inflate.total_in() - before.0) as usize;
        let produced = (inflate.total_out() - before.1) as usize;
        bytes = bytes.get(consumed..).unwrap_or_default();
        if produced > 0 && !take(&piece[..produced]) {
            return false;
        }
        match status {
            Err(_) | Ok(Status::StreamEnd) => return false,
            Ok(_) if bytes.is_empty() && produced < piece.len() => return true,
            Ok(_) if consumed == 0 && produced == 0 => return false,
            Ok(_) => {}
        }
    }
}

fn zstd(decoder: &mut Decoder<'static>, bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> bool) -> bool {
    let mut input = InBuffer::around(bytes);
    let mut piece = vec![0; PIECE];
    loop {
        let mut output = OutBuffer::around(&mut piece[..]);
        let Ok(hint) = decoder.run(&mut input, &mut output) else { return false };
        let produced = output.pos();
        if produced > 0 && !take(&piece[..produced]) || hint == 0 {
            return false;
        }
        if input.pos() == bytes.len() && produced < piece.len() {
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
