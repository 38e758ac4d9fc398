//! Reconciliation against a small file system of its own: whatever is done there, events and difference agree.

use crate::common::event;
use detektr_event::{
    Access, Attributes, Copied, Create, Detail, Event, FilePath, PathOnly, Provenance, Rename, Write,
};
use detektr_evidence::reconcile::{Scope, files};
use detektr_evidence::{Change, ChangeKind, FileState, Side};
use proptest::prelude::*;
use std::collections::BTreeMap;

const NAMES: [&str; 8] = ["/a", "/b", "/d", "/d/a", "/d/s", "/d/s/b", "/e", "/e/a"];

/// A file or folder: who it is, and how often its content and its mode were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    id: usize,
    folder: bool,
    lower: bool,
    content: u32,
    mode: u32,
}

type Tree = BTreeMap<String, Node>;

fn beneath() -> Tree {
    let node = |id, folder| Node { id, folder, lower: true, content: 0, mode: 0 };
    [("/a", node(0, false)), ("/d", node(1, true)), ("/d/a", node(2, false)), ("/e", node(3, true))]
        .map(|(path, node)| (path.to_owned(), node))
        .into()
}

/// Does one thing, where it can be done, and yields its event.
fn act(tree: &mut Tree, what: usize, path: &str, other: &str, id: usize) -> Option<Event> {
    let parent = |path: &str| path.rsplit_once('/').map_or("", |(parent, _)| parent).to_owned();
    let room = |tree: &Tree, path: &str| {
        let parent = parent(path);
        parent.is_empty() || tree.get(&parent).is_some_and(|node| node.folder)
    };
    let empty = |tree: &Tree, path: &str| !tree.keys().any(|name| name.starts_with(&format!("{path}/")));
    let found = tree.get(path).copied();
    let new = |folder| Node { id, folder, lower: false, content: 0, mode: 0 };
    let attributes = |path| Attributes { path, mode: Some(0o700), uid: None, gid: None, device: None };
    let detail = match (what, found) {
        (0, None) if room(tree, path) => {
            tree.insert(path.to_owned(), new(false));
            let flags = vec!["O_CREAT".to_owned()];
            let (access, mode, fd) = (Access::Write, 0o600, Some(3));
            Detail::FileCreate { file: Create { path: told(path), flags, access, mode, fd, certain: false } }
        }
        (1, None) if room(tree, path) => {
            tree.insert(path.to_owned(), new(true));
            Detail::FileMkdir { file: attributes(given(path)) }
        }
        (2, Some(node)) if !node.folder => {
            tree.get_mut(path)?.content += 1;
            let path = told(path);
            Detail::FileWrite { file: Write { path, bytes: 1, calls: 1, read_bytes: 0, mapped: false } }
        }
        (3, Some(node)) if !node.folder => {
            tree.remove(path);
            Detail::FileUnlink { file: PathOnly { path: given(path) } }
        }
        (4, Some(node)) if node.folder && empty(tree, path) => {
            tree.remove(path);
            Detail::FileRmdir { file: PathOnly { path: given(path) } }
        }
        (5, Some(_)) => {
            tree.get_mut(path)?.mode += 1;
            Detail::FileChmod { file: attributes(given(path)) }
        }
        (6, Some(node)) if path != other && !other.starts_with(&format!("{path}/")) && room(tree, other) => {
            // a folder from beneath can't be renamed: EXDEV
            let fits = match tree.get(other) {
                Some(over) => over.folder == node.folder && (!over.folder || empty(tree, other)),
                None => true,
            };
            if !fits || (node.folder && node.lower) {
                return None;
            }
            let below: Vec<String> =
                tree.keys().filter(|n| *n == path || n.starts_with(&format!("{path}/"))).cloned().collect();
            for name in below {
                let node = Node { lower: false, ..tree.remove(&name)? };
                tree.insert(format!("{other}{}", &name[path.len()..]), node);
            }
            let (path, to) = (given(path), given(other));
            Detail::FileRename { file: Box::new(Rename { path, to, flags: Vec::new() }) }
        }
        _ => return None,
    };
    Some(event(detail))
}

fn told(path: &str) -> FilePath {
    FilePath { fs: Some("overlay".into()), ..FilePath::resolved(Copied::whole(path)) }
}

fn given(path: &str) -> FilePath {
    FilePath {
        resolved: false,
        provenance: Provenance::UserMemory,
        ..FilePath::resolved(Copied::whole(path))
    }
}

fn difference(before: &Tree, after: &Tree) -> Vec<Change> {
    let state = |node: &Node| FileState {
        mode: node.mode,
        ..crate::common::state(&format!("{}-{}", node.id, node.content), 0)
    };
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let (old, new) = (before.get(path), after.get(path));
            let change = match (old, new) {
                (None, None) => return None,
                (None, Some(_)) => ChangeKind::Created,
                (Some(_), None) => ChangeKind::Removed,
                // a folder made again is the old one, as far as anybody can see
                (Some(a), Some(b)) if a.folder && b.folder => {
                    if a.mode == b.mode {
                        return None;
                    }
                    ChangeKind::Metadata
                }
                (Some(a), Some(b)) if (a.id, a.content) != (b.id, b.content) => ChangeKind::Modified,
                (Some(a), Some(b)) if a.mode != b.mode => ChangeKind::Metadata,
                _ => return None,
            };
            let (before, after) = (old.map(state), new.map(state));
            Some(Change { path: path.as_str().into(), change, before, after, unreadable: None })
        })
        .collect()
}

/// Does `acts` on the file system beneath; the events, and what is there then.
fn run(acts: impl IntoIterator<Item = (usize, usize, usize)>) -> (Tree, Vec<Event>) {
    let mut tree = beneath();
    let mut events = Vec::new();
    for (id, (what, path, other)) in acts.into_iter().enumerate() {
        if let Some(event) = act(&mut tree, what, NAMES[path], NAMES[other], 100 + id) {
            let seq = events.len() as u64 + 1;
            events.push(Event { seq, boot_ns: seq, ..event });
        }
    }
    (tree, events)
}

#[test]
fn what_went_from_a_folder_is_not_looked_for_where_its_name_moved_to() {
    // unlink /d/a, rmdir /d, create the file /d, rename it to /a
    let (tree, events) = run([(3, 3, 0), (4, 2, 0), (0, 2, 0), (6, 2, 0)]);
    assert_eq!(events.len(), 4);
    let scope = Scope { layers: vec!["/".into()], excluded: Vec::new() };
    assert_eq!(files(scope, &[], &difference(&beneath(), &tree), &[], &events).unexplained, []);
}

proptest! {
    // a fixed seed: the same cases each time
    #![proptest_config(ProptestConfig {
        cases: 2000,
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_is_done_is_explained_and_what_is_not_done_is_not(
        acts in proptest::collection::vec((0..7usize, 0..NAMES.len(), 0..NAMES.len()), 0..40),
    ) {
        let before = beneath();
        let (tree, events) = run(acts);
        let mut changes = difference(&before, &tree);
        // what lies in the upper folders: folders above what changed, and what was moved to and fro
        let upper = tree.iter().filter(|(_, node)| node.folder || !node.lower);
        let copied_up: Vec<_> = upper.map(|(path, _)| path.as_str().into()).collect();
        let scope = Scope { layers: vec!["/".into()], excluded: Vec::new() };
        prop_assert_eq!(files(scope.clone(), &[], &changes, &copied_up, &events).unexplained, []);

        let after = Some(crate::common::state("", 0));
        let path = "/behind/the/back".into();
        changes.push(Change { path, change: ChangeKind::Created, before: None, after, unreadable: None });
        let unexplained = files(scope.clone(), &[], &changes, &copied_up, &events).unexplained;
        prop_assert_eq!(unexplained.len(), 1);
        prop_assert_eq!(unexplained[0].side, Side::Witness);

        // what the last event made, and somebody took away unseen
        if let Some(Detail::FileCreate { file }) = events.last().map(|event| &event.detail) {
            changes.pop();
            let gone = file.path.path.as_whole().unwrap();
            changes.retain(|change| change.path != *gone);
            let copied_up: Vec<_> = copied_up.into_iter().filter(|path| path != gone).collect();
            let unexplained = files(scope, &[], &changes, &copied_up, &events).unexplained;
            prop_assert_eq!(unexplained.len(), 1);
            prop_assert_eq!(unexplained[0].side, Side::Events);
        }
    }
}
