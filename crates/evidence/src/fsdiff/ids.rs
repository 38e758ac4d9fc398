//! User and group ids of the host told as those inside the environment.

/// `count` ids from `outside` on are those from `inside` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdRange {
    /// First id inside.
    pub inside: u32,
    /// First id on the disk.
    pub outside: u32,
    /// How many.
    pub count: u32,
}

/// What the kernel shows for an id that is not mapped.
const OVERFLOW: u32 = 65534;

/// A map of ids; the empty one leaves every id as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMap(pub Vec<IdRange>);

impl IdMap {
    /// The id inside for `outside` on the disk.
    pub fn inside(&self, outside: u32) -> u32 {
        if self.0.is_empty() {
            return outside;
        }
        let range = self.0.iter().find(|r| outside.checked_sub(r.outside).is_some_and(|d| d < r.count));
        range.map_or(OVERFLOW, |range| range.inside + (outside - range.outside))
    }
}

/// Maps of users and groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMaps {
    /// Users.
    pub uid: IdMap,
    /// Groups.
    pub gid: IdMap,
}

/// Maps for both sides of an overlay. They differ where the lower folder is mounted with an id map of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LayerIds {
    /// Of the upper folders.
    pub upper: IdMaps,
    /// Of the lower folders.
    pub lower: IdMaps,
}
