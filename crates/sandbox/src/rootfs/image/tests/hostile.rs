//! Images that try to reach out of their folder, to lie, or to fill the disk.

use super::super::{Bounds, ImageError, ImageInfo, Noted, unpack, unpack_within};
use super::build::{Bench, Image, LayerTar, gzip};
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use tar::EntryType;

fn attempt(bench: &Bench, layers: &[LayerTar]) -> Result<ImageInfo, ImageError> {
    let layers: Vec<_> = layers.iter().map(|layer| layer.clone().bytes()).collect();
    unpack(&bench.file(&Image::docker(&layers).bytes()), &bench.root())
}

#[track_caller]
fn refused(layers: &[LayerTar], what: &str) {
    let bench = Bench::new();
    std::fs::write(bench.folder.path().join("victim"), "untouched").expect("the victim is written");
    match attempt(&bench, layers) {
        Err(ImageError::Refused { why, .. }) => assert!(why.contains(what), "{why}"),
        other => panic!("not refused: {other:?}"),
    }
    outside_is_untouched(&bench);
}

#[track_caller]
fn outside_is_untouched(bench: &Bench) {
    let mut names: Vec<_> = std::fs::read_dir(bench.folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    assert_eq!(names, ["image.tar", "root", "victim"]);
    let victim = std::fs::read_to_string(bench.folder.path().join("victim")).expect("the victim");
    assert_eq!(victim, "untouched");
}

#[test]
fn names_that_lead_upwards_are_refused() {
    for name in ["../victim", "a/../../victim", "..", "/../victim", "a/./../../victim"] {
        refused(&[LayerTar::default().file(name, "evil")], "`..`");
    }
    refused(&[LayerTar::default().file("a", "a").hard_link("b", "../victim")], "`..`");
    refused(&[LayerTar::default().records(&[("path", b"../victim")]).file("a", "evil")], "`..`");
    refused(&[LayerTar::default().records(&[("linkpath", b"../victim")]).hard_link("b", "a")], "`..`");
}

#[test]
fn whiteouts_of_the_folder_above_are_refused() {
    for name in [".wh...", ".wh..", ".wh.", "a/.wh..."] {
        refused(&[LayerTar::default().file("a/b", "x"), LayerTar::default().file(name, "")], "whiteout");
    }
    refused(&[LayerTar::default().file("a/b", "x"), LayerTar::default().file("../.wh.victim", "")], "`..`");
}

#[test]
fn links_lead_to_the_roots_inside_never_outside() {
    let bench = Bench::new();
    let outside = bench.folder.path().to_str().expect("text").to_owned();
    std::fs::write(bench.folder.path().join("victim"), "untouched").expect("the victim is written");
    let first = LayerTar::default()
        .symlink("absolute", "/")
        .symlink("up", "../..")
        .symlink("far", &outside)
        .folder("etc/", 0o755)
        .symlink("victim", &format!("{outside}/victim"));
    let second = LayerTar::default()
        .file("absolute/one", "1")
        .file("up/two", "2")
        .file("victim", "a file in place of the link")
        .file("up/.wh.etc", "");
    attempt(&bench, &[first, second]).expect("it unpacks");
    assert_eq!((bench.read("one"), bench.read("two")), ("1".into(), "2".into()));
    assert!(!bench.has("etc"));
    assert_eq!(bench.read("victim"), "a file in place of the link");
    assert_eq!(bench.root().join("absolute").read_link().expect("a link"), Path::new("/"));
    outside_is_untouched(&bench);
    // Through a link to what exists outside only.
    refused(
        &[LayerTar::default().symlink("far", &outside), LayerTar::default().file("far/victim", "evil")],
        "a link stands",
    );
    refused(&[LayerTar::default().symlink("far", &outside).hard_link("near", "far/victim")], "doesn't exist");
}

#[test]
fn absolute_names_are_taken_as_below_the_root() {
    let bench = Bench::new();
    let info = attempt(&bench, &[LayerTar::default().file("/etc/x", "x").hard_link("y", "/etc/x")])
        .expect("unpacks");
    assert_eq!((bench.read("etc/x"), bench.read("y")), ("x".into(), "x".into()));
    assert_eq!((info.notes.len(), info.notes[0].what), (1, Noted::AbsoluteContained));
}

#[test]
fn device_nodes_are_left_out_and_recorded() {
    let bench = Bench::new();
    let layer = LayerTar::default().entry("dev/null", EntryType::Char, 0o666, "", b"").entry(
        "dev/sda",
        EntryType::Block,
        0o660,
        "",
        b"",
    );
    let info = attempt(&bench, &[layer]).expect("it unpacks");
    assert!(!bench.has("dev/null") && !bench.has("dev/sda"));
    let noted: Vec<_> = info.notes.iter().map(|note| (note.layer, note.entry.as_str(), note.what)).collect();
    assert_eq!(noted, [(1, "dev/null", Noted::DeviceSkipped), (1, "dev/sda", Noted::DeviceSkipped)]);
    assert_eq!(info.noted, 2);
}

#[test]
fn of_duplicates_the_last_counts_and_is_recorded() {
    let bench = Bench::new();
    let info =
        attempt(&bench, &[LayerTar::default().file("a", "first").file("a", "second")]).expect("it unpacks");
    assert_eq!(bench.read("a"), "second");
    assert_eq!((info.notes.len(), info.notes[0].what), (1, Noted::DuplicateReplaced));
    // In the image file itself two of a name could show one to a checker, the other to Detektr.
    let mut content = Image::docker(&[]).bytes();
    content.truncate(content.len() - 1024);
    content.extend(LayerTar::default().file("manifest.json", "[]").bytes());
    let bench = Bench::new();
    let result = unpack(&bench.file(&content), &bench.root());
    assert!(
        matches!(&result, Err(ImageError::Refused { why, .. }) if why.contains("two of that name")),
        "{result:?}"
    );
}

#[test]
fn hard_links_to_folders_and_to_nothing_are_refused() {
    refused(&[LayerTar::default().folder("a/", 0o755).hard_link("b", "a")], "hard link to a folder");
    refused(&[LayerTar::default().hard_link("b", "a")], "doesn't exist");
    refused(&[LayerTar::default().hard_link("b", "")], "doesn't exist");
}

#[test]
fn a_bomb_ends_at_the_bound() {
    let bench = Bench::new();
    let plain = LayerTar::default().entry("zeros", EntryType::Regular, 0o644, "", &vec![0; 8 << 20]).bytes();
    let image = Image::oci(&[(gzip(&plain), plain)]);
    let bounds = Bounds { bytes: 1 << 20, ..Bounds::default() };
    let result = unpack_within(&bench.file(&image.bytes()), &bench.root(), bounds);
    assert!(matches!(result, Err(ImageError::TooBig { unit: "bytes", .. })), "{result:?}");
    let bench = Bench::new();
    let layer = (0..20).fold(LayerTar::default(), |layer, number| layer.file(&format!("f{number}"), ""));
    let image = Image::docker(&[layer.bytes()]);
    let bounds = Bounds { entries: 19, ..Bounds::default() };
    let result = unpack_within(&bench.file(&image.bytes()), &bench.root(), bounds);
    assert!(matches!(result, Err(ImageError::TooBig { unit: "entries", .. })), "{result:?}");
    let bench = Bench::new();
    let bounds = Bounds { bytes: 1 << 10, ..Bounds::default() };
    let result = unpack_within(&bench.file(&gzip(&Image::docker(&[]).bytes())), &bench.root(), bounds);
    assert!(matches!(result, Err(ImageError::TooBig { unit: "bytes", .. })), "{result:?}");
    // A long name of many megabytes is not taken into memory.
    let huge =
        LayerTar::default().entry("././@LongLink", EntryType::GNULongName, 0, "", &vec![b'a'; 2 << 20]);
    refused_plainly(huge);
}

#[track_caller]
fn refused_plainly(layer: LayerTar) {
    let bench = Bench::new();
    let result = attempt(&bench, &[layer]);
    assert!(matches!(result, Err(ImageError::Refused { .. })), "{result:?}");
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    refused_plainly(LayerTar::default().records(&[("size", b"0")]).file("a", "content"));
    refused_plainly(LayerTar::default().records(&[("GNU.sparse.major", b"1")]).file("a", "content"));
    refused_plainly(LayerTar::default().records(&[("uid", b"-1")]).file("a", "content"));
    refused_plainly(LayerTar::default().records(&[("uid", b"4294967295")]).file("a", "content"));
}

#[test]
fn every_flipped_byte_of_a_blob_is_noticed() {
    let layer = LayerTar::default().file("a", "some content").bytes();
    let image = Image::oci(&[(gzip(&layer), layer)]);
    for name in image.members.keys().filter(|name| name.starts_with("blobs/")) {
        let content = &image.members[name];
        for position in (0..content.len()).step_by(content.len().div_ceil(24)) {
            let mut members = image.members.clone();
            members.get_mut(name).expect("the blob")[position] ^= 1;
            let bench = Bench::new();
            let changed = Image { members, links: BTreeMap::new() };
            let result = unpack(&bench.file(&changed.bytes()), &bench.root());
            assert!(result.is_err(), "byte {position} of {name} was changed unnoticed");
        }
    }
}

#[test]
fn a_cut_file_is_refused_unless_nothing_that_counts_is_lost() {
    let layer = LayerTar::default().file("a", &"x".repeat(2000)).bytes();
    for image in [Image::oci(&[(gzip(&layer), layer.clone())]), Image::docker(std::slice::from_ref(&layer))] {
        let content = image.bytes();
        let mut refusals = 0;
        for end in (0..content.len() - 1024).step_by(173) {
            let bench = Bench::new();
            let result = unpack(&bench.file(&content[..end]), &bench.root());
            match result {
                Ok(_) => assert_eq!(bench.read("a"), "x".repeat(2000), "cut at {end} of {}", content.len()),
                Err(_) => refusals += 1,
            }
        }
        assert!(refusals > 10, "most cuts lose something");
    }
}

#[test]
fn a_folder_with_content_and_a_link_are_no_targets() {
    let bench = Bench::new();
    let file = bench.file(&Image::docker(&[]).bytes());
    std::fs::create_dir_all(bench.root().join("x")).expect("a folder");
    assert!(matches!(unpack(&file, &bench.root()), Err(ImageError::Target { .. })));
    let link = bench.folder.path().join("link");
    std::os::unix::fs::symlink("/tmp", &link).expect("a link");
    assert!(matches!(unpack(&file, &link), Err(ImageError::Target { .. })));
}

#[test]
fn indexes_that_contain_each_other_end() {
    let bench = Bench::new();
    let mut image = Image::oci(&[]);
    let mut inner = image.manifest(&[], "amd64");
    for _ in 0..6 {
        let index = json!({"schemaVersion": 2, "manifests": [inner]}).to_string();
        inner = image.blob("application/vnd.oci.image.index.v1+json", index.as_bytes());
    }
    image.index(&[inner]);
    let result = unpack(&bench.file(&image.bytes()), &bench.root());
    assert!(
        matches!(&result, Err(ImageError::Description { why, .. }) if why.contains("nested")),
        "{result:?}"
    );
}

fn any_layer() -> impl Strategy<Value = LayerTar> {
    let name = prop::sample::select(vec![
        "a",
        "b",
        "a/b",
        "b/a",
        "a/b/c",
        "/a",
        "..",
        "a/..",
        "../victim",
        ".wh.a",
        "b/.wh..wh..opq",
        ".wh...",
        "./",
        "a/../../victim",
    ]);
    let target = prop::sample::select(vec!["a", "b", "/", "..", "../..", "../victim", "a/b", "/b/a", "."]);
    let kind = prop::sample::select(vec![
        EntryType::Regular,
        EntryType::Directory,
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Fifo,
    ]);
    prop::collection::vec((name, kind, target), 0..8).prop_map(|entries| {
        entries.into_iter().fold(LayerTar::default(), |layer, (name, kind, target)| {
            let content: &[u8] = if kind == EntryType::Regular { b"content" } else { b"" };
            layer.entry(name, kind, 0o755, target, content)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_mix_of_entries_reaches_outside(layers in prop::collection::vec(any_layer(), 1..4)) {
        let bench = Bench::new();
        std::fs::write(bench.folder.path().join("victim"), "untouched").expect("the victim is written");
        // Whether it unpacks or is refused is not the point here.
        if let Err(error) = attempt(&bench, &layers) {
            prop_assert!(matches!(error, ImageError::Refused { .. }), "{error:?}");
        }
        outside_is_untouched(&bench);
    }
}
