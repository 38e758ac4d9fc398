//! `rule check`, `rule test` and `export --exemplars`, over a run that was detonated.

use crate::support::Home;
use serde_json::Value;

fn rule(title: &str, command: &str) -> String {
    format!(
        "title: {title}\nlogsource:\n  product: linux\n  category: process_creation\ndetection:\n  sel:\n    \
         Image|endswith: /cat\n    CommandLine|contains: {command}\n  condition: sel\n"
    )
}

fn of<'a>(document: &'a Value, title: &str) -> &'a Value {
    let rules = document["runs"][0]["report"]["rules"].as_array().unwrap();
    rules.iter().find(|rule| rule["rule"]["title"] == title).unwrap()
}

#[test]
fn rules_are_asked_about_a_run_and_take_its_events_as_examples() {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        eprintln!("skipped: detonations need root here");
        return;
    }
    let home = Home::new();
    home.detektr(["detonate", "--", "sh", "-c", "/bin/cat /etc/hostname; true"]).exits(0);
    std::fs::create_dir(home.path("rules")).unwrap();
    let hit = home.file("rules/hit.yml", rule("Hit", "hostname").as_bytes());
    home.file("rules/miss.yml", rule("Miss", "sudoers").as_bytes());
    let hit = hit.to_str().unwrap();

    let document = home.detektr(["rule", "check", "rules", "last", "--json"]).exits(0).json();
    assert_eq!(document["not_loaded"], serde_json::json!([]));
    let event = of(&document, "Hit")["matches"][0]["events"][0].as_u64().unwrap();
    assert!(event > 0);
    let why = &of(&document, "Miss")["why_not"];
    assert_eq!(why["fields"][0]["field"], "CommandLine", "{why}");
    assert!(why["fields"][0]["was"].as_str().unwrap().contains("hostname"), "{why}");
    let told = home.detektr(["rule", "check", "rules", "last"]).exits(0);
    for part in ["1 of 2 rules match", &format!("event {event}"), "wanted", "CommandLine"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }

    home.file("rules/open.yml", rule("Open", "hostname").replace("CommandLine", "LogonId").as_bytes());
    let document = home.detektr(["rule", "check", "rules", "last", "--json"]).exits(3).json();
    assert!(of(&document, "Open")["undecided"].as_str().unwrap().contains("LogonId"));
    std::fs::remove_file(home.path("rules/open.yml")).unwrap();

    let elsewhere = rule("Elsewhere", "x").replace("category: process_creation", "service: powerdns");
    home.file("rules/elsewhere.yml", elsewhere.as_bytes());
    let document = home.detektr(["rule", "check", "rules", "last", "--json"]).exits(0).json();
    assert!(of(&document, "Elsewhere")["no_telemetry"].as_str().unwrap().contains("service powerdns"));
    let told = home.detektr(["rule", "check", "rules", "last"]).exits(0);
    for part in ["1 of 3 rules match, 0 can't be decided, 1 need telemetry", "no telemetry Elsewhere"] {
        assert!(told.stdout.contains(part), "{part}: {}", told.stdout);
    }
    home.detektr(["rule", "check", "rules/elsewhere.yml", "last"]).exits(3);
    std::fs::remove_file(home.path("rules/elsewhere.yml")).unwrap();

    home.file("rules/bad.yml", b"title: Bad\nlogsource:\n  product: linux\n");
    let document = home.detektr(["rule", "check", "rules", "last", "--json"]).exits(3).json();
    let bad = &document["not_loaded"][0];
    assert!(bad["file"].as_str().unwrap().ends_with("bad.yml"), "{bad}");
    assert!(!bad["what"].as_str().unwrap().is_empty() && !bad["remedy"].as_str().unwrap().is_empty());
    assert_eq!(of(&document, "Hit")["matched"], 1, "the others are still asked");
    home.detektr(["rule", "check", "rules/bad.yml", "last"]).exits(2);
    home.detektr(["rule", "check", "rules/hit.yml", "nothing"]).exits(2);

    home.detektr(["rule", "test", hit]).exits(3);
    let before = std::fs::read_to_string(hit).unwrap();
    let written = home.detektr(["export", "last", "--exemplars", hit, "--json"]).exits(0).json();
    assert_eq!(written["written"], 1);
    let after = std::fs::read_to_string(hit).unwrap();
    assert!(after.starts_with(&before), "{after}");
    home.detektr(["rule", "test", hit]).exits(0);
    home.detektr(["export", "last", "--exemplars", hit]).exits(2);
    home.detektr(["export", "last", "--exemplars", "rules/miss.yml"]).exits(2);
    assert_eq!(std::fs::read_to_string(hit).unwrap(), after);

    home.file("rules/hit.yml", after.replace("contains: hostname", "contains: other").as_bytes());
    let told = home.detektr(["rule", "test", hit]).exits(1);
    assert!(told.stdout.contains("Hit") && told.stdout.contains(" event "), "{}", told.stdout);
}
