//! Readers that hash, bound and decompress what passes through them.

use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::io::{self, BufReader, Read};

/// What may still be unpacked, over all layers of one image.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) bytes: Cell<u64>,
    pub(super) entries: Cell<u64>,
}

/// Passes bytes on and hashes them.
pub(super) struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(inner: R) -> Self {
        Hashing { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// Digest (`sha256:…`) and count of what passed.
    pub(super) fn finish(self) -> (String, u64) {
        (digest_of(self.hash), self.bytes)
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        self.bytes += count as u64;
        Ok(count)
    }
}

/// `sha256:…` of `content`.
pub(super) fn digest(content: &[u8]) -> String {
    digest_of(Sha256::new_with_prefix(content))
}

fn digest_of(hash: Sha256) -> String {
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Passes bytes on while the budget lasts, then fails.
pub(super) struct Bounded<'a, R> {
    inner: R,
    left: &'a Cell<u64>,
}

impl<'a, R: Read> Bounded<'a, R> {
    pub(super) fn new(inner: R, left: &'a Cell<u64>) -> Self {
        Bounded { inner, left }
    }
}

/// The error of a [`Bounded`] reader whose budget is used up.
#[derive(Debug, thiserror::Error)]
#[error("the bound is reached")]
pub(super) struct Exhausted;

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.get().checked_sub(count as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other(Exhausted)),
        }
        Ok(count)
    }
}

/// Whether `error` comes from a used-up budget.
pub(super) fn is_exhausted(error: &io::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|inner| inner as _);
    while let Some(inner) = source {
        if inner.is::<Exhausted>() {
            return true;
        }
        source = match inner.downcast_ref::<io::Error>() {
            Some(error) => error.get_ref().map(|inner| inner as _),
            None => inner.source(),
        };
    }
    false
}

/// How content is compressed, told from its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    pub(super) fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            // A skippable frame may come first.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }

    pub(super) fn reader<'a, R: Read + 'a>(self, inner: R) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Compression::None => Box::new(inner),
            Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::new(inner))),
            Compression::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::new(inner)?;
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
        })
    }
}
