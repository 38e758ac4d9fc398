//! The members of a tar archive, one after the other, with long names and extended headers resolved.
//!
//! The `tar` crate finds the headers; extended ones are read here, so that their size is bounded and binary
//! attribute values survive.

use super::error::{ImageError, Place};
use super::stream::is_exhausted;
use std::io::{self, Read};
use tar::{Entries, EntryType};

/// Largest extended header, long name or long link name.
const EXTENSION: u64 = 1 << 20;

/// A key and its value.
pub(super) type Record = (Vec<u8>, Vec<u8>);

/// One member of an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: EntryType,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) mtime: i64,
    pub(super) size: u64,
    /// Where its content begins in the archive.
    pub(super) offset: u64,
    /// Extended attributes.
    pub(super) attributes: Vec<Record>,
}

/// Calls `visit` for each member, with its content.
pub(super) fn each<R: Read>(
    entries: io::Result<Entries<'_, R>>,
    place: &Place,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let broken = |error: io::Error| damaged(place, error);
    let mut pending = Pending::default();
    for entry in entries.map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        let header = entry.header().clone();
        let kind = header.entry_type();
        match kind {
            EntryType::GNULongName => pending.name = Some(until_nul(extension(&mut entry, place)?)),
            EntryType::GNULongLink => pending.link = Some(until_nul(extension(&mut entry, place)?)),
            EntryType::XHeader => pending.records = records(&extension(&mut entry, place)?, place)?,
            EntryType::XGlobalHeader => {
                extension(&mut entry, place)?;
            }
            _ => {
                let mut member = Member {
                    name: header.path_bytes().into_owned(),
                    link: header.link_name_bytes().map(|name| name.into_owned()).unwrap_or_default(),
                    kind,
                    mode: header.mode().map_err(broken)?,
                    uid: header.uid().map_err(broken)?,
                    gid: header.gid().map_err(broken)?,
                    mtime: i64::try_from(header.mtime().map_err(broken)?).unwrap_or(0),
                    size: header.entry_size().map_err(broken)?,
                    offset: entry.raw_file_position(),
                    attributes: Vec::new(),
                };
                std::mem::take(&mut pending).apply(&mut member, place)?;
                if member.kind.is_file() && member.name.ends_with(b"/") && member.size == 0 {
                    member.kind = EntryType::Directory;
                }
                visit(member, &mut entry)?;
            }
        }
    }
    Ok(())
}

/// The right error for a reader's `error`, but for a used-up budget, which the caller tells apart.
pub(super) fn damaged(place: &Place, error: io::Error) -> ImageError {
    if error.kind() == io::ErrorKind::UnexpectedEof && !is_exhausted(&error) {
        return ImageError::Truncated { place: place.clone() };
    }
    let text = error.to_string();
    if text.contains("unexpected EOF") || text.contains("failed to read entire block") {
        return ImageError::Truncated { place: place.clone() };
    }
    ImageError::Layer { place: place.clone(), source: error }
}

/// What extended headers said about the member that follows them.
#[derive(Default)]
struct Pending {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Vec<Record>,
}

impl Pending {
    fn apply(self, member: &mut Member, place: &Place) -> Result<(), ImageError> {
        let number = |value: &[u8]| std::str::from_utf8(value).ok().and_then(|text| text.parse::<u64>().ok());
        member.name = self.name.unwrap_or(std::mem::take(&mut member.name));
        member.link = self.link.unwrap_or(std::mem::take(&mut member.link));
        for (key, value) in self.records {
            let bad =
                |why: &str| ImageError::Refused { place: place.entry(&member.name), why: why.to_owned() };
            match key.as_slice() {
                b"path" => member.name = value,
                b"linkpath" => member.link = value,
                b"uid" => member.uid = number(&value).ok_or_else(|| bad("its owner is no number"))?,
                b"gid" => member.gid = number(&value).ok_or_else(|| bad("its group is no number"))?,
                b"size" if number(&value) == Some(member.size) => {}
                b"size" => return Err(bad("its two headers disagree about its size")),
                b"mtime" => {
                    let whole = value.split(|byte| *byte == b'.').next().unwrap_or_default();
                    member.mtime =
                        std::str::from_utf8(whole).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
                }
                _ if key.starts_with(b"GNU.sparse.") => return Err(bad("it is stored as a sparse file")),
                _ => {
                    if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                        member.attributes.push((name.to_vec(), value));
                    }
                }
            }
        }
        Ok(())
    }
}

fn extension<R: Read>(entry: &mut tar::Entry<'_, R>, place: &Place) -> Result<Vec<u8>, ImageError> {
    let size = entry.header().entry_size().map_err(|error| damaged(place, error))?;
    if size > EXTENSION {
        let why = format!("an extended header of {size} bytes");
        return Err(ImageError::Refused { place: place.clone(), why });
    }
    let mut content = Vec::new();
    entry.take(EXTENSION).read_to_end(&mut content).map_err(|error| damaged(place, error))?;
    if (content.len() as u64) < size {
        return Err(ImageError::Truncated { place: place.clone() });
    }
    Ok(content)
}

fn until_nul(mut content: Vec<u8>) -> Vec<u8> {
    if let Some(end) = content.iter().position(|byte| *byte == 0) {
        content.truncate(end);
    }
    content
}

/// The records `LENGTH KEY=VALUE\n` of an extended header.
fn records(mut content: &[u8], place: &Place) -> Result<Vec<Record>, ImageError> {
    let mut records = Vec::new();
    while !content.is_empty() && content[0] != 0 {
        let (record, rest) = record(content).ok_or_else(|| ImageError::Refused {
            place: place.clone(),
            why: "a malformed extended header".to_owned(),
        })?;
        records.push(record);
        content = rest;
    }
    Ok(records)
}

fn record(content: &[u8]) -> Option<(Record, &[u8])> {
    let space = content.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&content[..space]).ok()?.parse().ok()?;
    let (record, rest) = content.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    Some(((body[..equals].to_vec(), body[equals + 1..].to_vec()), rest))
}
