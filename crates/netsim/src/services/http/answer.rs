//! The body of a response, told as it goes out.

use super::exchange::Exchange;
use crate::site::SiteBody;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{self, HeaderMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

/// How much goes out at once.
const CHUNK: usize = 64 << 10;

/// What a body consists of.
pub(in crate::services) struct Content {
    source: Source,
    left: u64,
}

enum Source {
    Bytes(Bytes),
    Zeros,
    File(File),
}

impl Content {
    /// Nothing.
    pub(in crate::services) fn empty() -> Content {
        Content { source: Source::Zeros, left: 0 }
    }

    /// These bytes.
    pub(in crate::services) fn bytes(bytes: impl Into<Bytes>) -> Content {
        let bytes = bytes.into();
        Content { left: bytes.len() as u64, source: Source::Bytes(bytes) }
    }

    /// What a site file gives. A file that is gone by now is empty.
    pub(super) fn of(body: &SiteBody) -> Content {
        match body {
            SiteBody::Text(text) => Content::bytes(text.clone()),
            SiteBody::Zeros(size) => Content { source: Source::Zeros, left: *size },
            SiteBody::File(path) => {
                match File::open(path).and_then(|file| Ok((file.metadata()?.len(), file))) {
                    Ok((size, file)) => Content { source: Source::File(file), left: size },
                    Err(_) => Content::empty(),
                }
            }
        }
    }

    /// What it consists of, where that is in memory.
    pub(in crate::services) fn known(&self) -> &[u8] {
        match &self.source {
            Source::Bytes(bytes) => bytes,
            Source::Zeros | Source::File(_) => &[],
        }
    }

    /// Bytes of it.
    pub(super) fn length(&self) -> u64 {
        self.left
    }

    /// The bytes from `first` to `last`.
    pub(super) fn part(mut self, first: u64, last: u64) -> Content {
        let length = last - first + 1;
        match &mut self.source {
            Source::Bytes(bytes) => {
                *bytes = bytes.slice(usize::try_from(first).unwrap_or(bytes.len()).min(bytes.len())..);
            }
            Source::Zeros => {}
            Source::File(file) => {
                if file.seek(SeekFrom::Start(first)).is_err() {
                    return Content::empty();
                }
            }
        }
        self.left = length;
        self
    }

    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let length = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        if length == 0 {
            return Ok(None);
        }
        let chunk = match &mut self.source {
            Source::Bytes(bytes) => bytes.split_to(length.min(bytes.len())),
            Source::Zeros => Bytes::from_static(&[0; CHUNK]).slice(..length),
            Source::File(file) => {
                let mut buffer = vec![0; length];
                let length = file.read(&mut buffer)?;
                buffer.truncate(length);
                if length == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                buffer.into()
            }
        };
        self.left -= chunk.len() as u64;
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

/// A body on its way, and the exchange that it ends.
pub(super) struct Answer {
    content: Content,
    exchange: Exchange,
}

impl Answer {
    pub(super) fn new(content: Content, exchange: Exchange) -> Answer {
        Answer { content, exchange }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.content.next() {
            Ok(Some(chunk)) => {
                self.exchange.response(&chunk);
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            Ok(None) => Poll::Ready(None),
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.content.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.left)
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.exchange.responded(self.content.left == 0);
    }
}

/// What part of a body is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of it.
    Whole,
    /// From the first byte to the last.
    Part(u64, u64),
    /// One that there is not.
    None,
}

/// The range that `headers` ask for of `length` bytes. Several at once get the whole, as servers may (RFC 9110).
pub(super) fn range(headers: &HeaderMap, length: u64) -> Range {
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some(span) = asked.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Range::Whole };
    let Some((first, last)) = span.split_once('-').filter(|_| !span.contains(',')) else {
        return Range::Whole;
    };
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), _) if first >= length => Range::None,
        (Ok(first), Ok(last)) if first <= last => Range::Part(first, last.min(length - 1)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Range::Part(first, length - 1),
        (Err(_), Ok(0)) if first.trim().is_empty() => Range::None,
        (Err(_), Ok(count)) if first.trim().is_empty() => {
            Range::Part(length.saturating_sub(count), length - 1)
        }
        _ => Range::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, wanted) in [
            ("bytes=0-9", Range::Part(0, 9)),
            ("bytes=90-", Range::Part(90, 99)),
            ("bytes=-10", Range::Part(90, 99)),
            ("bytes=-1000", Range::Part(0, 99)),
            ("bytes=50-1000", Range::Part(50, 99)),
            ("bytes=100-", Range::None),
            ("bytes=-0", Range::None),
            ("bytes=9-0", Range::Whole),
            ("bytes=0-1,5-6", Range::Whole),
            ("bytes=a-b", Range::Whole),
            ("lines=0-1", Range::Whole),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, text.parse().expect("a header"));
            assert_eq!(range(&headers, 100), wanted, "{text}");
        }
        assert_eq!(range(&HeaderMap::new(), 100), Range::Whole);
    }

    #[test]
    fn a_part_of_a_body_is_that_part() {
        let mut part = Content::bytes("0123456789").part(2, 4);
        assert_eq!(part.length(), 3);
        assert_eq!(part.next().expect("bytes").as_deref(), Some(&b"234"[..]));
        assert_eq!(part.next().expect("bytes"), None);
    }
}
