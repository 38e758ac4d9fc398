//! The help of every command is part of the contract: a change of it shows here.

use crate::support::Home;

#[test]
fn the_help_of_every_command_is_as_recorded() {
    let home = Home::new();
    let commands = [
        "",
        "detonate",
        "validate",
        "runs",
        "show",
        "behaviours",
        "events",
        "tree",
        "report",
        "diff",
        "export",
        "pattern",
        "pattern list",
        "pattern show",
        "pattern run",
        "pattern lint",
        "pattern new",
        "atomic",
        "atomic list",
        "atomic show",
        "atomic run",
        "rule",
        "rule check",
        "rule matrix",
        "rule test",
        "verify",
        "rm",
        "key",
        "key show",
        "key import",
        "key export-public",
        "doctor",
        "completions",
        "man",
    ];
    for command in commands {
        let told = home.detektr(command.split_whitespace().chain(["--help"])).exits(0);
        assert_eq!(told.stderr, "");
        let name = if command.is_empty() { "detektr".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(format!("help_{name}"), told.stdout);
    }
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let home = Home::new();
    let bash = home.detektr(["completions", "bash"]).exits(0);
    assert!(bash.stdout.contains("detektr__subcmd__detonate") || bash.stdout.contains("detektr__detonate"));
    let folder = home.path("man");
    let told = home.detektr([std::ffi::OsStr::new("man"), folder.as_os_str()]).exits(0);
    assert_eq!(told.stderr, "");
    for page in ["detektr.1", "detektr-detonate.1", "detektr-rule-matrix.1"] {
        let text = std::fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    home.file("taken", b"");
    let refused = home.detektr(["man", "taken/below"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}

#[test]
fn the_version_is_told() {
    let told = Home::new().detektr(["--version"]).exits(0);
    assert_eq!(told.stdout, format!("detektr {}\n", env!("CARGO_PKG_VERSION")));
}
