//! `network.pcapng`: every packet as it passed the device.
//!
//! A packet is written when it passes ([`Capture`]); whose it was is known only when the sensor's events have been
//! read. So the file is written once more at the end ([`annotate`]), with a comment on each packet and the TLS secrets
//! in front of everything. The first version is readable by itself, should there be no end.
//!
//! The format (draft-ietf-opsawg-pcapng) is a handful of blocks, written here by hand: the crates that write it know
//! neither Decryption Secrets Blocks nor comments on packets.

mod annotate;
mod block;

pub use annotate::annotate;

use block::Option as Opt;
use std::io::{self, Write};

/// `LINKTYPE_RAW`: packets begin with the IP header.
const LINKTYPE_RAW: u16 = 101;
/// Block types.
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
const SECRETS: u32 = 10;
const SECTION: u32 = 0x0A0D_0D0A;
/// Secrets type of a Decryption Secrets Block: a TLS key log.
const TLS_KEY_LOG: u32 = 0x544C_534B;
/// How many packets are kept at most; each costs four bytes of memory until the end.
const PACKETS: usize = 8 << 20;

/// Which way a packet went, as pcapng's `epb_flags` say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Into the environment.
    Inbound = 1,
    /// Out of it.
    Outbound = 2,
}

/// What a capture came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Packets written.
    pub packets: u64,
    /// Bytes of these packets.
    pub bytes: u64,
    /// Packets that passed after the bound was reached, and are not in the file.
    pub cut_packets: u64,
    /// Bytes of those.
    pub cut_bytes: u64,
}

/// A capture that is being written.
#[derive(Debug)]
pub struct Capture<W: Write> {
    out: W,
    /// Bytes of packets that are kept.
    bound: u64,
    totals: Totals,
    /// The conversation of each packet, in order.
    flows: Vec<u32>,
}

impl<W: Write> Capture<W> {
    /// Begins a capture of at most `bound` bytes of packets.
    ///
    /// # Errors
    /// Where `out` can't be written.
    pub fn begin(mut out: W, bound: u64) -> io::Result<Self> {
        header(&mut out)?;
        Ok(Capture { out, bound, totals: Totals::default(), flows: Vec::new() })
    }

    /// Writes a packet that passed at `time_ns` (nanoseconds since 1970) as part of conversation `flow` (0: of
    /// none). Past the bound it is only counted.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn packet(&mut self, time_ns: u64, direction: Direction, flow: u32, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        let full = self.totals.bytes + length > self.bound || self.flows.len() >= PACKETS;
        // Once something is cut, all that follows is: a capture with holes in the middle would mislead.
        if full || self.totals.cut_packets > 0 {
            self.totals.cut_packets += 1;
            self.totals.cut_bytes += length;
            return Ok(());
        }
        packet(&mut self.out, time_ns, direction, bytes, None)?;
        self.flows.push(flow);
        self.totals.packets += 1;
        self.totals.bytes += length;
        Ok(())
    }

    /// Brings what was written so far to the file.
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Flushes the file; what was kept, and the conversation of each packet for [`annotate`].
    ///
    /// # Errors
    /// Where the file can't be written.
    pub fn finish(mut self) -> io::Result<(W, Totals, Vec<u32>)> {
        self.out.flush()?;
        Ok((self.out, self.totals, self.flows))
    }
}

/// The section and its one interface.
fn header(out: &mut impl Write) -> io::Result<()> {
    let mut section = Vec::new();
    section.extend(0x1A2B_3C4D_u32.to_le_bytes());
    section.extend(1u16.to_le_bytes());
    section.extend(0u16.to_le_bytes());
    // the length of the section is not told
    section.extend((-1i64).to_le_bytes());
    block::write(out, SECTION, &section, &[Opt::text(4, concat!("detektr ", env!("CARGO_PKG_VERSION")))])?;
    let mut interface = Vec::new();
    interface.extend(LINKTYPE_RAW.to_le_bytes());
    interface.extend([0; 2]);
    // no packet is cut
    interface.extend(0u32.to_le_bytes());
    block::write(out, INTERFACE, &interface, &[Opt::text(2, "eth0"), Opt::bytes(9, &[9])])
}

/// One packet, with what there is to say of it.
fn packet(
    out: &mut impl Write,
    time_ns: u64,
    direction: Direction,
    bytes: &[u8],
    comment: Option<&str>,
) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut body = Vec::with_capacity(20 + bytes.len() + 3);
    body.extend(0u32.to_le_bytes());
    body.extend(((time_ns >> 32) as u32).to_le_bytes());
    body.extend((time_ns as u32).to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(bytes);
    block::pad(&mut body);
    let mut options = Vec::new();
    options.extend(comment.map(|comment| Opt::text(1, comment)));
    options.push(Opt::bytes(2, &(direction as u32).to_le_bytes()));
    block::write(out, PACKET, &body, &options)
}

/// A Decryption Secrets Block with a key log in the format of NSS (`SSLKEYLOGFILE`).
fn secrets(out: &mut impl Write, key_log: &str) -> io::Result<()> {
    let length = u32::try_from(key_log.len()).map_err(io::Error::other)?;
    let mut body = Vec::new();
    body.extend(TLS_KEY_LOG.to_le_bytes());
    body.extend(length.to_le_bytes());
    body.extend(key_log.as_bytes());
    block::pad(&mut body);
    block::write(out, SECRETS, &body, &[])
}

#[cfg(test)]
mod tests;
