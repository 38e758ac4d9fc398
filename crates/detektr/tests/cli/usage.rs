//! Wrong usage and bad input: exit code 2, what was wrong, where, and the remedy; and nothing ran.

use crate::support::{Home, Told, is_harmless};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

/// Checks that `told` refuses, says each of `words`, and that no run was made.
fn refused(home: &Home, told: Told, words: &[&str]) {
    let told = told.exits(2);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.chars().all(|c| !c.is_control() || c == '\n'), "{:?}", told.stderr);
    // the message is folded to the width of the terminal: compare words
    let flat = told.stderr.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    for word in words {
        assert!(flat.contains(word), "{word:?} is missing in:\n{}", told.stderr);
    }
    let runs = std::fs::read_dir(home.data().join("runs")).map(|entries| entries.count()).unwrap_or(0);
    assert_eq!(runs, 0, "something ran");
}

#[test]
fn wrong_arguments_are_refused() {
    let home = Home::new();
    for args in [
        &["frobnicate"][..],
        &[],
        &["detonate"],
        &["detonate", "/bin/true", "--timeout", "soon"],
        &["detonate", "/bin/true", "--timeout", "0"],
        &["detonate", "/bin/true", "--timeout", "-5s"],
        &["detonate", "/bin/true", "--limit", "memory=lots"],
        &["detonate", "/bin/true", "--limit", "speed=3"],
        &["detonate", "/bin/true", "--setenv", "=x"],
        &["detonate", "/bin/true", "--user", "nobody"],
        &["detonate", "/bin/true", "--hostname", "a b"],
        &["events", "last", "--kind", "nonsense"],
        &["events", "last", "--outcome", "maybe"],
        &["rm"],
    ] {
        let told = home.detektr(args).exits(2);
        assert_eq!(told.stdout, "", "{args:?}");
        assert!(!told.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn an_artifact_that_can_not_run_is_refused_with_the_reason_and_the_remedy() {
    let home = Home::new();
    let elf = std::fs::read("/bin/true").unwrap();
    let mut arm = elf.clone();
    arm[18] = 183;
    for (name, content, words) in [
        ("empty", &b""[..], &["empty"][..]),
        ("arm", &arm, &["AArch64", "x86-64"]),
        ("broken", &elf[..100], &["broken ELF"]),
        ("noise", &[0, 1, 2, 3], &["neither ELF nor text"]),
        ("script", b"#!/no/such/interpreter\n", &["/no/such/interpreter", "--rootfs"]),
    ] {
        let path = home.file(name, content);
        let told = home.detektr(["detonate".as_ref(), path.as_os_str()]);
        refused(&home, told, &[&[name], words].concat());
    }
    refused(&home, home.detektr(["detonate", "/no/such/file"]), &["/no/such/file", "No such file"]);
    refused(&home, home.detektr(["detonate", "/etc"]), &["/etc", "a directory"]);
    refused(&home, home.detektr(["detonate", "id"]), &["detektr detonate -- id"]);
    refused(&home, home.detektr(["detonate", "--", "no-such-command"]), &["no-such-command", "--rootfs"]);
}

#[test]
fn other_files_that_can_not_be_used_are_refused() {
    let home = Home::new();
    let text = home.file("text", b"no image, no key\n");
    let text = text.to_str().unwrap();
    let base = ["detonate", "/bin/true"];
    refused(&home, home.detektr([&base[..], &["--rootfs", "/no/such/root"]].concat()), &["/no/such/root"]);
    refused(&home, home.detektr([&base[..], &["--rootfs", "/dev/null"]].concat()), &["/dev/null", "neither"]);
    refused(&home, home.detektr([&base[..], &["--rootfs", text]].concat()), &["image"]);
    refused(&home, home.detektr([&base[..], &["--stdin", "/no/such/input"]].concat()), &["/no/such/input"]);
    refused(&home, home.detektr([&base[..], &["--key", text]].concat()), &["text", "Ed25519"]);
    refused(&home, home.detektr([&base[..], &["--key", "/no/such/key"]].concat()), &["/no/such/key"]);
}

#[test]
fn a_mistake_in_a_profile_is_told_with_its_line_and_the_remedy() {
    let home = Home::new();
    let profile = home.file("p.yaml", b"detektr: 1\nuser: somebody\n");
    let args = ["detonate", "--env", profile.to_str().unwrap(), "/bin/true"];
    refused(&home, home.detektr(args), &["p.yaml", "user"]);
    let error = home.detektr([&["--json"][..], &args].concat()).exits(2).json();
    assert!(error["error"]["message"].as_str().unwrap().contains("p.yaml:2:"), "{error}");
    refused(&home, home.detektr(["detonate", "--env", "/no/such.yaml", "/bin/true"]), &["/no/such.yaml"]);
}

#[test]
fn an_escape_in_a_file_name_does_not_reach_the_terminal() {
    let home = Home::new();
    let name = std::ffi::OsStr::from_bytes(b"/no/\x1b[31mfile\x07");
    let told = home.detektr(["detonate".as_ref(), name]).exits(2);
    assert!(is_harmless(&told.stderr), "{:?}", told.stderr);
    assert!(told.stderr.contains("\\x1b[31mfile"), "{}", told.stderr);
}

#[test]
fn a_run_that_is_unknown_or_ambiguous_is_refused() {
    let home = Home::new();
    for command in ["show", "events", "tree", "export", "verify", "rm"] {
        refused(&home, home.detektr([command, "nothing"]), &["no run", "detektr runs"]);
        refused(&home, home.detektr([command, "last"]), &["no run yet"]);
    }
    home.sealed("aa1", vec![]);
    home.sealed("aa2", vec![]);
    for command in ["show", "events", "tree", "export", "verify", "rm"] {
        let told = home.detektr([command, "aa"]).exits(2);
        assert!(told.stderr.contains("aa1") && told.stderr.contains("aa2"), "{}", told.stderr);
    }
}

#[test]
fn a_data_folder_that_can_not_be_written_to_is_refused() {
    let home = Home::new();
    home.file("data", b"a file where the folder should be");
    let told = home.detektr(["detonate", "/bin/true"]).exits(2);
    assert!(told.stderr.contains("DETEKTR_HOME"), "{}", told.stderr);
    home.detektr(["key", "show"]).exits(2);
    // root may write anywhere that permission bits forbid
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let writable = std::fs::create_dir(home.data().join("probe")).is_ok();
    if writable {
        eprintln!("skipped: permission bits don't bind this user");
        return;
    }
    home.detektr(["detonate", "/bin/true"]).exits(2);
}

#[test]
fn with_json_a_failure_is_one_document_too() {
    let home = Home::new();
    for args in [
        &["--json", "show", "nothing"][..],
        &["show", "--json", "nothing"],
        &["--json", "detonate", "/no/such/file"],
        &["--json", "detonate", "/bin/true", "--timeout", "soon"],
        &["--json", "frobnicate"],
    ] {
        let told = home.detektr(args).exits(2);
        let error = &told.json()["error"];
        assert_eq!(error["exit"], 2, "{args:?}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{args:?}");
        assert!(error["code"].as_str().is_some_and(|code| code.starts_with("detektr::")), "{args:?}");
    }
}
