//! `events.ndjson.zst`: the event stream, written as it happens and readable up to the last flush.

use detektr_event::{Event, Kind};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

/// Compression level: the fastest of zstd's ordinary ones.
const LEVEL: i32 = 1;
/// Longest line that a reader takes: argv and environment reach 6 MiB, twelve times that in the worst JSON.
const MAX_LINE: u64 = 128 * 1024 * 1024;

/// Writes events and numbers them.
pub struct EventWriter<W: Write> {
    encoder: zstd::stream::write::Encoder<'static, BufWriter<W>>,
    line: Vec<u8>,
    written: BTreeMap<Kind, u64>,
    count: u64,
}

impl<W: Write> EventWriter<W> {
    /// A new stream into `inner`.
    pub fn new(inner: W) -> io::Result<Self> {
        let mut encoder = zstd::stream::write::Encoder::new(BufWriter::new(inner), LEVEL)?;
        encoder.include_checksum(true)?;
        Ok(EventWriter { encoder, line: Vec::new(), written: BTreeMap::new(), count: 0 })
    }

    /// Gives the event its number and writes it.
    pub fn event(&mut self, event: &mut Event) -> io::Result<u64> {
        event.seq = self.count + 1;
        self.line.clear();
        serde_json::to_writer(&mut self.line, event).map_err(io::Error::other)?;
        self.line.push(b'\n');
        self.encoder.write_all(&self.line)?;
        self.count += 1;
        *self.written.entry(event.kind()).or_default() += 1;
        Ok(self.count)
    }

    /// Hands all that was written to the file, as whole zstd blocks: a crash after this loses none of it.
    pub fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }

    /// Number of events so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of events so far, by kind.
    pub fn written(&self) -> &BTreeMap<Kind, u64> {
        &self.written
    }

    /// Ends the zstd frame.
    pub fn finish(self) -> io::Result<W> {
        self.encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
    }
}

/// Reads events in order. After the first error it yields nothing more.
pub struct EventReader<R: Read> {
    lines: BufReader<zstd::stream::read::Decoder<'static, BufReader<R>>>,
    line: Vec<u8>,
    next_seq: u64,
    ended: Option<StreamEnd>,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// With the end of its zstd frame.
    Whole,
    /// Before it: what follows the last whole line is missing.
    Truncated {
        /// What the decoder said.
        why: String,
    },
    /// A line is not an event, or not the one that its place asks for.
    Broken {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

impl<R: Read> EventReader<R> {
    /// Reads from `inner`, the content of an `events.ndjson.zst`.
    pub fn new(inner: R) -> io::Result<Self> {
        let decoder = zstd::stream::read::Decoder::new(inner)?;
        Ok(EventReader { lines: BufReader::new(decoder), line: Vec::new(), next_seq: 1, ended: None })
    }

    /// How the stream ended, once it has.
    pub fn end(&self) -> Option<&StreamEnd> {
        self.ended.as_ref()
    }

    /// Number of events read so far.
    pub fn events_read(&self) -> u64 {
        self.next_seq - 1
    }

    fn fail(&mut self, end: StreamEnd) -> Option<io::Result<Event>> {
        let (kind, text) = match &end {
            StreamEnd::Whole => return None,
            StreamEnd::Truncated { why } => (
                io::ErrorKind::UnexpectedEof,
                format!("the stream ends early, after event {}: {why}", self.events_read()),
            ),
            StreamEnd::Broken { line, why } => (io::ErrorKind::InvalidData, format!("line {line}: {why}")),
        };
        self.ended = Some(end);
        Some(Err(io::Error::new(kind, text)))
    }
}

impl<R: Read> Iterator for EventReader<R> {
    type Item = io::Result<Event>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended.is_some() {
            return None;
        }
        self.line.clear();
        let read = (&mut self.lines).take(MAX_LINE).read_until(b'\n', &mut self.line);
        let line = self.next_seq;
        match read {
            Err(e) => return self.fail(StreamEnd::Truncated { why: e.to_string() }),
            Ok(0) => {
                self.ended = Some(StreamEnd::Whole);
                return None;
            }
            Ok(_) if self.line.last() != Some(&b'\n') => {
                return self.fail(StreamEnd::Broken { line, why: "the line has no end".into() });
            }
            Ok(_) => {}
        }
        match serde_json::from_slice::<Event>(&self.line) {
            Ok(event) if event.seq == line => {
                self.next_seq += 1;
                Some(Ok(event))
            }
            Ok(event) => {
                let why = format!("event {} stands where {line} should", event.seq);
                self.fail(StreamEnd::Broken { line, why })
            }
            Err(e) => self.fail(StreamEnd::Broken { line, why: e.to_string() }),
        }
    }
}
