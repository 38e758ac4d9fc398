//! What events did to files: which names they touched, and what must be there or gone at the end.

use super::act::{Act, Step, step};
use super::judge::FilesVerdict;
use super::names::{is_below, put_tree, take_tree};
use super::resolve::{Known, Resolver, fold};
use crate::changes::Change;
use crate::witness::LinkUsed;
use detektr_event::{Copied, Event, FilePath, Kind, Text};
use std::collections::{BTreeMap, BTreeSet};

/// A name came to be.
pub(super) const MADE: u8 = 1;
/// Its content changed.
pub(super) const CONTENT: u8 = 2;
/// Its metadata was set.
pub(super) const METADATA: u8 = 4;
/// It went.
pub(super) const GONE: u8 = 8;
/// It, or a folder above it, was renamed.
pub(super) const MOVED: u8 = 16;

/// Acts of two threads on one name that are nearer than this may have happened in the other order.
const RACE_NS: u64 = 100_000_000;

/// Which part of the environment the difference covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Mount points of the layers that were compared.
    pub layers: Vec<Text>,
    /// Mount points of everything else (`/proc`, `/sys` and `/dev` need not be named).
    pub excluded: Vec<Text>,
}

/// Takes events one by one, and holds them against the difference at the end.
pub struct Files<'a> {
    /// Mount points that the difference covers, and those in them that it doesn't.
    pub(super) layers: Vec<Vec<u8>>,
    pub(super) excluded: Vec<Vec<u8>>,
    pub(super) resolver: Resolver<'a>,
    /// What events did to each name.
    pub(super) acts: BTreeMap<Vec<u8>, u8>,
    /// Both ends of every rename.
    pub(super) moved: BTreeSet<Vec<u8>>,
    /// What must be there, or gone, by the events.
    pub(super) names: BTreeMap<Vec<u8>, Name>,
    /// Symbolic links that the run made.
    pub(super) links: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Names that share a file.
    pub(super) aliases: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    /// Mount points that the run made, with the tree that is seen there as well.
    pub(super) mounts: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    /// Last parts of relative paths that sockets were bound to.
    pub(super) sockets: BTreeSet<Vec<u8>>,
    /// A name went or moved, and it could not be read which.
    pub(super) blind: bool,
}

/// What the events demand of a name.
#[derive(Clone, Debug)]
pub(super) struct Name {
    pub(super) present: bool,
    /// It came to be in this run: its going leaves no trace.
    pub(super) made: bool,
    /// Nothing can be demanded.
    pub(super) contested: bool,
    pub(super) by: By,
}

/// Who demands it.
#[derive(Clone, Copy, Debug)]
pub(super) struct By {
    pub(super) seq: u64,
    pub(super) kind: Kind,
    pub(super) tid: u32,
    pub(super) boot_ns: u64,
}

impl<'a> Files<'a> {
    /// Begins. `beneath` says what the symbolic link at an absolute path of the file system beneath holds
    /// ([`LowerView::read_link`](crate::LowerView::read_link), or the links of a manifest).
    pub fn new(scope: Scope, beneath: impl FnMut(&[u8]) -> Option<Vec<u8>> + Send + 'a) -> Self {
        let folded = |mounts: Vec<Text>| mounts.iter().map(|mount| fold(mount.as_bytes())).collect();
        Files {
            layers: folded(scope.layers),
            excluded: folded(scope.excluded),
            resolver: Resolver::new(Box::new(beneath)),
            acts: BTreeMap::new(),
            moved: BTreeSet::new(),
            names: BTreeMap::new(),
            links: BTreeMap::new(),
            aliases: BTreeMap::new(),
            mounts: BTreeMap::new(),
            sockets: BTreeSet::new(),
            blind: false,
        }
    }

    /// Takes the next event of the stream.
    pub fn event(&mut self, event: &Event) {
        let Some(Step { act, path, follow, certain }) = step(event) else { return };
        let tid = event.process.as_ref().map_or(0, |process| process.tid);
        let by = By { seq: event.seq, kind: event.kind(), tid, boot_ns: event.boot_ns };
        if let Act::Socket(path) = act {
            return self.socket(path);
        }
        let Some(file) = path else { return };
        let Some((path, told)) = self.paths(file, follow) else {
            self.blind |= matches!(act, Act::Gone | Act::Rename { .. });
            return;
        };
        if let Some(told) = &told {
            self.explain(told, bit(&act));
        }
        let known_before = self.was_made(&path);
        self.explain(&path, bit(&act));
        if file.unlinked {
            return;
        }
        let sure = certain && self.covers(file, &path);
        match act {
            Act::Make => self.made(path, by, sure),
            Act::Symlink(target) => {
                if let Some(target) = target.and_then(Copied::as_whole) {
                    self.links.insert(path.clone(), target.as_bytes().to_vec());
                }
                self.made(path, by, sure);
            }
            Act::Link(source) => {
                if let Some((source, _)) = self.paths(source, false) {
                    self.aliases.entry(source.clone()).or_default().insert(path.clone());
                    self.aliases.entry(path.clone()).or_default().insert(source);
                }
                self.made(path, by, sure);
            }
            Act::Content | Act::Metadata => {
                if sure {
                    self.touched(path, by);
                }
            }
            Act::Gone => {
                self.links.remove(&path);
                self.gone(path, by, known_before, sure);
            }
            Act::Rename { to, exchange } => {
                let sure_to = self.covers_path(to);
                self.renamed(path, to, exchange, by, known_before, sure && sure_to);
            }
            Act::Mount { bound } => {
                let bound = bound.and_then(Copied::as_whole).map(Text::as_bytes);
                let bound = bound.filter(|source| source.first() == Some(&b'/')).map(fold);
                self.mounts.insert(path, bound);
            }
            Act::Socket(_) => {}
        }
    }

    fn paths(&mut self, file: &FilePath, follow: bool) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let (links, acts) = (&self.links, &self.acts);
        let made = |path: &[u8]| match (links.get(path), acts.get(path)) {
            (Some(target), _) => Known::Link(target.clone()),
            (None, Some(acts)) if acts & (MADE | GONE | MOVED) != 0 => Known::NoLink,
            (None, _) => Known::Untouched,
        };
        self.resolver.paths(file, follow, &made)
    }

    /// Notes that something of the kind `bit` was done to `path`, and to what is seen there of another place.
    fn explain(&mut self, path: &[u8], bit: u8) {
        *self.acts.entry(path.to_vec()).or_default() |= bit;
        let other = ancestors(path).find_map(|above| {
            let source = self.mounts.get(above)?.as_ref()?;
            Some(fold(&[source, &path[above.len()..]].concat()))
        });
        if let Some(other) = other {
            *self.acts.entry(other).or_default() |= bit;
        }
    }

    pub(super) fn acts_on(&self, path: &[u8]) -> u8 {
        let moved = ancestors(path).any(|above| self.moved.contains(above));
        self.acts.get(path).copied().unwrap_or(0) | if moved { MOVED } else { 0 }
    }

    fn was_made(&self, path: &[u8]) -> bool {
        // of a socket bound by a relative name only its last part is known
        let socket = last_part(path).is_some_and(|name| self.sockets.contains(name));
        socket || self.acts_on(path) & (MADE | MOVED) != 0
    }

    fn covers_path(&mut self, file: &FilePath) -> bool {
        self.paths(file, false).is_some_and(|(path, _)| self.covers(file, &path))
    }

    /// Whether what is done to `path` must show in the difference.
    fn covers(&self, file: &FilePath, path: &[u8]) -> bool {
        if file.path_root.is_some() || file.fs.as_deref().is_some_and(|fs| fs != "overlay") {
            return false;
        }
        if ancestors(path).any(|above| self.mounts.contains_key(above)) {
            return false;
        }
        if [&b"/proc"[..], b"/sys", b"/dev"].iter().any(|root| is_below(path, root)) {
            return false;
        }
        let deepest = |mounts: &[Vec<u8>]| mounts.iter().filter(|m| is_below(path, m)).map(Vec::len).max();
        deepest(&self.layers) > deepest(&self.excluded)
    }

    fn made(&mut self, path: Vec<u8>, by: By, sure: bool) {
        if sure { self.set(path, true, true, by) } else { self.contest(&path, by) }
    }

    fn touched(&mut self, path: Vec<u8>, by: By) {
        match self.names.get_mut(&path) {
            None => {
                self.names.insert(path, Name { present: true, made: false, contested: false, by });
            }
            // a write told after the name went: by whom and under which name is not certain
            Some(name) if !name.present => name.contested = true,
            Some(_) => {}
        }
    }

    fn gone(&mut self, path: Vec<u8>, by: By, made: bool, sure: bool) {
        if sure { self.set(path, false, made, by) } else { self.contest(&path, by) }
    }

    fn renamed(&mut self, from: Vec<u8>, to: &FilePath, exchange: bool, by: By, made: bool, sure: bool) {
        let Some((to, told)) = self.paths(to, false) else {
            self.blind = true;
            return self.contest(&from, by);
        };
        for path in told.iter().chain([&from, &to]) {
            self.explain(path, MOVED);
            self.moved.insert(path.clone());
        }
        let links = take_tree(&mut self.links, &from);
        let other_links = take_tree(&mut self.links, &to);
        put_tree(&mut self.links, links, &from, &to);
        let mut names = take_tree(&mut self.names, &from);
        let mut other_names = take_tree(&mut self.names, &to);
        // what went from a folder went from its old place: nothing of it lay beneath the new one
        for (_, name) in names.iter_mut().chain(&mut other_names).filter(|(_, name)| !name.present) {
            name.made = true;
        }
        let raced = |name: Option<&(Vec<u8>, Name)>, present: bool| {
            name.is_some_and(|(_, name)| name.contested || (name.present != present && name.by.races(&by)))
        };
        let source = names.iter().find(|(path, _)| *path == from);
        let target = other_names.iter().find(|(path, _)| *path == to);
        let contested = [raced(source, true), raced(target, true) && exchange];
        put_tree(&mut self.names, names, &from, &to);
        if exchange {
            put_tree(&mut self.links, other_links, &to, &from);
            put_tree(&mut self.names, other_names, &to, &from);
        }
        // two names of one file: the call does nothing
        let same = self.aliases.get(&from).is_some_and(|names| names.contains(&to));
        let at_source = Name { present: exchange, made: made || exchange, contested: contested[0], by };
        self.names.insert(from.clone(), at_source);
        self.names.insert(to.clone(), Name { present: true, made: true, contested: contested[1], by });
        if !sure || same {
            self.contest(&from, by);
            self.contest(&to, by);
        }
    }

    fn set(&mut self, path: Vec<u8>, present: bool, made: bool, by: By) {
        let before = self.names.get(&path);
        let contested =
            before.is_some_and(|name| name.contested || (name.present != present && name.by.races(&by)));
        self.names.insert(path, Name { present, made, contested, by });
    }

    fn contest(&mut self, path: &[u8], by: By) {
        let name = Name { present: true, made: true, contested: true, by };
        self.names.entry(path.to_vec()).or_insert(name).contested = true;
    }

    fn socket(&mut self, path: &Copied) {
        let Some(path) = path.as_whole().map(Text::as_bytes) else { return };
        if path.first() == Some(&b'/') {
            let told = FilePath { resolved: false, ..FilePath::resolved(Copied::whole(path)) };
            if let Some((path, other)) = self.paths(&told, false) {
                self.explain(&path, MADE);
                if let Some(other) = other {
                    self.explain(&other, MADE);
                }
                if let Some(name) = self.names.get_mut(&path) {
                    name.contested = true;
                }
            }
        } else if let Some(name) = last_part(path) {
            self.sockets.insert(name.to_vec());
        }
    }
}

impl By {
    fn races(&self, other: &By) -> bool {
        self.tid != other.tid && self.boot_ns.abs_diff(other.boot_ns) < RACE_NS
    }
}

/// Holds `events` against `changes`, with the links that a manifest tells.
pub fn files<'e>(
    scope: Scope,
    links: &[LinkUsed],
    changes: &[Change],
    copied_up: &[Text],
    events: impl IntoIterator<Item = &'e Event>,
) -> FilesVerdict {
    let mut files = Files::with_links(scope, links);
    events.into_iter().for_each(|event| files.event(event));
    files.judge(changes, copied_up)
}

impl Files<'static> {
    /// Begins, with the links that a manifest tells.
    pub fn with_links(scope: Scope, links: &[LinkUsed]) -> Self {
        let links: BTreeMap<Vec<u8>, Vec<u8>> = links
            .iter()
            .map(|link| (link.path.as_bytes().to_vec(), link.target.as_bytes().to_vec()))
            .collect();
        Files::new(scope, move |path| links.get(path).cloned())
    }
}

fn bit(act: &Act<'_>) -> u8 {
    match act {
        Act::Make | Act::Symlink(_) | Act::Link(_) | Act::Socket(_) => MADE,
        Act::Content => CONTENT,
        Act::Metadata => METADATA,
        Act::Gone => GONE,
        Act::Rename { .. } => MOVED,
        Act::Mount { .. } => 0,
    }
}

pub(super) fn last_part(path: &[u8]) -> Option<&[u8]> {
    path.rsplit(|b| *b == b'/').next().filter(|part| !part.is_empty())
}

/// `path` itself, the folder it lies in, and so on up to `/`.
pub(super) fn ancestors(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::successors(Some(path), |path| match path.iter().rposition(|b| *b == b'/') {
        _ if *path == b"/" => None,
        None => None,
        Some(0) => Some(&path[..1]),
        Some(slash) => Some(&path[..slash]),
    })
}
