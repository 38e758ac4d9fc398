//! What is acted on, as it is remembered: paths, which may be millions, by their hash alone; addresses as text.

use detektr_event::{Address, FilePath};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::rc::Rc;

/// A path's hash, the same in every run; `None` for a path that is none of the environment's own.
pub(super) fn hash(path: &FilePath) -> Option<u64> {
    path.in_environment().map(hash_bytes)
}

/// The hash of a path's bytes.
pub(super) fn hash_bytes(path: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}

/// The folder that a path is in.
pub(super) fn folder(path: &[u8]) -> &[u8] {
    path.iter().rposition(|byte| *byte == b'/').map_or(&[], |at| &path[..at])
}

/// The port and the text of an address of the internet protocols that is not this machine's own.
pub(super) fn remote(address: &Address) -> Option<(u16, Rc<str>)> {
    match address {
        Address::Inet { address, port } if !address.is_loopback() && !address.is_unspecified() => {
            Some((*port, format!("{address}:{port}").into()))
        }
        Address::Inet6 { address, port, .. } if !address.is_loopback() && !address.is_unspecified() => {
            Some((*port, format!("[{address}]:{port}").into()))
        }
        _ => None,
    }
}
