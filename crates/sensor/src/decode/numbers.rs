//! The environment's own numbers: user and group ids, and its mount namespace.

use crate::raw::RawCredentials;
use detektr_event::Credentials;

/// An id of the host that no id of the environment stands for. No user or group can have this number.
pub const UNMAPPED: u32 = u32::MAX;

/// A line of `/proc/PID/uid_map` or `gid_map`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// First id inside the environment.
    pub inside: u32,
    /// First id of the host.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// How the host's numbers and the environment's own relate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Inode number of the environment's own mount namespace (0: not known).
    pub mount_namespace: u64,
    /// User ids. Empty: the environment has the host's own.
    pub uid_map: Vec<IdRange>,
    /// Group ids. Empty: the environment has the host's own.
    pub gid_map: Vec<IdRange>,
    /// What stands before every path of the environment as the sensor sees it; usually empty.
    pub root_path: Vec<u8>,
}

impl Numbers {
    /// The user id inside that host's `id` stands for, else [`UNMAPPED`].
    pub(super) fn uid(&self, id: u32) -> u32 {
        inside(&self.uid_map, id)
    }

    /// The group id inside that host's `id` stands for, else [`UNMAPPED`].
    pub(super) fn gid(&self, id: u32) -> u32 {
        inside(&self.gid_map, id)
    }

    /// `credentials` in the environment's numbering.
    pub(super) fn credentials(&self, credentials: &RawCredentials) -> Credentials {
        let [uid, euid, suid, fsuid] = credentials.uids.map(|id| self.uid(id));
        let [gid, egid, sgid, fsgid] = credentials.gids.map(|id| self.gid(id));
        Credentials { uid, euid, suid, fsuid, gid, egid, sgid, fsgid, capabilities: credentials.capabilities }
    }
}

fn inside(map: &[IdRange], id: u32) -> u32 {
    if map.is_empty() {
        return id;
    }
    map.iter()
        .find_map(|range| {
            let offset = id.checked_sub(range.outside).filter(|offset| *offset < range.count)?;
            range.inside.checked_add(offset)
        })
        .unwrap_or(UNMAPPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_of_the_environment_and_an_unmapped_one_is_no_id_at_all() {
        let map = [
            IdRange { inside: 0, outside: 100_000, count: 1000 },
            IdRange { inside: 1000, outside: 7, count: 1 },
        ];
        assert_eq!(inside(&map, 100_000), 0);
        assert_eq!(inside(&map, 100_999), 999);
        assert_eq!(inside(&map, 7), 1000);
        assert_eq!(inside(&map, 0), UNMAPPED);
        assert_eq!(inside(&map, 101_000), UNMAPPED);
        assert_eq!(inside(&[], 12), 12);
        assert_eq!(inside(&[IdRange { inside: u32::MAX, outside: 0, count: 9 }], 5), UNMAPPED);
    }
}
