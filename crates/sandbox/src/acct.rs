//! The kernel's process accounting: one record for each process that ended, written by the kernel itself.

use serde::Serialize;

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcctRecord {
    /// Process number, inside.
    pub pid: u32,
    /// Parent's process number, inside.
    pub ppid: u32,
    /// First 15 bytes of the program's name.
    pub comm: Vec<u8>,
    /// Wait status.
    pub exit: u32,
    /// User id, host's numbering.
    pub uid: u32,
}

const SIZE: usize = 64;

/// Reads a file of `acct_v3` records. An unfinished record at the end is not there yet, and is left out.
pub fn parse(bytes: &[u8]) -> Vec<AcctRecord> {
    let number = |r: &[u8], at: usize| u32::from_ne_bytes([r[at], r[at + 1], r[at + 2], r[at + 3]]);
    bytes
        .chunks_exact(SIZE)
        .filter(|r| r[1] & 0x0f == 3)
        .map(|r| AcctRecord {
            exit: number(r, 4),
            uid: number(r, 8),
            pid: number(r, 16),
            ppid: number(r, 20),
            comm: r[48..64].iter().copied().take_while(|b| *b != 0).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_field_by_field_and_a_torn_one_is_left_out() {
        let mut bytes = vec![0u8; 64];
        bytes[1] = 3;
        for (at, value) in [(4, 0x100u32), (8, 77), (12, 78), (16, 5), (20, 1)] {
            bytes[at..at + 4].copy_from_slice(&value.to_ne_bytes());
        }
        bytes[48..50].copy_from_slice(b"sh");
        bytes.extend_from_slice(&[3; 10]);
        let expected = AcctRecord { pid: 5, ppid: 1, comm: b"sh".to_vec(), exit: 0x100, uid: 77 };
        assert_eq!(parse(&bytes), [expected]);
    }
}
