//! Items made into the types of `raw`: strings, objects, credentials.

use super::wire::{BYTES, CREDS, Item, Numbers, OBJECT, STRING};
use crate::raw::{RawCredentials, RawObject, Taken};
use detektr_event::{CapabilitySets, Copied, Unreadable};

const UNLINKED: u32 = 1;
const INTERNAL: u32 = 2;
const TRUNCATED: u32 = 4;

impl Item {
    /// The string, where it is one.
    pub fn string(&self) -> Option<Copied> {
        if self.tag != STRING {
            return None;
        }
        let text = self.body.strip_suffix(b"\0").unwrap_or(&self.body);
        Some(match self.status {
            0 => Copied::whole(text.to_vec()),
            1 => Copied::Truncated { text: text.to_vec().into(), truncated: text.len() as u64 + 1 },
            _ => Unreadable::NotResident.into(),
        })
    }

    /// The object, where it is one.
    pub fn object(&self) -> Option<RawObject> {
        if self.tag != OBJECT || self.body.len() < 56 {
            return None;
        }
        let mut n = Numbers(&self.body);
        let (dev, ino, mode, namespace, flags) = (n.u64(), n.u64(), n.u32(), n.u32(), n.u32());
        let (path_len, root_len, _) = (n.u32() as usize, n.u32() as usize, n.u32());
        let fs = until_nul(&self.body[40..56]);
        let names = &self.body[56..];
        let path_names = names.get(..path_len).unwrap_or(names);
        let root_names = names.get(path_len..path_len + root_len).unwrap_or(&[]);
        let fs = String::from_utf8_lossy(fs).into_owned();
        let internal = flags & INTERNAL != 0;
        let mut memfd = false;
        let path = if internal {
            let name = until_nul(path_names);
            Copied::whole(match fs.as_str() {
                "pipefs" => format!("pipe:[{ino}]").into_bytes(),
                "sockfs" => format!("socket:[{ino}]").into_bytes(),
                "anon_inodefs" => [b"anon_inode:", name].concat(),
                _ => {
                    memfd = name.starts_with(b"memfd:");
                    name.to_vec()
                }
            })
        } else {
            absolute(path_names, flags & TRUNCATED != 0)
        };
        Some(RawObject {
            path,
            dev,
            ino,
            mode,
            fs,
            mount_namespace: namespace.into(),
            root: (root_len > 0).then(|| absolute(root_names, false)),
            unlinked: flags & UNLINKED != 0,
            memfd,
            from_procfs: false,
        })
    }

    /// The credentials, where they are.
    pub fn credentials(&self) -> Option<RawCredentials> {
        if self.tag != CREDS {
            return None;
        }
        let mut n = Numbers(&self.body);
        let (uids, gids, [inheritable, permitted, effective, bounding, ambient]) =
            (n.u32s(), n.u32s(), n.u64s());
        let capabilities = CapabilitySets { inheritable, permitted, effective, bounding, ambient };
        Some(RawCredentials { uids, gids, capabilities })
    }

    /// The item as what was taken for a call.
    pub fn taken(&self) -> Taken {
        match self.tag {
            STRING => self.string().map_or(Taken::Nothing, |entry| Taken::String { entry, at_return: None }),
            BYTES if self.status == 0 => Taken::Bytes(self.body.clone()),
            BYTES => Taken::Unreadable(Unreadable::NotResident),
            OBJECT => self.object().map_or(Taken::Nothing, Taken::Object),
            CREDS => self.credentials().map_or(Taken::Nothing, |c| Taken::Credentials(c, c)),
            _ => Taken::Nothing,
        }
    }
}

/// The object that stands where none could be looked at.
pub(super) fn unknown_object() -> RawObject {
    RawObject {
        path: Unreadable::NotCopied.into(),
        dev: 0,
        ino: 0,
        mode: 0,
        fs: String::new(),
        mount_namespace: 0,
        root: None,
        unlinked: false,
        memfd: false,
        from_procfs: false,
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or(bytes)
}

/// The path whose names stand in `names`, last first.
fn absolute(names: &[u8], truncated: bool) -> Copied {
    let names = names.strip_suffix(b"\0").unwrap_or(names);
    if names.is_empty() {
        return Copied::whole("/");
    }
    let mut path = Vec::with_capacity(names.len() + 1);
    for name in names.rsplit(|b| *b == 0) {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    if truncated {
        let truncated = path.len() as u64 + 1;
        return Copied::Truncated { text: path.into(), truncated };
    }
    Copied::whole(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_the_leaf_up_make_a_path_from_the_root_down() {
        assert_eq!(absolute(b"passwd\0etc\0", false), Copied::whole("/etc/passwd"));
        assert_eq!(absolute(b"", false), Copied::whole("/"));
    }
}
