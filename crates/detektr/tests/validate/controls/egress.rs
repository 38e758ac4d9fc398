//! What may leave over the network.

use super::{AS_ROOT, Case, RULES};
use crate::support::{How, Place};
use std::path::Path;

/// A program that connects to these addresses, one after the other, with so many seconds' patience where it is said.
fn connects(to: &[&str], patience: &str) -> String {
    let lines: Vec<String> = to
        .iter()
        .map(|peer| {
            let (host, port) = peer.rsplit_once(':').unwrap();
            format!("socket.create_connection((\"{host}\", {port}){patience}).close()")
        })
        .collect();
    format!("/usr/bin/python3 -c 'import socket\n{}'", lines.join("\n"))
}

fn can_refuse() -> bool {
    let has = |path: &str| Path::new(path).exists();
    let can = has("/usr/bin/python3") && has("/usr/sbin/nft");
    if !can {
        eprintln!("skipped: needs python3 and nftables");
    }
    can
}

#[test]
fn rules_of_nftables() {
    if !can_refuse() {
        return;
    }
    Case {
        control: "{egress: {nftables: rules.nft}}",
        goal: "connected('192.0.2.7', 4444)",
        stopped: &connects(&["192.0.2.7:4444"], ""),
        // whoever has power over the network can take the rules away, as on a system
        passes: (None, &format!("/usr/sbin/nft flush ruleset; {}", connects(&["192.0.2.7:4444"], ""))),
        needs_it: &format!("set -e; {}; echo x >\"$HOME/state\"", connects(&["192.0.2.7:4444"], "")),
        ..AS_ROOT
    }
    .check();
}

#[test]
fn a_list_of_what_may_be_reached() {
    if !can_refuse() {
        return;
    }
    Case {
        control: "{egress: {allow: [\"example.org:443\", \"10.0.0.0/8\"]}}",
        goal: "connected('192.0.2.7', 4444)",
        // a client that doesn't wait for its connection
        stopped: &connects(&["192.0.2.7:4444"], ", 5"),
        passes: (Some("connected('10.1.2.3', 80)"), &connects(&["10.1.2.3:80", "example.org:443"], "")),
        needs_it: &format!("set -e; {}; echo x >\"$HOME/state\"", connects(&["192.0.2.1:80"], "")),
        ..AS_ROOT
    }
    .check();
}

#[test]
fn rules_that_the_attack_takes_away_are_told() {
    if !can_refuse() {
        return;
    }
    for how in How::all() {
        let place = Place::new();
        place.write("rules.nft", RULES);
        place.write(
            "attack.sh",
            &format!("/usr/sbin/nft flush ruleset; {}", connects(&["192.0.2.7:4444"], "")),
        );
        place.write(
            "v.yaml",
            "detektr: 1\nattack: {script: attack.sh, as: root}\ngoal: connected('192.0.2.7', 4444)\n\
             controls:\n  it: {egress: {nftables: rules.nft}}\n",
        );
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "control:it"), "fails/no_effect", "{how:?}: {}", said.stdout);
        let states: Vec<String> = place
            .runs(how)
            .iter()
            .filter_map(|run| {
                let text = std::fs::read_to_string(run.join("manifest.json")).unwrap();
                let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
                manifest["controls"][0]["egress"]["rules"].as_str().map(String::from)
            })
            .collect();
        // the attack's arm, and that of the twin, which takes nothing away
        let mut states: Vec<&str> = states.iter().map(String::as_str).collect();
        states.sort_unstable();
        assert_eq!(states, ["kept", "removed"], "{how:?}");
    }
}

#[test]
fn rules_that_cannot_be_loaded_are_refused_before_anything_runs() {
    if !can_refuse() {
        return;
    }
    let place = Place::new();
    place.write("attack.sh", "echo x >/tmp/loot");
    place.write("bad.nft", "table inet t {\n  chain o { type filter hok output priority 0; }\n}\n");
    place.write("other.nft", "include \"/etc/nftables.conf\"\n");
    for how in How::all() {
        for (egress, told) in [
            ("{nftables: bad.nft}", "bad.nft:2:"),
            ("{nftables: other.nft}", "other.nft:1: a ruleset that includes others"),
            ("{allow: \"*.debian.org\"}", "nobody can know beforehand"),
            ("{allow: a.example, nftables: bad.nft}", "either a ruleset or a list"),
        ] {
            let text = format!(
                "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {{egress: {egress}}}\n"
            );
            place.write("v.yaml", &text);
            let said = place.run(how, &["validate", "v.yaml", "--sensor", how.sensor()]);
            assert_eq!(said.code, 2, "{how:?}: {}", said.stderr);
            let words: Vec<&str> = said.stderr.split_whitespace().filter(|word| *word != "│").collect();
            assert!(words.join(" ").contains(told), "{how:?}, {egress}: {}", said.stderr);
            assert!(place.runs(how).is_empty(), "nothing ran");
        }
    }
}

#[test]
fn a_host_without_nft_is_told_what_to_install() {
    if !How::all().contains(&How::RootPtrace) || !can_refuse() {
        eprintln!("skipped: needs root, who can hide nft");
        return;
    }
    let place = Place::new();
    place.write("attack.sh", "echo x >/tmp/loot");
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot')\ncontrols:\n  k: {egress: {allow: []}}\n",
    );
    let inner = place.command(How::RootPtrace, &["validate", "v.yaml", "--sensor", "ptrace"]);
    let mut hidden = std::process::Command::new("unshare");
    hidden.args(["-m", "sh", "-c", "mount --bind /dev/null /usr/sbin/nft && exec \"$@\"", "sh"]);
    hidden.arg(inner.get_program()).args(inner.get_args()).current_dir(inner.get_current_dir().unwrap());
    hidden.env("DETEKTR_HOME", place.home(How::RootPtrace));
    let said = crate::support::said(&hidden.output().unwrap());
    assert_eq!(said.code, 2, "{}", said.stderr);
    assert!(said.stderr.contains("apt-get install nftables"), "{}", said.stderr);
    assert!(place.runs(How::RootPtrace).is_empty(), "nothing ran");
}
