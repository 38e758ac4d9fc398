//! argv and env put together again from their pieces.

use super::wire::Record;
use detektr_event::{Copied, Unreadable};

/// The pieces of one exec.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// argv, env
    lists: [Vec<Piece>; 2],
    pub count: u32,
}

#[derive(Debug)]
enum Piece {
    Bytes(Vec<u8>),
    /// This many bytes (or one string of unknown length) could not be read.
    Hole(u32),
}

impl Pieces {
    pub fn push(&mut self, record: &Record<'_>) {
        let mut n = record.fixed;
        let (list, hole, len) = (n.u32() as usize & 1, n.u32(), n.u32() as usize);
        self.count += 1;
        self.lists[list].push(if hole != 0 {
            Piece::Hole(hole)
        } else {
            Piece::Bytes(record.rest.get(..len).unwrap_or(record.rest).to_vec())
        });
    }

    /// argv and env, and why they are not whole where they aren't. `pointed`: they were copied string by
    /// string, so a hole is one whole string.
    pub fn finish(self, sent: u32, pointed: bool) -> (Vec<Copied>, Vec<Copied>, Option<String>) {
        let mut holes = 0;
        let [argv, env] = self.lists.map(|list| {
            holes += list.iter().filter(|p| matches!(p, Piece::Hole(_))).count();
            split(list, pointed)
        });
        let incomplete = if self.count != sent {
            Some(format!("{} of {sent} pieces were lost", sent.saturating_sub(self.count)))
        } else if holes > 0 {
            Some(format!("{holes} pieces of memory were not resident"))
        } else {
            None
        };
        (argv, env, incomplete)
    }
}

fn split(list: Vec<Piece>, pointed: bool) -> Vec<Copied> {
    let mut out = Vec::new();
    let mut open: Vec<u8> = Vec::new();
    let mut skipping = false;
    for piece in list {
        match piece {
            Piece::Hole(_) if pointed => out.push(Unreadable::NotResident.into()),
            Piece::Hole(len) => {
                if !skipping {
                    let text = std::mem::take(&mut open);
                    out.push(match text.len() {
                        0 => Unreadable::NotResident.into(),
                        had => {
                            Copied::Truncated { text: text.into(), truncated: had as u64 + u64::from(len) }
                        }
                    });
                }
                skipping = true;
            }
            Piece::Bytes(bytes) => {
                for byte in bytes {
                    match byte {
                        0 if skipping => skipping = false,
                        0 => out.push(Copied::whole(std::mem::take(&mut open))),
                        _ if skipping => {}
                        byte => open.push(byte),
                    }
                }
            }
        }
    }
    if !open.is_empty() {
        out.push(Copied::whole(open));
    }
    out
}
