//! The capture as it is written while the internet runs.

use crate::capture::{Capture, Direction, Totals};
use crate::clock::boot_ns;
use crate::flows::Way;
use std::fs::File;
use std::io::{self, BufWriter, Write};

/// How much is written at once.
const BUFFER: usize = 256 << 10;

/// Where the packets go.
#[derive(Debug)]
pub struct CaptureTo {
    /// An empty file.
    pub file: File,
    /// Most bytes of packets that are kept.
    pub bound: u64,
    /// What to add to nanoseconds since boot to get those since 1970.
    pub boot_to_wall_ns: i64,
}

/// A finished capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// What it came to.
    pub totals: Totals,
    /// The conversation of each packet, in order.
    pub flows: Vec<u32>,
    /// Why it can't be relied on.
    pub failure: Option<String>,
}

/// A capture that is being written.
pub(crate) struct Recording {
    capture: Option<Capture<BufWriter<File>>>,
    boot_to_wall_ns: i64,
    failure: Option<String>,
    unflushed: bool,
}

impl Recording {
    pub(crate) fn new(to: CaptureTo) -> io::Result<Recording> {
        let capture = Capture::begin(BufWriter::with_capacity(BUFFER, to.file), to.bound)?;
        Ok(Recording {
            capture: Some(capture),
            boot_to_wall_ns: to.boot_to_wall_ns,
            failure: None,
            unflushed: true,
        })
    }

    /// A packet passed, as part of the conversation `flow` (0: of none).
    pub(crate) fn packet(&mut self, way: Way, flow: u64, bytes: &[u8]) {
        let Some(capture) = &mut self.capture else { return };
        let direction = match way {
            Way::Out => Direction::Outbound,
            Way::In => Direction::Inbound,
        };
        let time = boot_ns().saturating_add_signed(self.boot_to_wall_ns);
        let written = capture.packet(time, direction, u32::try_from(flow).unwrap_or(0), bytes);
        self.unflushed = true;
        self.note(written);
    }

    /// Brings all that passed so far to the file.
    pub(crate) fn flush(&mut self) {
        if std::mem::take(&mut self.unflushed)
            && let Some(capture) = &mut self.capture
        {
            let flushed = capture.flush();
            self.note(flushed);
        }
    }

    pub(crate) fn finish(&mut self) -> Captured {
        let mut captured = Captured { failure: self.failure.take(), ..Captured::default() };
        if let Some(capture) = self.capture.take() {
            match capture.finish() {
                Ok((mut out, totals, flows)) => {
                    captured.failure = out.flush().err().map(|error| error.to_string());
                    (captured.totals, captured.flows) = (totals, flows);
                }
                Err(error) => captured.failure = Some(error.to_string()),
            }
        }
        captured
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error.to_string());
            self.capture = None;
        }
    }
}
