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
    Space,
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
    /// Bytes of the stream that may be the beginning of an escape.
    pending: Vec<u8>,
    /// The end of the view.
    tail: Vec<u8>,
    /// As many of the bytes that follow may belong to a match with an undone place in it.
    touched: usize,
}

impl View {
    pub(super) fn new(escape: Escape) -> Self {
        View { escape, pending: Vec::new(), tail: Vec::new(), touched: 0 }
    }

    /// How the view is told of; nothing where what it undoes is no encoding.
    pub(super) fn name(&self) -> &'static str {
        match self.escape {
            Escape::Percent => "percent",
            Escape::Backslash => "backslash",
            Escape::Space | Escape::Separator => "",
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
            match self.undo(&input[at..]) {
                Step::Wait => break,
                Step::Keep => {
                    self.tail.push(input[at]);
                    at += 1;
                }
                Step::Put(length, byte) => {
                    self.tail.extend(byte);
                    at += length;
                    changed = true;
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

    fn undo(&self, rest: &[u8]) -> Step {
        let first = rest[0];
        match self.escape {
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
            Escape::Space if first.is_ascii_whitespace() => Step::Put(1, None),
            Escape::Separator => match (first, rest.get(1)) {
                (b'\\' | b'0', None) => Step::Wait,
                (b'\\' | b'0', Some(b'x' | b'X')) => Step::Put(2, None),
                (b':' | b'-' | b',' | b'%' | b' ' | b'\t' | b'\r' | b'\n', _) => Step::Put(1, None),
                _ => Step::Keep,
            },
            _ => Step::Keep,
        }
    }
}

enum Step {
    /// Nothing is undone here.
    Keep,
    /// So many bytes of the stream are this one, or none, in the view.
    Put(usize, Option<u8>),
    /// More bytes are needed.
    Wait,
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
