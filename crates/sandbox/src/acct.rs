//! The kernel's process accounting: one record for each process that ended, written by the kernel itself. The file
//! lies in a file system of its own in memory: the kernel stops writing, without a word, while less than 2 % (to
//! begin with: 4 %) of the file's own file system is free (acct(5)), and a host's disk may well be that full.

use crate::sys;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use serde::Serialize;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

/// Bytes that the records may take: those of two million processes. Memory is taken only for what is written.
const ROOM: &str = "134217728";

/// Accounting that was turned on for the caller's pid namespace. It goes on for as long as `mount` is held.
pub(crate) struct Accounting {
    /// The file system of the file; mounted nowhere, so that nobody inside can reach it.
    pub mount: OwnedFd,
    /// The file of records.
    pub records: File,
}

/// Turns accounting on for the pid namespace of the caller.
///
/// # Errors
/// What the kernel answered: only real root may do this, where the kernel is made with it.
pub(crate) fn turn_on() -> io::Result<Accounting> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&context, "size", ROOM)?;
    rustix::mount::fsconfig_set_string(&context, "mode", "0700")?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let mount = rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
    let records = rustix::fs::openat(&mount, "acct", flags, Mode::RUSR | Mode::WUSR)?.into();
    sys::acct(&PathBuf::from(format!("/proc/self/fd/{}/acct", mount.as_raw_fd())))?;
    Ok(Accounting { mount, records })
}

/// Reads all records that are there.
///
/// # Errors
/// The file can't be read.
pub(crate) fn read(mut records: &File) -> io::Result<Vec<AcctRecord>> {
    let mut bytes = Vec::new();
    records.rewind()?;
    records.read_to_end(&mut bytes)?;
    Ok(parse(&bytes))
}

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
fn parse(bytes: &[u8]) -> Vec<AcctRecord> {
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
