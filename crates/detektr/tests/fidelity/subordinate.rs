//! A detonation by an ordinary user to whom `/etc/subuid` gives ids: run as nobody, in a mount namespace where that file
//! says so.

use crate::support::Place;
use serde_json::{Value, json};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

const FIRST: u64 = 2_000_000_000;

fn skipped() -> bool {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0);
    let skipped = !root || !Path::new("/usr/bin/newuidmap").exists();
    if skipped {
        eprintln!("skipped: needs root, and newuidmap (apt install uidmap)");
    }
    skipped
}

#[test]
fn ids_are_told_as_they_are_inside_and_files_of_others_are_read_for_the_bundle() {
    if skipped() {
        return;
    }
    let place = Place::new();
    let folder = place.path("");
    let (ranges, binary, home) = (place.path("ranges"), place.path("detektr"), place.path("home"));
    std::fs::write(&ranges, format!("nobody:{FIRST}:65536\n")).unwrap();
    let copied =
        Command::new("install").args(["-m", "755", env!("CARGO_BIN_EXE_detektr")]).arg(&binary).status();
    assert!(copied.unwrap().success());
    chown(&folder, Some(65_534), Some(65_534)).unwrap();
    let script = "echo secret > /tmp/x; chown 1234:77 /tmp/x; chmod 600 /tmp/x; mkdir -m 700 /tmp/d; touch /tmp/d/f; \
                  chown 8 /tmp/d; su -s /bin/sh daemon -c 'exec id -u'; chown 33 /etc/debian_version";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-ec"])
        .arg(
            "mount --bind \"$1\" /etc/subuid; mount --bind \"$1\" /etc/subgid; shift
             exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$@\"",
        )
        .arg("sh")
        .args([&ranges, &binary])
        .args(["detonate", "--json", "--user", "root", "--", "sh", "-c", script])
        .env("DETEKTR_HOME", &home)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&document["state"], &document["complete"]),
        (&json!("completed"), &json!(true)),
        "{document}"
    );
    let bundle = Path::new(document["bundle"].as_str().unwrap());
    let read = |name: &str| std::fs::read_to_string(bundle.join(name)).unwrap();
    assert_eq!(read("stdout"), "1\n");
    let manifest: Value = serde_json::from_str(&read("manifest.json")).unwrap();
    assert_eq!(manifest["environment"]["id_mapping"], "subordinate");
    assert_eq!(manifest["environment"]["id_base"], FIRST);
    let changes: Vec<Value> =
        read("changes.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let after = |path: &str| &changes.iter().find(|change| change["path"] == path).unwrap()["after"];
    let owner = |path: &str| (after(path)["uid"].as_u64(), after(path)["gid"].as_u64());
    assert_eq!(owner("/tmp/x"), (Some(1234), Some(77)));
    assert_eq!(owner("/tmp/d"), (Some(8), Some(0)));
    assert_eq!(owner("/etc/debian_version"), (Some(33), Some(0)));
    assert_eq!(after("/tmp/x")["stored"], true, "only its owner may read it, and Detektr");
    assert!(bundle.join("files").join(after("/tmp/x")["sha256"].as_str().unwrap()).exists());
    let events = place.detektr(&["events", bundle.to_str().unwrap(), "--json"]).stdout;
    let events: Vec<Value> = events
        .split(|b| *b == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let set = events.iter().find(|e| e["credentials"]["call"] == "setuid").unwrap();
    assert_eq!(set["credentials"]["new"]["uid"], 1, "{set}");
    let left: Vec<_> = std::fs::read_dir(home.join("work")).map(Iterator::collect).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}
