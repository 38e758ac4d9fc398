//! Hashes of executed files, each state of each file once.

use detektr_event::Sha256;
use sha2::{Digest, Sha256 as Hasher};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;

/// Files larger than this are not hashed, so that an exec never waits long.
const LARGEST: u64 = 512 << 20;

/// (device, inode, size, mtime, ctime), times with nanoseconds: the same file with the same content.
type FileState = (u64, u64, u64, (i64, i64), (i64, i64));

/// What was hashed so far.
#[derive(Default)]
pub(crate) struct Hashes {
    known: HashMap<FileState, Sha256>,
}

impl Hashes {
    /// The hash of all of `file`, read from where it stands.
    pub(crate) fn of(&mut self, mut file: &File) -> Sha256 {
        let absent = |why: String| Sha256::Absent { absent: why };
        let state = match file.metadata() {
            Ok(data) if data.len() > LARGEST => return absent(format!("larger than {LARGEST} bytes")),
            Ok(data) => (
                data.dev(),
                data.ino(),
                data.len(),
                (data.mtime(), data.mtime_nsec()),
                (data.ctime(), data.ctime_nsec()),
            ),
            Err(error) => return absent(error.to_string()),
        };
        if let Some(known) = self.known.get(&state) {
            return known.clone();
        }
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 256 << 10];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => hasher.update(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return absent(error.to_string()),
            }
        }
        let hash = Sha256::Hash(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
        self.known.insert(state, hash.clone());
        hash
    }
}
