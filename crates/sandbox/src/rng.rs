//! Repeatable random values: SHA-256 over a seed, a label and a counter. For names and baits, not for keys.

use sha2::{Digest, Sha256};

/// A stream of values from a seed.
#[derive(Debug)]
pub(crate) struct Rng {
    seed: u64,
    label: &'static str,
    block: u64,
    left: Vec<u8>,
}

impl Rng {
    pub(crate) fn new(seed: u64, label: &'static str) -> Rng {
        Rng { seed, label, block: 0, left: Vec::new() }
    }

    /// So many bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.left.len() < count {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(self.label);
            hash.update(self.block.to_le_bytes());
            self.block += 1;
            self.left.extend_from_slice(&hash.finalize());
        }
        self.left.drain(..count).collect()
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        let bytes = self.bytes(8);
        bytes.iter().fold(0u64, |n, b| (n << 8) | u64::from(*b)) % bound.max(1)
    }

    /// One of a list.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// So many characters of an alphabet.
    pub(crate) fn text(&mut self, count: usize, alphabet: &[u8]) -> String {
        (0..count).map(|_| char::from(*self.pick(alphabet))).collect()
    }
}
