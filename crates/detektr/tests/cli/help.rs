//! The help of every command is part of the contract: a change of it shows here.

use crate::support::Home;

#[test]
fn the_help_of_every_command_is_as_recorded() {
    let home = Home::new();
    let commands = [
        "",
        "detonate",
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
    ];
    for command in commands {
        let told = home.detektr(command.split_whitespace().chain(["--help"])).exits(0);
        assert_eq!(told.stderr, "");
        let name = if command.is_empty() { "detektr".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(format!("help_{name}"), told.stdout);
    }
}

#[test]
fn the_version_is_told() {
    let told = Home::new().detektr(["--version"]).exits(0);
    assert_eq!(told.stdout, format!("detektr {}\n", env!("CARGO_PKG_VERSION")));
}
