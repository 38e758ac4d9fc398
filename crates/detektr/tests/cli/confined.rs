//! A host that makes no namespaces: every command that needs them ends at once, and says what would help.

use crate::support::{Home, Told};
use std::process::{Command, Stdio};

/// Runs the binary where no further user namespace can be made: in one whose own limit is 0.
fn confined(home: &Home, args: &[&str]) -> Option<Told> {
    let binary = home.command();
    let within = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "sh", "-c", within, "sh"])
        .arg(binary.get_program())
        .args(args);
    command.env_clear().envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = match command.current_dir(home.path("")).stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: unshare: {error}");
            return None;
        }
    };
    let stderr = String::from_utf8(output.stderr).unwrap();
    if stderr.starts_with("unshare:") {
        eprintln!("skipped: {stderr}");
        return None;
    }
    Some(Told {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr,
    })
}

#[test]
fn without_user_namespaces_what_needs_them_ends_with_4_and_the_words_that_help() {
    let home = Home::new();
    home.file(
        "v.yaml",
        b"detektr: 1\nattack: {command: 'true'}\ngoal: ran('/bin/true')\ncontrols: {t: {read_only: /tmp}}\n",
    );
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/validate");
    for args in [
        &["detonate", "--", "true"][..],
        &["validate", "v.yaml"],
        &["pattern", "run", "cron-job"],
        &["rule", "matrix", rules],
        &["atomic", "run", "T1053.003", "--atomics", "."],
    ] {
        let Some(told) = confined(&home, args) else { return };
        assert_eq!(told.code, 4, "{args:?}: {}{}", told.stdout, told.stderr);
        let words: Vec<&str> = told.stderr.split_whitespace().collect();
        let said = words.join(" ");
        assert!(said.contains("no environment can be made here: making namespaces"), "{args:?}: {said}");
        assert!(said.contains("sysctl -w user.max_user_namespaces=10000"), "{args:?}: {said}");
        assert_eq!(told.stdout, "", "{args:?}");
    }
    assert!(!home.data().join("runs").exists(), "nothing was begun");
    let Some(json) = confined(&home, &["--json", "detonate", "--", "true"]) else { return };
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((document["error"]["code"].as_str(), json.code), (Some("detektr::environment"), 4));
}

#[test]
fn what_runs_nothing_works_without_user_namespaces() {
    let home = Home::new();
    let plan =
        b"detektr: 1\nattack: {command: 'true'}\ngoal: ran('/bin/true')\ncontrols: {t: {read_only: /tmp}}\n";
    home.file("v.yaml", plan);
    for args in [&["runs"][..], &["pattern", "list"], &["validate", "v.yaml", "--plan"]] {
        let Some(told) = confined(&home, args) else { return };
        assert_eq!(told.code, 0, "{args:?}: {}{}", told.stdout, told.stderr);
    }
    let Some(doctor) = confined(&home, &["doctor"]) else { return };
    assert_eq!(doctor.code, 4, "{}", doctor.stdout);
    assert!(doctor.stdout.contains("user.max_user_namespaces=10000"), "{}", doctor.stdout);
}
