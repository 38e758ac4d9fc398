//! Root file systems other than the host's, for real: a folder and an image that hold one static program.

use crate::docker_save::docker_save;
use crate::support::Home;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that writes `/made`, or `/tmp/made` where it can't, and exits with its user id's last byte.
const PROGRAM: &str = r#"
#include <fcntl.h>
#include <unistd.h>
int main(void) {
    if (open("/made", O_CREAT | O_WRONLY, 0644) < 0 && open("/tmp/made", O_CREAT | O_WRONLY, 0644) < 0)
        return 255;
    return getuid() & 0xff;
}
"#;

/// A folder with nothing but the program, statically linked, or `None` (told) where this host can't make one.
fn root(home: &Home) -> Option<PathBuf> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: these tests run as root");
        return None;
    }
    let source = home.file("program.c", PROGRAM.as_bytes());
    let root = home.path("root");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    let built =
        Command::new("cc").args(["-static", "-o"]).arg(root.join("bin/program")).arg(&source).status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: no static C library");
        return None;
    }
    Some(root)
}

#[test]
fn a_folder_and_an_image_are_run_in_as_root_and_as_an_ordinary_user() {
    let home = Home::new();
    let Some(root) = root(&home) else { return };
    let image = home.path("image.tar");
    docker_save(&root, &image);
    for rootfs in [root.to_str().unwrap(), image.to_str().unwrap()] {
        for (user, code, made) in [("root", 0, "/made"), ("user", 1000 & 0xff, "/tmp/made")] {
            let told = home
                .detektr(["detonate", "--json", "--rootfs", rootfs, "--user", user, "--", "program"])
                .exits(0);
            let document = told.json();
            assert_eq!(document["exit"], json!({"code": code}), "{rootfs} {user}: {document}");
            let bundle = document["bundle"].as_str().unwrap();
            let changes = std::fs::read_to_string(Path::new(bundle).join("changes.ndjson")).unwrap();
            assert!(changes.contains(&format!("\"path\":\"{made}\"")), "{rootfs} {user}: {changes}");
            assert!(!root.join("made").exists(), "the folder beneath is as it was");
        }
    }
    let shown = home.detektr(["show", "last", "--json"]).exits(0).stdout;
    assert!(shown.contains("docker-save"), "the manifest tells the image: {shown}");
}
