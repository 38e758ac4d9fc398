//! `verify`, `export`, `rm`, `key` on bundles that were made without running anything.

use crate::support::{Home, flip, story};
use serde_json::json;

/// The codes of the problems that `verify` names, which must be some.
fn problems(home: &Home, args: &[&str]) -> Vec<String> {
    let told = home.detektr([&["verify", "--json"][..], args].concat()).exits(1).json();
    assert_eq!(told["valid"], false);
    let list = told["problems"].as_array().unwrap();
    assert!(!list.is_empty());
    list.iter().map(|problem| problem["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_sealed_bundle_is_valid_and_its_signer_is_named() {
    let home = Home::new();
    home.sealed("r1", story());
    let told = home.detektr(["verify", "r1", "--json"]).exits(0).json();
    assert_eq!(told["valid"], true);
    assert_eq!(told["run"], "r1");
    assert_eq!(told["events"], 10);
    assert_eq!(told["problems"], json!([]));
    let own = home.detektr(["key", "show", "--json"]).exits(0).json();
    assert_eq!(told["signer"], own["id"]);
    assert!(home.detektr(["verify", "r1"]).exits(0).stdout.starts_with("valid "));
}

#[test]
fn a_flipped_bit_in_any_file_is_found() {
    for file in ["events.ndjson.zst", "manifest.json", "attestation.dsse.json", "stdout"] {
        let home = Home::new();
        let bundle = home.sealed("r1", story());
        flip(&bundle.join(file));
        let told = home.detektr(["verify", "r1"]).exits(1);
        assert!(told.stdout.starts_with("invalid "), "{file}: {}", told.stdout);
        problems(&home, &["r1"]);
    }
}

#[test]
fn a_missing_and_an_added_file_are_found() {
    let home = Home::new();
    let bundle = home.sealed("r1", story());
    std::fs::write(bundle.join("extra"), "x").unwrap();
    problems(&home, &["r1"]);
    std::fs::remove_file(bundle.join("extra")).unwrap();
    home.detektr(["verify", "r1"]).exits(0);
    std::fs::remove_file(bundle.join("stdout")).unwrap();
    assert!(problems(&home, &["r1"]).contains(&"missing_file".to_owned()));
}

#[test]
fn a_bundle_of_a_stranger_is_valid_only_where_its_key_is_trusted() {
    let (home, stranger) = (Home::new(), Home::new());
    let bundle = stranger.sealed("r1", story());
    let bundle = bundle.to_str().unwrap();
    home.detektr(["key", "show"]).exits(0);
    assert_eq!(problems(&home, &[bundle]), ["foreign_key"]);
    home.detektr(["verify", bundle, "--any-key"]).exits(0);
    let key = home.path("stranger.pem");
    let key = key.to_str().unwrap();
    stranger.detektr(["key", "export-public", key]).exits(0);
    home.detektr(["verify", bundle, "--trust", key]).exits(0);
    let own = home.path("own.pem");
    let own = own.to_str().unwrap();
    home.detektr(["key", "export-public", own]).exits(0);
    assert_eq!(problems(&home, &[bundle, "--trust", own]), ["foreign_key"]);
    let none = home.file("none.pem", b"nothing");
    home.detektr(["verify", bundle, "--trust", none.to_str().unwrap()]).exits(2);
}

#[test]
fn an_exported_bundle_is_one_file_that_verifies_and_reads_the_same() {
    let home = Home::new();
    home.sealed("r1", story());
    let told = home.detektr(["export", "r1", "--json"]).exits(0).json();
    assert_eq!(told["file"], "r1.tar.zst");
    let file = home.path("r1.tar.zst");
    assert_eq!(told["size"], std::fs::metadata(&file).unwrap().len());
    let file = file.to_str().unwrap();
    home.detektr(["verify", file]).exits(0);
    for command in ["events", "tree"] {
        let from_folder = home.detektr([command, "r1", "--json"]).exits(0);
        let from_file = home.detektr([command, file, "--json"]).exits(0);
        assert_eq!(from_folder.stdout, from_file.stdout);
    }
    home.detektr(["export", "r1"]).exits(2);
    home.detektr(["export", "r1", "--force"]).exits(0);
    flip(file.as_ref());
    problems(&home, &[file]);
}

#[test]
fn rm_removes_what_was_named_and_nothing_else() {
    let home = Home::new();
    let kept = home.sealed("keep", vec![]);
    let gone = home.sealed("gone", vec![]);
    home.detektr(["rm", "gone", "nothing"]).exits(2);
    assert!(gone.exists(), "a command with a wrong word did half of its work");
    assert_eq!(home.detektr(["rm", "gone", "--json"]).exits(0).json(), json!({"removed": ["gone"]}));
    assert!(!gone.exists() && kept.exists());
    home.detektr(["rm", kept.to_str().unwrap()]).exits(2);
    assert!(kept.exists(), "a path is no run of the data folder");
}

#[test]
fn rm_all_asks_to_be_told_twice() {
    let home = Home::new();
    let bundle = home.sealed("r1", vec![]);
    let told = home.detektr(["rm", "--all"]).exits(2);
    assert!(told.stderr.contains("--yes"), "{}", told.stderr);
    assert!(bundle.exists());
    home.detektr(["rm", "--all", "--yes"]).exits(0);
    assert!(!bundle.exists());
    home.detektr(["rm", "--all"]).exits(0);
}

#[test]
fn a_key_is_made_once_imported_and_exported() {
    let home = Home::new();
    let first = home.detektr(["key", "show", "--json"]).exits(0).json();
    assert_eq!(home.detektr(["key", "show", "--json"]).exits(0).json(), first);
    let pem = home.detektr(["key", "export-public"]).exits(0).stdout;
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"), "{pem}");
    assert_eq!(first["public_key"], json!(pem));

    let other = Home::new();
    let theirs = other.detektr(["key", "show", "--json"]).exits(0).json();
    let file = other.data().join("keys/signing.pem");
    let imported = home.detektr(["key", "import", file.to_str().unwrap(), "--json"]).exits(0).json();
    assert_eq!(imported["id"], theirs["id"]);
    assert_eq!(home.detektr(["key", "show", "--json"]).exits(0).json()["id"], theirs["id"]);
    let broken = home.file("broken.pem", b"nothing");
    let told = home.detektr(["key", "import", broken.to_str().unwrap()]).exits(2);
    assert!(told.stderr.contains("openssl genpkey"), "{}", told.stderr);
}
