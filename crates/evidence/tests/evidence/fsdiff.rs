//! The file-system difference: of upper folders made by hand, and of a real overlay where the host allows one.

use detektr_evidence::{
    Baseline, Change, ChangeKind, Diff, DiffOptions, FileBounds, FileStore, FileType, IdMap, IdRange, Layer,
    LowerView, fsdiff,
};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Tree {
    dir: tempfile::TempDir,
}

impl Tree {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for name in ["upper", "lower", "work", "merged"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Tree { dir }
    }
    fn upper(&self, path: &str) -> PathBuf {
        self.dir.path().join("upper").join(path)
    }
    fn lower(&self, path: &str) -> PathBuf {
        self.dir.path().join("lower").join(path)
    }
    fn layers(&self) -> Vec<Layer> {
        vec![Layer { mount_point: "/".into(), upper: self.upper(""), lowers: vec![self.lower("")] }]
    }
    fn baseline(&self) -> Baseline {
        Baseline::take(&self.layers(), &Default::default()).unwrap()
    }
    fn diff_with(&self, baseline: &Baseline, options: &DiffOptions) -> Diff {
        let mut store = FileStore::new(self.dir.path().join("files"), FileBounds::default());
        fsdiff(&self.layers(), baseline, options, &mut store)
    }
    fn diff(&self) -> Diff {
        self.diff_with(&Baseline::default(), &DiffOptions::default())
    }
    fn stored(&self, sha256: &str) -> Vec<u8> {
        fs::read(self.dir.path().join("files").join(sha256)).unwrap()
    }
}

fn told(diff: &Diff) -> Vec<(String, ChangeKind)> {
    diff.changes.iter().map(|change| (change.path.to_string(), change.change)).collect()
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
}

#[test]
fn a_copy_up_without_change_is_no_change() {
    let tree = Tree::new();
    fs::create_dir(tree.lower("etc")).unwrap();
    fs::write(tree.lower("etc/hosts"), "127.0.0.1").unwrap();
    copy(&tree.lower("etc"), &tree.upper("etc"));
    let diff = tree.diff();
    assert_eq!(told(&diff), []);
    assert_eq!(diff.copied_up, ["/etc".into(), "/etc/hosts".into()]);
}

#[test]
fn content_mode_and_type_changes_are_told_with_both_sides_and_their_content() {
    let tree = Tree::new();
    for name in ["content", "mode", "kind"] {
        fs::write(tree.lower(name), "before").unwrap();
        copy(&tree.lower(name), &tree.upper(name));
    }
    fs::write(tree.upper("content"), "after!").unwrap();
    fs::set_permissions(tree.upper("mode"), fs::Permissions::from_mode(0o4755)).unwrap();
    fs::remove_file(tree.upper("kind")).unwrap();
    symlink("content", tree.upper("kind")).unwrap();
    fs::create_dir(tree.upper("new")).unwrap();
    fs::write(tree.upper("new/file"), "new").unwrap();
    let diff = tree.diff();
    use ChangeKind::*;
    let expected = [
        ("/content", Modified),
        ("/kind", Modified),
        ("/mode", Metadata),
        ("/new", Created),
        ("/new/file", Created),
    ];
    assert_eq!(told(&diff), expected.map(|(path, kind)| (path.to_owned(), kind)));
    let side =
        |change: &Change, after: bool| if after { change.after.clone() } else { change.before.clone() };
    let content =
        |index: usize, after| tree.stored(&side(&diff.changes[index], after).unwrap().sha256.unwrap());
    assert_eq!((content(0, false), content(0, true)), (b"before".to_vec(), b"after!".to_vec()));
    assert_eq!(content(4, true), b"new");
    assert_eq!(side(&diff.changes[1], true).unwrap().target, Some("content".into()));
    assert_eq!(side(&diff.changes[2], true).unwrap().mode, 0o4755);
}

#[test]
fn what_was_in_place_before_the_run_is_no_change_and_its_going_is() {
    let tree = Tree::new();
    for name in ["kept", "changed", "removed"] {
        fs::write(tree.upper(name), "bait").unwrap();
    }
    let baseline = tree.baseline();
    fs::write(tree.upper("changed"), "touched").unwrap();
    fs::remove_file(tree.upper("removed")).unwrap();
    let diff = tree.diff_with(&baseline, &DiffOptions::default());
    assert_eq!(
        told(&diff),
        [("/changed".to_owned(), ChangeKind::Modified), ("/removed".to_owned(), ChangeKind::Removed)]
    );
    assert_eq!(tree.stored(diff.changes[0].before.as_ref().unwrap().sha256.as_ref().unwrap()), b"bait");
    assert_eq!(diff.copied_up, ["/".into(), "/kept".into()]);
}

#[test]
fn ids_are_told_as_inside() {
    let tree = Tree::new();
    fs::write(tree.upper("file"), "x").unwrap();
    let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata(tree.upper("file")).unwrap());
    let mut options = DiffOptions::default();
    options.ids.upper.uid = IdMap(vec![IdRange { inside: 7, outside: uid, count: 1 }]);
    options.ids.upper.gid = IdMap(vec![IdRange { inside: 0, outside: 4_000_000_000, count: 1 }]);
    let diff = tree.diff_with(&Baseline::default(), &options);
    let after = diff.changes[0].after.as_ref().unwrap();
    assert_eq!((after.uid, after.gid), (7, 65534));
}

#[test]
fn secrets_of_the_host_stay_out_of_the_bundle() {
    let tree = Tree::new();
    fs::write(tree.lower("shadow"), "root:secret").unwrap();
    fs::set_permissions(tree.lower("shadow"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(tree.upper("shadow"), "mine").unwrap();
    let options = DiffOptions { host_lower: true, ..Default::default() };
    let diff = tree.diff_with(&Baseline::default(), &options);
    assert_eq!(told(&diff), [("/shadow".to_owned(), ChangeKind::Modified)]);
    let before = diff.changes[0].before.as_ref().unwrap();
    assert_eq!((before.sha256.as_ref(), before.stored), (None, false));
    assert_eq!(fs::read_dir(tree.dir.path().join("files")).unwrap().count(), 1);
}

#[test]
fn folders_that_nobody_may_enter_are_walked_all_the_same() {
    let tree = Tree::new();
    fs::create_dir_all(tree.upper("closed/inner")).unwrap();
    fs::write(tree.upper("closed/inner/file"), "x").unwrap();
    for (path, mode) in [("closed/inner/file", 0), ("closed/inner", 0o001), ("closed", 0)] {
        fs::set_permissions(tree.upper(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let diff = tree.diff();
    let modes: Vec<u32> = diff.changes.iter().map(|change| change.after.as_ref().unwrap().mode).collect();
    assert_eq!((modes, diff.changes.len()), (vec![0, 0o001, 0], 3));
    assert!(diff.changes[2].after.as_ref().unwrap().sha256.is_some());
    let mode = fs::metadata(tree.upper("closed")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0);
    fs::set_permissions(tree.upper("closed"), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(tree.upper("closed/inner"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_bound_on_changes_is_told() {
    let tree = Tree::new();
    for n in 0..10 {
        fs::write(tree.upper(&format!("{n}")), "x").unwrap();
    }
    let options = DiffOptions { max_changes: Some(4), ..Default::default() };
    let diff = tree.diff_with(&Baseline::default(), &options);
    assert_eq!((diff.changes.len(), diff.not_listed), (4, 6));
}

#[test]
fn the_view_beneath_knows_links_of_all_layers() {
    let tree = Tree::new();
    fs::create_dir(tree.lower("usr")).unwrap();
    symlink("usr/bin", tree.lower("bin")).unwrap();
    symlink("/elsewhere", tree.lower("usr/link")).unwrap();
    let usr = Layer { mount_point: "/usr".into(), upper: tree.upper(""), lowers: vec![tree.lower("usr")] };
    let view = LowerView::new(&[tree.layers().remove(0), usr]);
    assert_eq!(view.read_link(b"/bin"), Some(b"usr/bin".to_vec()));
    assert_eq!(view.read_link(b"/usr/link"), Some(b"/elsewhere".to_vec()));
    assert_eq!(view.read_link(b"/usr"), None);
}

/// Runs `script` with `$PWD` a real overlay over the tree's lower folder, in a mount namespace of its own.
fn in_overlay(tree: &Tree, options: &str, script: &str) -> bool {
    let dir = tree.dir.path().display();
    let mount = format!(
        "mount -t overlay overlay -o lowerdir={dir}/lower,upperdir={dir}/upper,workdir={dir}/work{options} \
         {dir}/merged && cd {dir}/merged && ({script}) && cd / && umount {dir}/merged"
    );
    let done = Command::new("unshare").args(["--mount", "sh", "-ec", &mount]).output();
    match done {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!("skipped: no overlay here: {}", String::from_utf8_lossy(&output.stderr).trim());
            false
        }
        Err(e) => {
            eprintln!("skipped: no unshare: {e}");
            false
        }
    }
}

#[test]
fn a_real_overlay_is_read_as_the_kernel_wrote_it() {
    let tree = Tree::new();
    fs::create_dir_all(tree.lower("d/sub")).unwrap();
    fs::create_dir(tree.lower("again")).unwrap();
    for path in ["d/one", "d/sub/two", "again/old", "gone", "append", "linked", "touched", "same"] {
        fs::write(tree.lower(path), path).unwrap();
    }
    fs::hard_link(tree.lower("linked"), tree.lower("linked-too")).unwrap();
    let script = "rm -r d; rm gone; rm -r again; mkdir again; echo new > again/new; echo more >> append; \
                  echo x >> linked; touch -d 2001-01-01 touched; chmod \"$(stat -c %a same)\" same; \
                  mkfifo pipe; ln append second; echo t > temporary; rm temporary";
    if !in_overlay(&tree, "", script) {
        return;
    }
    let diff = tree.diff();
    use ChangeKind::*;
    let expected = [
        ("/again/new", Created),
        ("/again/old", Removed),
        ("/append", Modified),
        ("/d", Removed),
        ("/d/one", Removed),
        ("/d/sub", Removed),
        ("/d/sub/two", Removed),
        ("/gone", Removed),
        ("/linked", Modified),
        ("/pipe", Created),
        ("/second", Created),
        ("/touched", Metadata),
    ];
    assert_eq!(told(&diff), expected.map(|(path, kind)| (path.to_owned(), kind)));
    assert_eq!(diff.copied_up, ["/again".into(), "/same".into()]);
    assert_eq!(diff.changes[9].after.as_ref().unwrap().file_type, FileType::Fifo);
    let link = |index: usize| diff.changes[index].after.as_ref().unwrap().hard_link;
    assert!(link(2).is_some() && link(2) == link(10));
}

#[test]
fn a_redirected_folder_shows_where_its_files_went() {
    let tree = Tree::new();
    fs::create_dir_all(tree.lower("from/sub")).unwrap();
    fs::write(tree.lower("from/sub/file"), "x").unwrap();
    if !in_overlay(&tree, ",redirect_dir=on", "mv from to; echo new > to/sub/new") {
        return;
    }
    use ChangeKind::*;
    let expected = [
        ("/from", Removed),
        ("/from/sub", Removed),
        ("/from/sub/file", Removed),
        ("/to", Created),
        ("/to/sub", Created),
        ("/to/sub/file", Created),
        ("/to/sub/new", Created),
    ];
    assert_eq!(told(&tree.diff()), expected.map(|(path, kind)| (path.to_owned(), kind)));
}
