//! The final version of a capture: secrets first, and each packet with what is known of its process.

use super::{Direction, PACKET, block, header, packet, secrets};
use std::io::{self, Read, Write};

/// Writes the capture `from` (as [`super::Capture`] wrote it) to `out`, with the TLS secrets of `key_log` in front and
/// on each packet the comment that `comment` has for its conversation. `flows` are the conversations of the packets, in
/// order.
///
/// # Errors
/// Where `from` is no such capture, or has not as many packets as `flows`, or a file can't be read or written.
pub fn annotate(
    mut from: impl Read,
    mut out: impl Write,
    key_log: &str,
    flows: &[u32],
    mut comment: impl FnMut(u32) -> Option<String>,
) -> io::Result<()> {
    header(&mut out)?;
    if !key_log.is_empty() {
        secrets(&mut out, key_log)?;
    }
    let mut flows = flows.iter();
    while let Some((kind, body)) = block::read(&mut from)? {
        if kind != PACKET {
            continue;
        }
        let flow = flows.next().ok_or_else(|| wrong("more packets than were captured"))?;
        let (time_ns, direction, bytes) = parts(&body).ok_or_else(|| wrong("a packet that was cut"))?;
        packet(&mut out, time_ns, direction, bytes, comment(*flow).as_deref())?;
    }
    if flows.next().is_some() {
        return Err(wrong("fewer packets than were captured"));
    }
    out.flush()
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the capture has {what}"))
}

/// Time, direction and content of a packet's block.
fn parts(body: &[u8]) -> Option<(u64, Direction, &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(body.get(at..at + 4)?.try_into().ok()?));
    let time_ns = u64::from(word(4)?) << 32 | u64::from(word(8)?);
    let length = word(12)? as usize;
    let bytes = body.get(20..20 + length)?;
    // the one option that the first version writes
    let flags = word(20 + length.next_multiple_of(4) + 4)?;
    let direction = if flags == 1 { Direction::Inbound } else { Direction::Outbound };
    Some((time_ns, direction, bytes))
}
