//! Images as tools make them.

use super::super::{ImageError, Noted, unpack};
use super::build::{Bench, Image, LayerTar, gzip, zstd};
use serde_json::{Value, json};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use tar::EntryType;

fn base() -> LayerTar {
    LayerTar::default()
        .folder("./", 0o755)
        .folder("etc/", 0o755)
        .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
        .file("etc/removed", "old")
        .folder("data/", 0o750)
        .file("data/old", "old")
        .symlink("bin", "usr/bin")
        .folder("usr/bin/", 0o755)
        .entry("usr/bin/su", EntryType::Regular, 0o4755, "", b"#!/bin/sh\n")
        .hard_link("usr/bin/su2", "usr/bin/su")
}

fn second() -> LayerTar {
    LayerTar::default()
        .file("etc/.wh.removed", "")
        .file("data/new", "new")
        .file("data/.wh..wh..opq", "")
        .file("bin/tool", "tool")
        .file("etc/passwd", "changed\n")
}

#[track_caller]
fn looks_right(bench: &Bench) {
    assert_eq!(bench.read("etc/passwd"), "changed\n");
    assert!(!bench.has("etc/removed") && !bench.has("etc/.wh.removed"));
    assert_eq!(bench.read("data/new"), "new");
    assert!(!bench.has("data/old"), "the opaque mark hides what was below");
    assert_eq!(bench.read("usr/bin/tool"), "tool", "links to folders lead on, inside");
    let (su, twin) = (bench.root().join("usr/bin/su"), bench.root().join("usr/bin/su2"));
    let (su, twin) = (su.metadata().expect("su"), twin.metadata().expect("su2"));
    assert_eq!((su.ino(), su.mode() & 0o7777), (twin.ino(), 0o4755));
    assert_eq!(su.mtime(), 1_000_000_000);
    assert_eq!(bench.root().join("data").metadata().expect("data").mode() & 0o7777, 0o750);
    assert_eq!(bench.root().metadata().expect("root").permissions().mode() & 0o7777, 0o700);
    if rustix::process::geteuid().is_root() {
        assert_eq!((su.uid(), su.gid()), (1234, 4321));
    }
}

#[test]
fn an_oci_layout_with_gzip_zstd_and_plain_layers_is_unpacked() {
    for (first, compression) in [(gzip(&base().bytes()), "gzip"), (zstd(&base().bytes()), "zstd")] {
        let bench = Bench::new();
        let second = second().bytes();
        let image = Image::oci(&[(first, base().bytes()), (second.clone(), second)]);
        let info = unpack(&bench.file(&image.bytes()), &bench.root()).expect("it unpacks");
        looks_right(&bench);
        assert_eq!(info.format, "oci");
        assert_eq!(info.config.env, ["PATH=/bin"]);
        assert_eq!(info.config.cmd, ["/bin/sh"]);
        assert_eq!((info.config.workdir.as_str(), info.config.user.as_str()), ("/srv", "7:8"));
        assert_eq!(info.layers[0].compression, compression);
        assert_eq!(info.layers[1].compression, "none");
        assert_eq!(info.layers[1].digest, info.layers[1].diff_id);
        assert_eq!(info.root_mode, 0o755);
        assert_eq!((info.layers[0].entries, info.layers[1].entries), (10, 5));
        assert_eq!(info.notes, []);
    }
}

#[test]
fn a_docker_save_file_is_unpacked_also_with_linked_layers_and_compressed() {
    let mut image = Image::docker(&[base().bytes(), second().bytes()]);
    let second = image.members.remove("layer1/layer.tar").expect("the layer");
    image.members.insert("shared/layer.tar".into(), second);
    image.links.insert("layer1/layer.tar".into(), "../shared/layer.tar".into());
    for content in [image.bytes(), gzip(&image.bytes()), zstd(&image.bytes())] {
        let bench = Bench::new();
        let info = unpack(&bench.file(&content), &bench.root()).expect("it unpacks");
        looks_right(&bench);
        assert_eq!(
            (info.format.as_str(), info.names.as_slice()),
            ("docker-save", &["demo:latest".to_owned()][..])
        );
        assert!(!bench.has(".image"), "no scratch file stays");
    }
}

fn with_platform(mut descriptor: Value, os: &str, architecture: &str) -> Value {
    descriptor["platform"] = json!({"os": os, "architecture": architecture});
    descriptor
}

#[test]
fn of_nested_indexes_the_image_for_amd64_is_taken() {
    let bench = Bench::new();
    let mut image = Image::oci(&[]);
    let layer = |text: &str| {
        let layer = LayerTar::default().file("arch", text).bytes();
        [(layer.clone(), layer)]
    };
    let arm = with_platform(image.manifest(&layer("arm"), "arm64"), "linux", "arm64");
    let amd = with_platform(image.manifest(&layer("amd"), "amd64"), "linux", "amd64");
    let note = with_platform(image.manifest(&layer("note"), "unknown"), "unknown", "unknown");
    let inner = json!({"schemaVersion": 2, "manifests": [arm, amd, note]}).to_string();
    let inner = image.blob("application/vnd.docker.distribution.manifest.list.v2+json", inner.as_bytes());
    image.index(&[inner]);
    unpack(&bench.file(&image.bytes()), &bench.root()).expect("it unpacks");
    assert_eq!(bench.read("arch"), "amd");
}

#[test]
fn an_image_for_another_machine_is_refused_with_what_it_holds() {
    let bench = Bench::new();
    let mut image = Image::oci(&[]);
    let manifest = image.manifest(&[], "arm64");
    image.index(&[manifest]);
    match unpack(&bench.file(&image.bytes()), &bench.root()) {
        Err(ImageError::Platform { found, .. }) => assert_eq!(found, ["linux/arm64"]),
        other => panic!("not a platform error: {other:?}"),
    }
}

#[test]
fn two_images_in_one_file_are_refused_by_name() {
    let bench = Bench::new();
    let mut image = Image::oci(&[]);
    let layer = LayerTar::default().file("a", "a").bytes();
    let mut one = image.manifest(&[], "amd64");
    let mut two = image.manifest(&[(layer.clone(), layer)], "amd64");
    one["annotations"] = json!({"org.opencontainers.image.ref.name": "one"});
    two["annotations"] = json!({"io.containerd.image.name": "two"});
    image.index(&[one, two]);
    match unpack(&bench.file(&image.bytes()), &bench.root()) {
        Err(ImageError::Several { mut names, .. }) => {
            names.sort();
            assert_eq!(names, ["one", "two"]);
        }
        other => panic!("not several: {other:?}"),
    }
}

#[test]
fn whiteouts_touch_only_older_layers_wherever_they_stand_in_theirs() {
    let bench = Bench::new();
    let first = LayerTar::default().file("d/old", "old").file("f", "old").file("g/x", "old").bytes();
    // The same folder whited out and made anew, the mark behind the new content.
    let second = LayerTar::default()
        .file("d/new", "new")
        .file(".wh.d", "")
        .file("f", "new")
        .file(".wh.f", "")
        .file(".wh.g", "")
        .file("none/.wh.x", "")
        .bytes();
    let image = Image::docker(&[first, second]);
    unpack(&bench.file(&image.bytes()), &bench.root()).expect("it unpacks");
    assert_eq!(bench.read("d/new"), "new");
    assert!(!bench.has("d/old") && !bench.has("g") && !bench.has("none"));
    assert_eq!(bench.read("f"), "new");
}

#[test]
fn a_folder_that_nobody_may_write_to_is_filled_all_the_same() {
    let bench = Bench::new();
    let layer = LayerTar::default().folder("closed/", 0o555).file("closed/inside", "x").bytes();
    unpack(&bench.file(&Image::docker(&[layer]).bytes()), &bench.root()).expect("it unpacks");
    assert_eq!(bench.read("closed/inside"), "x");
    assert_eq!(bench.root().join("closed").metadata().expect("closed").mode() & 0o7777, 0o555);
    std::fs::set_permissions(bench.root().join("closed"), PermissionsExt::from_mode(0o755))
        .expect("reopened");
}

#[test]
fn a_later_layer_replaces_files_by_folders_and_back() {
    let bench = Bench::new();
    let first = LayerTar::default().file("a", "file").file("b/deep/er", "x").symlink("c", "/etc").bytes();
    let second = LayerTar::default().folder("a/", 0o755).file("b", "file").folder("c/", 0o755).bytes();
    unpack(&bench.file(&Image::docker(&[first, second]).bytes()), &bench.root()).expect("it unpacks");
    assert!(bench.root().join("a").is_dir() && bench.root().join("b").is_file());
    assert!(bench.root().join("c").symlink_metadata().expect("c").is_dir());
}

#[test]
fn long_names_file_capabilities_and_fifos_arrive() {
    let bench = Bench::new();
    let long = "n".repeat(200) + "/" + &"m".repeat(180);
    // Version 2 with cap_net_raw; the value holds line feeds and zeros.
    let capability = [1, 0, 0, 2, 0, 0x20, 0, 0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let layer = LayerTar::default()
        .records(&[("path", long.as_bytes()), ("mtime", b"1234567890.5")])
        .file("short", "long")
        .records(&[
            ("SCHILY.xattr.security.capability", &capability),
            ("SCHILY.xattr.trusted.overlay.opaque", b"y"),
        ])
        .file("ping", "ping")
        .entry("pipe", EntryType::Fifo, 0o620, "", b"")
        .bytes();
    let info = unpack(&bench.file(&Image::docker(&[layer]).bytes()), &bench.root()).expect("it unpacks");
    assert_eq!(bench.read(&long), "long");
    assert_eq!(bench.root().join(&long).metadata().expect("long").mtime(), 1_234_567_890);
    assert_eq!(bench.root().join("pipe").metadata().expect("pipe").mode(), 0o010_620);
    let steering =
        rustix::fs::getxattr(bench.root().join("ping"), "trusted.overlay.opaque", &mut [0u8; 8][..]);
    assert_eq!(steering, Err(rustix::io::Errno::NODATA));
    assert!(info.notes.iter().any(|note| note.entry == "ping" && note.what == Noted::AttributeSkipped));
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: file capabilities are set by the superuser only");
        return;
    }
    let mut value = [0u8; 32];
    let size = rustix::fs::getxattr(bench.root().join("ping"), "security.capability", &mut value[..]);
    assert_eq!(&value[..size.expect("the capability is set")], capability);
}
