//! Every form in which a mark is looked for, in one automaton.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, BuildError, MatchKind};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE32_LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The automata, and what each of their patterns stands for.
#[derive(Debug)]
pub(super) struct Needles {
    text: AhoCorasick,
    text_means: Vec<(usize, &'static str)>,
    hexadecimal: AhoCorasick,
    hexadecimal_means: Vec<(usize, &'static str)>,
    longest: usize,
}

impl Needles {
    /// All forms of these marks, each with the number of its bait.
    pub(super) fn new(marks: &[(usize, Vec<u8>)]) -> Result<Self, BuildError> {
        let mut text = Vec::new();
        let mut text_means = Vec::new();
        let mut hexadecimal = Vec::new();
        let mut hexadecimal_means = Vec::new();
        for (bait, mark) in marks {
            for (pattern, encoding) in forms(mark) {
                text.push(pattern);
                text_means.push((*bait, encoding));
            }
            for pattern in hex(mark) {
                hexadecimal.push(pattern);
                hexadecimal_means.push((*bait, "hex"));
            }
        }
        let longest = text.iter().chain(&hexadecimal).map(Vec::len).max().unwrap_or(1);
        let build = |patterns: &[Vec<u8>]| {
            // Built for every run that sends something: the smallest automaton, not the quickest.
            AhoCorasickBuilder::new()
                .match_kind(MatchKind::Standard)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(patterns)
        };
        Ok(Needles {
            text: build(&text)?,
            text_means,
            hexadecimal: build(&hexadecimal)?,
            hexadecimal_means,
            longest,
        })
    }

    /// The longest form: as much of a stream must be kept for what is split between two packets.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Baits and encodings that end after the first `old` bytes.
    pub(super) fn text(&self, bytes: &[u8], old: usize) -> Vec<(usize, &'static str)> {
        search(&self.text, &self.text_means, bytes, old)
    }

    /// The same for hexadecimal alone.
    pub(super) fn hexadecimal(&self, bytes: &[u8], old: usize) -> Vec<(usize, &'static str)> {
        search(&self.hexadecimal, &self.hexadecimal_means, bytes, old)
    }
}

fn search(
    automaton: &AhoCorasick,
    means: &[(usize, &'static str)],
    bytes: &[u8],
    old: usize,
) -> Vec<(usize, &'static str)> {
    let matches = automaton.find_overlapping_iter(bytes).filter(|found| found.end() > old);
    let mut all: Vec<_> = matches.map(|found| means[found.pattern().as_usize()]).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn forms(mark: &[u8]) -> Vec<(Vec<u8>, &'static str)> {
    let backwards = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<u8>>();
    let mut all = vec![(mark.to_vec(), "plain"), (backwards(mark), "reversed")];
    for offset in 0..3 {
        let standard = inner(mark, offset, 6, STANDARD);
        let url = inner(mark, offset, 6, URL);
        all.push((backwards(&standard), "reversed+base64"));
        if url != standard {
            all.push((url, "base64url"));
        }
        all.push((standard, "base64"));
    }
    for offset in 0..5 {
        all.push((inner(mark, offset, 5, BASE32), "base32"));
        all.push((inner(mark, offset, 5, BASE32_LOWER), "base32"));
    }
    all.extend(hex(mark).map(|form| (form, "hex")));
    all.push((mark.iter().flat_map(|byte| [*byte, 0]).collect(), "utf16"));
    all
}

fn hex(mark: &[u8]) -> [Vec<u8>; 2] {
    let lower: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
    [lower.to_ascii_uppercase().into_bytes(), lower.into_bytes()]
}

/// The characters of an encoding with `bits` a character that depend on the mark alone, where `offset` bytes of
/// something else are encoded before it.
fn inner(mark: &[u8], offset: usize, bits: usize, alphabet: &[u8]) -> Vec<u8> {
    let all: Vec<u8> = std::iter::repeat_n(0, offset).chain(mark.iter().copied()).collect();
    let bit = |at: usize| all.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let first = (offset * 8).div_ceil(bits);
    let end = all.len() * 8 / bits;
    (first..end)
        .map(|character| {
            let index = (0..bits).fold(0, |index, at| index << 1 | usize::from(bit(character * bits + at)));
            alphabet[index]
        })
        .collect()
}
