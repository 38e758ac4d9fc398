//! Blocks of pcapng: type, length, body, options, length again; all in little-endian, all padded to four bytes.

use std::io::{self, Read, Write};

/// The longest value that an option can have.
const LONGEST: usize = 65_535;
/// The largest block that is read: a packet is at most 64 KiB, a key log may be larger.
const LARGEST: u32 = 64 << 20;

/// One option of a block.
pub(super) struct Option {
    code: u16,
    value: Vec<u8>,
}

impl Option {
    /// A text, cut at a character's edge where it is too long.
    pub(super) fn text(code: u16, text: &str) -> Self {
        let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        Option { code, value: text.as_bytes()[..end].to_vec() }
    }

    /// A value of its own kind.
    pub(super) fn bytes(code: u16, value: &[u8]) -> Self {
        Option { code, value: value.to_vec() }
    }
}

/// Pads to a multiple of four bytes.
pub(super) fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Writes a block whose body is padded already.
pub(super) fn write(out: &mut impl Write, kind: u32, body: &[u8], options: &[Option]) -> io::Result<()> {
    let mut tail = Vec::new();
    for option in options {
        tail.extend(option.code.to_le_bytes());
        tail.extend((option.value.len() as u16).to_le_bytes());
        tail.extend(&option.value);
        pad(&mut tail);
    }
    if !options.is_empty() {
        tail.extend([0; 4]);
    }
    let length = u32::try_from(12 + body.len() + tail.len()).map_err(io::Error::other)?;
    let mut whole = Vec::with_capacity(length as usize);
    whole.extend(kind.to_le_bytes());
    whole.extend(length.to_le_bytes());
    whole.extend(body);
    whole.extend(&tail);
    whole.extend(length.to_le_bytes());
    out.write_all(&whole)
}

/// Reads a block: its type and everything between its two lengths. `None` at the end of the file.
pub(super) fn read(from: &mut impl Read) -> io::Result<std::option::Option<(u32, Vec<u8>)>> {
    let mut head = [0; 8];
    let mut got = 0;
    while got < head.len() {
        match from.read(&mut head[got..])? {
            0 if got == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => got += length,
        }
    }
    let [a, b, c, d, e, f, g, h] = head;
    let (kind, length) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
    if !(12..=LARGEST).contains(&length) || length % 4 != 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a block has no length that a block can have",
        ));
    }
    let mut body = vec![0; length as usize - 8];
    from.read_exact(&mut body)?;
    let again = body.split_off(body.len() - 4);
    if again != length.to_le_bytes() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a block's two lengths differ"));
    }
    Ok(Some((kind, body)))
}
