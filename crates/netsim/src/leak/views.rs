//! A stream with something undone: escapes decoded, line breaks or separators dropped. Only places where the view
//! differs from the stream are searched; the rest is found in the stream itself.

/// What a view undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// `%41`: percent-encoding (RFC 3986).
    Percent,
    /// `\u0041`, `\x41`, `\n`, `\/`: as in JSON and in the strings of most languages.
    Backslash,
    /// Blanks and line breaks, as in wrapped base64.
    Blank,
    /// What stands between bytes in hexadecimal: `41:42`, `\x41\x42`, `0x41, 0x42`, `41 42`.
    Separator,
}

/// The longest escape.
const LONGEST: usize = 6;
/// How much of a view is kept for what is split; no form of a mark is longer.
const KEPT: usize = 128;

/// One view of a stream.
#[derive(Debug)]
pub(super) struct View {
    escape: Escape,
    /// Blanks are dropped too, those behind an escape above all: base64 in lines, put into a form or into JSON.
    joined: bool,
    /// Bytes of the stream that may be the beginning of an escape.
    pending: Vec<u8>,
    /// The end of the view.
    tail: Vec<u8>,
    /// As many of the bytes that follow may belong to a match with an undone place in it.
    touched: usize,
}

impl View {
    /// With this undone.
    pub(super) fn new(escape: Escape) -> Self {
        View { escape, joined: false, pending: Vec::new(), tail: Vec::new(), touched: 0 }
    }

    /// With this undone, and blanks dropped.
    pub(super) fn joined(escape: Escape) -> Self {
        View { joined: true, ..View::new(escape) }
    }

    /// How the view is told of; nothing where what it undoes is no encoding.
    pub(super) fn name(&self) -> &'static str {
        match self.escape {
            Escape::Percent => "percent",
            Escape::Backslash => "backslash",
            Escape::Blank | Escape::Separator => "",
        }
    }

    /// Takes the next bytes of the stream, and searches what they add to the view (`search` is given the view's end
    /// and how much of it was searched before).
    pub(super) fn feed<T>(&mut self, bytes: &[u8], search: impl FnOnce(&[u8], usize) -> Vec<T>) -> Vec<T> {
        let old = self.tail.len();
        let mut input = std::mem::take(&mut self.pending);
        input.extend_from_slice(bytes);
        let mut changed = false;
        let mut at = 0;
        while at < input.len() {
            let rest = &input[at..];
            let plain = rest.iter().position(|byte| self.stops(*byte)).unwrap_or(rest.len());
            self.tail.extend_from_slice(&rest[..plain]);
            at += plain;
            let Some(first) = rest.get(plain) else { break };
            match undo(self.escape, &rest[plain..]) {
                Step::Wait => break,
                Step::Keep => {
                    if !self.joined || !first.is_ascii_whitespace() {
                        self.tail.push(*first);
                    }
                    at += 1;
                }
                Step::Put(length, byte) => {
                    let dropped = self.joined && byte.is_some_and(|byte| byte.is_ascii_whitespace());
                    self.tail.extend(byte.filter(|_| !dropped));
                    at += length;
                    // what is escaped and no blank, the view that keeps blanks shows too
                    changed |= dropped || !self.joined;
                }
            }
        }
        self.pending = input[at..].to_vec();
        let added = self.tail.len() - old;
        let found = if changed || self.touched > 0 { search(&self.tail, old) } else { Vec::new() };
        self.touched = if changed { KEPT } else { self.touched.saturating_sub(added) };
        let keep = self.tail.len().saturating_sub(KEPT);
        self.tail.drain(..keep);
        found
    }

    /// Whether a byte is not simply taken as it is.
    fn stops(&self, byte: u8) -> bool {
        match self.escape {
            Escape::Percent => byte == b'%' || self.joined && byte.is_ascii_whitespace(),
            Escape::Backslash => byte == b'\\' || self.joined && byte.is_ascii_whitespace(),
            Escape::Blank => byte.is_ascii_whitespace(),
            Escape::Separator => separates(byte) || matches!(byte, b'\\' | b'0'),
        }
    }
}

/// What stands at a place of the stream.
pub(super) enum Step {
    /// Nothing that is undone.
    Keep,
    /// So many bytes of the stream are this one, or none, in the view.
    Put(usize, Option<u8>),
    /// More bytes are needed.
    Wait,
}

/// Undoes what stands at the beginning of `rest`, which is not empty.
pub(super) fn undo(escape: Escape, rest: &[u8]) -> Step {
    let first = rest[0];
    match escape {
        Escape::Percent if first == b'%' => hex_escape(rest, 1, 2),
        Escape::Backslash if first == b'\\' => match rest.get(1) {
            None => Step::Wait,
            Some(b'u') => hex_escape(rest, 2, 4),
            Some(b'x') => hex_escape(rest, 2, 2),
            Some(b'n') => Step::Put(2, Some(b'\n')),
            Some(b't') => Step::Put(2, Some(b'\t')),
            Some(b'r') => Step::Put(2, Some(b'\r')),
            Some(other) => Step::Put(2, Some(*other)),
        },
        Escape::Blank if first.is_ascii_whitespace() => Step::Put(1, None),
        Escape::Separator => match (first, rest.get(1)) {
            (b'\\' | b'0', None) => Step::Wait,
            (b'\\' | b'0', Some(b'x' | b'X')) => Step::Put(2, None),
            _ if separates(first) => Step::Put(1, None),
            _ => Step::Keep,
        },
        _ => Step::Keep,
    }
}

/// What stands between bytes in hexadecimal.
fn separates(byte: u8) -> bool {
    matches!(byte, b':' | b'-' | b',' | b'%' | b' ' | b'\t' | b'\r' | b'\n')
}

/// An escape of `digits` hexadecimal digits behind `prefix` bytes.
fn hex_escape(rest: &[u8], prefix: usize, digits: usize) -> Step {
    let mut value = 0u32;
    for at in prefix..prefix + digits {
        match rest.get(at).map(|byte| char::from(*byte).to_digit(16)) {
            None if at < LONGEST => return Step::Wait,
            None | Some(None) => return Step::Keep,
            Some(Some(digit)) => value = value << 4 | digit,
        }
    }
    // Marks are bytes; a character beyond them is none of theirs.
    Step::Put(prefix + digits, u8::try_from(value).ok())
}
