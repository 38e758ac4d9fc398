//! `detektr rule matrix`: what proves a rule, what it misses and by which condition, what it fires on wrongly, and what
//! no execution says.

use crate::support::{How, Place, Said, said};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

const PATTERN: &str = "detektr: 1\npattern: loot\ntitle: x\ntechnique: T1204.002\ntactic: execution\nemulates: x\nharmless: x\n\
                       goal: created('/tmp/loot')\nvariants:\n  copied: 'cp /etc/hostname /tmp/loot'\n  \
                       converted: 'dd if=/etc/hostname of=/tmp/loot'\nbenign: 'cp /etc/hostname /tmp/other'\n";
const IDLE: &str = "detektr: 1\npattern: idle\ntitle: x\ntechnique: T1486\ntactic: impact\nemulates: x\nharmless: x\n\
                    goal: created('/tmp/loot')\nvariants: {one: 'cp /etc/hostname /tmp/elsewhere'}\nbenign: 'cat /etc/hostname'\n";

fn rule(title: &str, source: &str, detection: &str, tags: &str) -> String {
    format!(
        "title: {title}\nlogsource: {{product: linux, {source}}}\ndetection:\n  sel: {{{detection}}}\n  condition: sel\n\
         tags: [{tags}]\n"
    )
}

const PROCESS: &str = "category: process_creation";

/// Each rule's file, and what is to be found out about it.
fn rules(place: &Place) -> Vec<(&'static str, &'static str)> {
    let file = "category: file_event";
    let own = "attack.execution, attack.t1204.002";
    let all = [
        ("Whole", rule("Whole", file, "TargetFilename: /tmp/loot", own), "proven"),
        (
            "Half",
            rule("Half", PROCESS, "Image|endswith: /cp, CommandLine|contains: /tmp/loot", own),
            "partly",
        ),
        ("Blind", rule("Blind", PROCESS, "Image|endswith: /nowhere", own), "missed"),
        ("Loud", rule("Loud", PROCESS, "CommandLine|contains: /etc/hostname", own), "proven"),
        ("Named", rule("Named", PROCESS, "CommandLine|contains: task-", own), "harness_only"),
        ("Deaf", rule("Deaf", "service: powerdns", "message: x", own), "needs_telemetry"),
        ("Fieldless", rule("Fieldless", PROCESS, "LogonId: x", own), "needs_telemetry"),
        ("Unknown", rule("Unknown", PROCESS, "Image|endswith: /cp", "attack.t1490"), "never_exercised"),
        ("Untagged", rule("Untagged", PROCESS, "Image|endswith: /nowhere", "car.1"), "never_exercised"),
        ("Parent", rule("Parent", PROCESS, "Image|endswith: /nowhere", "attack.t1204"), "never_exercised"),
        (
            "Sibling",
            rule("Sibling", PROCESS, "Image|endswith: /nowhere", "attack.t1204.001"),
            "never_exercised",
        ),
        ("Unreached", rule("Unreached", PROCESS, "Image|endswith: /cp", "attack.t1486"), "inconclusive"),
    ];
    for (name, text, _) in &all {
        place.write(&format!("rules/{name}.yml"), text);
    }
    all.iter().map(|(name, _, status)| (*name, *status)).collect()
}

fn matrix(place: &Place, how: How, args: &[&str]) -> Said {
    let mut all = vec!["rule", "matrix", "rules", "--patterns", "own", "--sensor", how.sensor(), "--json"];
    all.extend(args);
    place.run(how, &all)
}

fn of<'d>(document: &'d Value, title: &str) -> &'d Value {
    let rules = document["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["title"] == title).unwrap_or_else(|| panic!("no {title} in {document:#}"))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["variant"].as_str().unwrap()).collect()
}

#[test]
fn every_rule_is_told_what_proves_it_and_what_does_not_and_nothing_is_executed_twice() {
    for how in How::all() {
        let place = Place::new();
        place.write("own/loot.yaml", PATTERN);
        place.write("own/idle.yaml", IDLE);
        let wanted = rules(&place);
        let out = place.home(how);
        let (html, layer) = (out.join("m.html"), out.join("m.json"));
        let files = ["--html", html.to_str().unwrap(), "--navigator", layer.to_str().unwrap()];
        let chosen = ["--only", "loot", "--only", "idle", "--only", "loot#copied", "--jobs", "2"];
        let first = matrix(&place, how, &[&chosen[..], &files].concat());
        assert_eq!(first.code, 1, "{how:?}: {}", first.stderr);
        let document = first.document();
        let found: BTreeMap<&str, &str> = wanted
            .iter()
            .map(|(title, _)| (*title, of(&document, title)["status"].as_str().unwrap()))
            .collect();
        assert_eq!(found, wanted.iter().copied().collect(), "{how:?}: {document:#}");
        assert_eq!(document["totals"]["detonated"], 5, "two variants and a twin, one variant and a twin");
        assert_eq!(place.runs(how).len(), 5);

        assert_eq!(names(&of(&document, "Whole")["proven"]), ["loot#copied", "loot#converted"]);
        let half = of(&document, "Half");
        assert_eq!(
            (names(&half["proven"]), names(&half["missed"])),
            (vec!["loot#copied"], vec!["loot#converted"])
        );
        let miss = &half["missed"][0];
        let conditions = miss["conditions"].as_array().unwrap();
        assert_eq!(conditions.len(), 1, "{how:?}: {miss:#}");
        let value = |key: &str| conditions[0][key].as_str().unwrap();
        assert_eq!((value("selection"), value("field")), ("sel", "Image"));
        assert!(value("here").ends_with("/dd") && value("there").ends_with("/cp"), "{how:?}: {miss:#}");
        assert_eq!(miss["contrast"]["variant"], "loot#copied");
        assert!(miss["event"].as_u64().unwrap() > 0 && !miss["contrast"]["events"][0].is_null(), "{miss:#}");
        assert!(miss["contrast"]["only_there"].as_u64().unwrap() > 0, "{how:?}: {miss:#}");

        let loud = of(&document, "Loud");
        assert!(names(&loud["false_positives"]).contains(&"loot"), "{loud:#}");
        assert!(of(&document, "Half")["false_positives"].as_array().unwrap().is_empty());
        assert!(of(&document, "Deaf")["telemetry"].as_str().unwrap().contains("service powerdns"));
        assert!(of(&document, "Fieldless")["telemetry"].as_str().unwrap().contains("`LogonId`"));
        let unknown = of(&document, "Unknown");
        assert_eq!(names(&unknown["elsewhere"]), ["loot#copied"], "a match elsewhere proves nothing");
        assert_eq!(of(&document, "Parent")["silent"].as_array().unwrap().len(), 2);
        assert_eq!(of(&document, "Sibling")["silent"].as_array().unwrap().len(), 0);
        let idle =
            document["variants"].as_array().unwrap().iter().find(|one| one["id"] == "idle#one").unwrap();
        assert_eq!(
            (idle["state"].as_str(), idle["why"].as_str()),
            (Some("inconclusive"), Some("it did not reach its goal"))
        );

        let page = std::fs::read_to_string(html).unwrap();
        well_formed(&page);
        assert!(!page.contains("<script") && !page.contains("http:") && !page.contains("https:"));
        let layer: Value = serde_json::from_str(&std::fs::read_to_string(layer).unwrap()).unwrap();
        navigable(&layer);
        let score = |id: &str| {
            let all = layer["techniques"].as_array().unwrap();
            all.iter().find(|one| one["techniqueID"] == id).unwrap()["score"].clone()
        };
        assert_eq!((score("T1204.002"), score("T1490")), (Value::from(100), Value::Null));

        place.write("rules/Blind.yml", &rule("Blind", PROCESS, "Image|endswith: /cp", "attack.t1204.002"));
        let again = matrix(&place, how, &chosen).document();
        assert_eq!(of(&again, "Blind")["status"], "partly", "the changed rule is asked");
        assert_eq!(again["totals"]["detonated"], 0);
        assert_eq!(place.runs(how).len(), 5, "nothing was detonated again");
        let fresh = matrix(&place, how, &["--only", "loot#copied", "--fresh"]).document();
        assert_eq!((fresh["totals"]["detonated"].as_u64(), place.runs(how).len()), (Some(2), 7));
    }
}

#[test]
fn a_rule_without_fault_ends_with_0_and_what_cant_be_told_with_3() {
    let how = How::UserPtrace;
    let place = Place::new();
    place.write("own/loot.yaml", PATTERN);
    place.write("own/idle.yaml", IDLE);
    place.write(
        "rules/a.yml",
        &rule("A", "category: file_event", "TargetFilename: /tmp/loot", "attack.t1204.002"),
    );
    let said = matrix(&place, how, &["--only", "loot"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let told = place
        .run(how, &["rule", "matrix", "rules", "--patterns", "own", "--only", "loot", "--sensor", "ptrace"]);
    assert!(told.stdout.contains("proven by loot#copied, loot#converted"), "{}", told.stdout);
    assert!(told.stdout.contains("0 detonated now"), "{}", told.stdout);
    assert_eq!(
        matrix(&place, how, &["--only", "loot", "--only", "idle"]).code,
        3,
        "a variant is inconclusive"
    );
    place.write("rules/b.yml", "title: broken\n");
    let said = matrix(&place, how, &["--only", "loot"]);
    assert_eq!((said.code, said.document()["not_loaded"].as_array().unwrap().len()), (3, 1));
    std::fs::remove_file(place.path("rules/b.yml")).unwrap();
    place.write("rules/a.yml", &rule("A", PROCESS, "Image: /x", "attack.t1490"));
    assert_eq!(matrix(&place, how, &["--only", "loot"]).code, 3, "no rule was exercised");
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    let how = How::UserPtrace;
    let place = Place::new();
    place.write("own/loot.yaml", PATTERN);
    place.write("rules/a.yml", &rule("A", PROCESS, "Image: /x", ""));
    place.write("none/read.txt", "no rule");
    place.write("broken/a.yml", "title: broken\n");
    for (args, told) in [
        (["none", "--only", "loot"], "there is no rule"),
        (["nowhere", "--only", "loot"], "can't read"),
        (["broken", "--only", "loot"], "broken"),
        (["rules", "--only", "loto"], "there is no pattern `loto`"),
        (["rules", "--only", "loot#copy"], "has no variant `copy`"),
        (["rules", "--html", "no-folder/m.html"], "can't write"),
        (["rules", "--navigator", "own"], "can't write"),
        (["rules", "--patterns", "nowhere"], "can't read"),
    ] {
        let mut all = vec!["rule", "matrix", "--patterns", "own"];
        all.extend(args);
        let said = place.run(how, &all);
        assert!(said.code == 2 && said.stderr.contains(told), "{args:?}: {} {}", said.code, said.stderr);
    }
    assert!(!place.home(how).join("runs").exists());
}

#[test]
fn what_is_done_is_kept_where_the_user_ends_it() {
    let how = How::UserPtrace;
    let place = Place::new();
    let slow = PATTERN.replace("dd if=/etc/hostname of=/tmp/loot", "sleep 50; cp /etc/hostname /tmp/loot");
    place.write("own/loot.yaml", &slow);
    place.write(
        "rules/a.yml",
        &rule("A", "category: file_event", "TargetFilename: /tmp/loot", "attack.t1204.002"),
    );
    let args =
        ["rule", "matrix", "rules", "--patterns", "own", "--only", "loot", "--json", "--sensor", "ptrace"];
    let mut command = place.command(how, &args);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let noted = || std::fs::read_dir(place.home(how).join("arms")).map_or(0, Iterator::count);
    // two are done, the third sleeps
    while noted() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before two were done");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ended = said(&child.wait_with_output().unwrap());
    assert_eq!(ended.code, 3, "{}{}", ended.stdout, ended.stderr);
    let document = ended.document();
    assert_eq!(
        (document["interrupted"].as_bool(), document["totals"]["variants_not_run"].as_u64()),
        (Some(true), Some(1))
    );
    assert_eq!(names(&of(&document, "A")["proven"]), ["loot#copied"]);
}

/// What the format 4.5 of a layer demands.
fn navigable(layer: &Value) {
    assert_eq!(layer["domain"], "enterprise-attack");
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert!(layer["name"].is_string() && layer["versions"]["navigator"].is_string());
    let mut ids = Vec::new();
    for technique in layer["techniques"].as_array().unwrap() {
        let id = technique["techniqueID"].as_str().unwrap();
        assert!(id.starts_with('T') && id[1..].chars().all(|c| c.is_ascii_digit() || c == '.'), "{id}");
        assert!(
            technique["score"].is_u64() || technique["color"].as_str().unwrap().starts_with('#'),
            "{technique}"
        );
        assert!(technique["enabled"].is_boolean() && technique["comment"].is_string());
        for one in technique["metadata"].as_array().unwrap() {
            assert!(one["name"].is_string() && one["value"].is_string());
        }
        ids.push(id);
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "a technique stands twice");
}

/// Every element is closed where it must be, and nothing but an entity begins with `&`.
fn well_formed(page: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some(at) = rest.find('<') {
        let text = &rest[..at];
        assert!(open.last() == Some(&"style") || !text.contains('>'), "a bare `>` in {text}");
        for entity in text.split('&').skip(1) {
            assert!(
                ["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)),
                "&{entity}"
            );
        }
        let end = at + rest[at..].find('>').expect("a tag ends");
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closed by {name}: {}", &rest[..rest.len().min(80)]);
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
}
