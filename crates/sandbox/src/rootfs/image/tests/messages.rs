//! What people read, word for word.

use super::super::{Bounds, unpack, unpack_within};
use super::build::{Bench, Image, LayerTar, gzip, shown};
use serde_json::json;

/// Golden files by their own name, wherever the module stands.
macro_rules! golden {
    ($name:literal, $text:expr) => {
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!($name, $text);
        })
    };
}

#[track_caller]
fn message(content: &[u8]) -> String {
    let bench = Bench::new();
    let error = unpack(&bench.file(content), &bench.root()).expect_err("it must not unpack");
    shown(&bench, &error)
}

#[test]
fn each_error_says_what_where_and_what_to_do() {
    let layer = LayerTar::default().file("a/../../x", "evil").bytes();
    golden!("refused", message(&Image::docker(&[LayerTar::default().bytes(), layer]).bytes()));
    golden!("not_an_image", message(b"just some text, and not even much of it"));
    golden!("no_description", message(&LayerTar::default().file("etc/passwd", "x").bytes()));
    let layer = LayerTar::default().file("a", "b").bytes();
    let image = Image::oci(&[(gzip(&layer), layer)]);
    let content = image.bytes();
    golden!("truncated", message(&content[..2000]));
    let mut arm = Image::oci(&[]);
    let manifest = arm.manifest(&[], "arm64");
    arm.index(&[manifest]);
    golden!("platform", message(&arm.bytes()));
    let mut missing = Image::oci(&[]);
    let lost = json!({"digest": format!("sha256:{}", "0".repeat(64)), "size": 3});
    missing.index(&[lost]);
    golden!("missing", message(&missing.bytes()));
    let mut wrong = Image::docker(&[LayerTar::default().file("a", "b").bytes()]);
    wrong.members.insert("layer0/layer.tar".into(), LayerTar::default().file("a", "c").bytes());
    golden!("digest", message(&wrong.bytes()));
}

#[test]
fn a_missing_file_and_a_bound_are_told_plainly() {
    let bench = Bench::new();
    let error = unpack(&bench.folder.path().join("none.tar"), &bench.root()).expect_err("there is no file");
    golden!("unreadable", shown(&bench, &error));
    let bench = Bench::new();
    let file = bench.file(&Image::docker(&[LayerTar::default().file("a", "b").bytes()]).bytes());
    let error = unpack_within(&file, &bench.root(), Bounds { bytes: 600, entries: 9 })
        .expect_err("it is over the bound");
    golden!("too_big", shown(&bench, &error));
}
