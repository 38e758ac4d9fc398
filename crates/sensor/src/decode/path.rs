//! Paths with what is known of their truth.
//!
//! A kernel object tells its true path. A path call tells a string and the base that it is relative to; their
//! join, `.` and `..` folded by the letter, is the best that can be said without looking, and is marked so.

use super::numbers::Numbers;
use crate::raw::RawObject;
use detektr_event::{Copied, FilePath, PathRoot, Provenance, Text};

/// Whose idea of `/` a process has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    /// Its mount namespace (0: not known).
    pub mount_namespace: u64,
    /// Its root directory as seen from the namespace's root, where it is not `/`.
    pub root: Option<Copied>,
}

/// What a path call's string is relative to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    /// The directory, where it is known.
    pub object: Option<&'a RawObject>,
    /// It is the working directory (no descriptor stands between).
    pub cwd: bool,
}

/// Makes paths for one process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paths<'a> {
    pub numbers: &'a Numbers,
    pub view: &'a View,
}

impl Paths<'_> {
    /// The true path of a kernel object.
    pub fn object(&self, object: &RawObject) -> FilePath {
        FilePath {
            path: self.inside(&object.path),
            given: None,
            base: None,
            resolved: true,
            provenance: if object.from_procfs { Provenance::Procfs } else { Provenance::KernelObject },
            dev: Some(object.dev),
            ino: Some(object.ino),
            fs: (!object.fs.is_empty()).then(|| object.fs.clone()),
            path_root: self.path_root(object.mount_namespace, object.root.as_ref()),
            unlinked: object.unlinked,
        }
    }

    /// The true path of the object that a call yielded, beside the string that the call gave.
    pub fn yielded(&self, object: &RawObject, base: Base<'_>, given: &Copied) -> FilePath {
        let mut path = self.object(object);
        let asked = self.joined(base, given, Provenance::UserMemory);
        path.given = (*given != path.path).then(|| given.clone());
        path.base = asked.base;
        path
    }

    /// The path that `given` makes on `base`, unresolved.
    pub fn joined(&self, base: Base<'_>, given: &Copied, provenance: Provenance) -> FilePath {
        let root = base.object.and_then(|object| object.root.as_ref()).or(self.view.root.as_ref());
        let (text, length) = match given {
            Copied::Whole(text) => (text, None),
            Copied::Truncated { text, truncated } => (text, Some(*truncated)),
            Copied::Unreadable { .. } => {
                let space = self.space_of(base, false);
                return self.unresolved(given.clone(), None, None, provenance, self.path_root(space, root));
            }
        };
        let absolute = text.as_bytes().first() == Some(&b'/');
        let start = if absolute {
            root.map(|root| self.inside(root))
        } else {
            base.object.map(|object| self.inside(&object.path))
        };
        let joined = match start.as_ref().map(|start| start.as_whole().map(Text::as_bytes)) {
            None if absolute => fold(b"/", text.as_bytes(), b"/"),
            Some(Some(start)) if start.first() == Some(&b'/') => {
                let root = root.map(|root| self.inside(root));
                let floor = root.as_ref().and_then(Copied::as_whole).map_or(&b"/"[..], Text::as_bytes);
                fold(start, text.as_bytes(), floor)
            }
            _ => text.as_bytes().to_vec(),
        };
        let path = match length {
            None => Copied::whole(joined),
            Some(length) => {
                let extra = joined.len().saturating_sub(text.as_bytes().len()) as u64;
                Copied::Truncated { text: joined.into(), truncated: length.saturating_add(extra) }
            }
        };
        let space = self.space_of(base, absolute);
        let given = (*given != path).then(|| given.clone());
        self.unresolved(path, given, start, provenance, self.path_root(space, root))
    }

    /// A path that says nothing of a file: what could be copied, as it was.
    pub fn raw(&self, given: &Copied) -> FilePath {
        self.unresolved(given.clone(), None, None, Provenance::UserMemory, None)
    }

    fn unresolved(
        &self,
        path: Copied,
        given: Option<Copied>,
        base: Option<Copied>,
        provenance: Provenance,
        path_root: Option<PathRoot>,
    ) -> FilePath {
        FilePath {
            path,
            given,
            base,
            resolved: false,
            provenance,
            dev: None,
            ino: None,
            fs: None,
            path_root,
            unlinked: false,
        }
    }

    /// The mount namespace that a path walk begins in: the base's, or the process's own for an absolute path.
    fn space_of(&self, base: Base<'_>, absolute: bool) -> u64 {
        match base.object {
            Some(object) if !absolute || base.cwd || self.view.mount_namespace == 0 => object.mount_namespace,
            _ => self.view.mount_namespace,
        }
    }

    fn path_root(&self, mount_namespace: u64, root: Option<&Copied>) -> Option<PathRoot> {
        let own = self.numbers.mount_namespace;
        let foreign = own != 0 && mount_namespace != 0 && mount_namespace != own;
        let root = root.map(|root| self.inside(root)).filter(|root| *root != Copied::whole("/"));
        (foreign || root.is_some()).then_some(PathRoot { mount_namespace, root })
    }

    /// `path` without the prefix that stands before every path of the environment.
    fn inside(&self, path: &Copied) -> Copied {
        let prefix = self.numbers.root_path.as_slice();
        if prefix.is_empty() {
            return path.clone();
        }
        let strip = |text: &Text| -> Option<Vec<u8>> {
            match text.as_bytes().strip_prefix(prefix)? {
                [] => Some(b"/".to_vec()),
                rest @ [b'/', ..] => Some(rest.to_vec()),
                _ => None,
            }
        };
        match path {
            Copied::Whole(text) => strip(text).map_or_else(|| path.clone(), Copied::whole),
            Copied::Truncated { text, truncated } => strip(text).map_or_else(
                || path.clone(),
                |rest| Copied::Truncated {
                    truncated: truncated.saturating_sub(prefix.len() as u64),
                    text: rest.into(),
                },
            ),
            Copied::Unreadable { .. } => path.clone(),
        }
    }
}

/// `given` on `base`, `.` and `..` folded by the letter, never above `root` where `base` is below it. A slash at the
/// end stays: it asks for a directory.
fn fold(base: &[u8], given: &[u8], root: &[u8]) -> Vec<u8> {
    let parts_of = |path| <[u8]>::split(path, |byte| *byte == b'/').filter(|part| !part.is_empty());
    let mut parts: Vec<&[u8]> = parts_of(base).collect();
    let root: Vec<&[u8]> = parts_of(root).collect();
    let floor = if parts.starts_with(&root) { root.len() } else { 0 };
    for part in given.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.len() > floor => {
                parts.pop();
            }
            b".." => {}
            part => parts.push(part),
        }
    }
    let mut path = Vec::with_capacity(base.len() + given.len() + 1);
    for part in &parts {
        path.push(b'/');
        path.extend_from_slice(part);
    }
    if path.is_empty() || (given.len() > 1 && given.last() == Some(&b'/')) {
        path.push(b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_fold_dots_by_the_letter_and_never_leave_the_root() {
        let cases: &[(&str, &str, &str, &str)] = &[
            ("/", "/etc/passwd", "/", "/etc/passwd"),
            ("/home/u", "a/./b/../c", "/", "/home/u/a/c"),
            ("/home/u", "../../../..", "/", "/"),
            ("/", "/../../x", "/", "/x"),
            ("/jail", "/../../x", "/jail", "/jail/x"),
            ("/jail/d", "../../../x", "/jail", "/jail/x"),
            // A directory outside of the root leads further out.
            ("/tmp/d", "../../x", "/jail", "/x"),
            ("/home/u", "d/", "/", "/home/u/d/"),
            ("/home/u", "", "/", "/home/u"),
            ("/", "/", "/", "/"),
            ("/a", "//b///c", "/a", "/a/b/c"),
        ];
        for (base, given, root, expected) in cases {
            assert_eq!(
                String::from_utf8(fold(base.as_bytes(), given.as_bytes(), root.as_bytes())).expect("UTF-8"),
                *expected,
                "{given:?} on {base:?}"
            );
        }
    }
}
