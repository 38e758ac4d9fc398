//! The forms of a report beside the page: JSON, Markdown, Navigator, OCSF; and what is refused.

use crate::support::{Home, flip, story};
use serde_json::Value;
use std::path::Path;

fn home_with_story() -> Home {
    let home = Home::new();
    home.sealed("forms", story());
    home
}

#[test]
fn the_json_has_its_format_and_columns_of_one_length() {
    let home = home_with_story();
    let report = home.detektr(["report", "forms", "--json"]).exits(0).json();
    assert_eq!(report["format"], "detektr.report/1");
    let events = &report["events"];
    for column in ["seq", "time", "kind", "process", "outcome", "text"] {
        assert_eq!(events[column].as_array().unwrap().len(), 10, "{column}");
    }
    let at = |column: &str, n: usize| usize::try_from(events[column][n].as_u64().unwrap()).unwrap();
    assert_eq!(events["kinds"][at("kind", 4)], "file.open");
    assert_eq!(events["texts"][at("text", 4)], "/etc/shadow");
    assert_eq!(events["outcomes"][at("outcome", 4)]["text"], "EACCES");
    let process = &report["processes"][at("process", 4) - 1];
    assert_eq!(process["command"], "/usr/bin/cat /etc/shadow");
    assert_eq!(report["processes"][at("process", 0) - 1]["command"], "/bin/sh -c 'x\\x1b]0;owned\\x07'");
    let again = home.detektr(["report", "forms", "--json"]).exits(0).json();
    assert_eq!(report, again, "the same bundle gives the same report");
}

#[test]
fn the_markdown_tells_what_it_did_and_with_which_events() {
    let home = home_with_story();
    let text = home.detektr(["report", "forms", "--markdown"]).exits(0).stdout;
    for part in ["/etc/shadow", "192.0.2.1:443", "(events 7)", "**completed**", "exit code 0", "forms"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn the_layer_has_what_navigator_requires() {
    let home = home_with_story();
    let layer = home.detektr(["report", "forms", "--navigator"]).exits(0).json();
    assert_eq!(layer["versions"]["layer"], "4.5");
    assert_eq!(layer["domain"], "enterprise-attack");
    assert!(layer["name"].is_string() && layer["versions"]["navigator"].is_string());
    assert!(layer["techniques"].is_array());
}

/// Fields that OCSF 1.6.0 requires of each class, and of which of an object's at least one must be there.
const REQUIRED: &[(u64, &[&str])] = &[
    (1007, &["actor", "device", "process"]),
    (1001, &["actor", "device", "file"]),
    (4001, &[]),
    (2004, &["finding_info"]),
];
const COMMON: &[&str] =
    &["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
const ANY_OF: &[(&str, &[&str])] = &[
    ("/device", &["hostname", "name", "uid", "ip"]),
    ("/actor", &["process", "user"]),
    ("/actor/process", &["pid", "uid"]),
    ("/process", &["pid", "uid"]),
    ("/metadata/product", &["name", "uid"]),
    ("/dst_endpoint", &["ip", "hostname", "uid"]),
    ("/src_endpoint", &["ip", "hostname", "uid"]),
];
const ALL_OF: &[(&str, &[&str])] = &[
    ("/metadata", &["version", "product"]),
    ("/device", &["type_id"]),
    ("/file", &["name", "type_id"]),
    ("/process/file", &["name", "type_id"]),
    ("/connection_info", &["direction_id"]),
    ("/finding_info", &["uid"]),
];

#[test]
fn each_ocsf_event_has_the_fields_that_its_class_requires() {
    let home = home_with_story();
    let text = home.detektr(["report", "forms", "--ocsf"]).exits(0).stdout;
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let classes: std::collections::BTreeSet<u64> =
        events.iter().map(|event| event["class_uid"].as_u64().unwrap()).collect();
    assert!(classes.is_superset(&[1001, 1007, 4001].into()), "{classes:?}");
    for event in &events {
        let class = event["class_uid"].as_u64().unwrap();
        let (_, required) = REQUIRED.iter().find(|(known, _)| *known == class).expect("a class of the table");
        for field in required.iter().chain(COMMON) {
            assert!(!event[field].is_null(), "{field}: {event:#}");
        }
        assert_eq!(event["type_uid"], class * 100 + event["activity_id"].as_u64().unwrap());
        assert_eq!(event["category_uid"], class / 1_000);
        assert_eq!(event["metadata"]["version"], "1.6.0");
        for (place, any) in ANY_OF {
            if let Some(object) = event.pointer(place) {
                assert!(any.iter().any(|field| !object[field].is_null()), "{place}: {event:#}");
            }
        }
        for (place, all) in ALL_OF {
            if let Some(object) = event.pointer(place) {
                assert!(all.iter().all(|field| !object[field].is_null()), "{place}: {event:#}");
            }
        }
        if class == 4001 {
            assert!(!event["dst_endpoint"].is_null() || !event["src_endpoint"].is_null(), "{event:#}");
        }
    }
}

#[test]
fn a_bundle_that_is_not_what_was_sealed_gets_no_report() {
    let home = Home::new();
    let bundle = home.sealed("bent", story());
    flip(&bundle.join("stdout"));
    for form in ["--html", "--markdown", "--navigator", "--ocsf"] {
        let told = home.detektr(["report", "bent", form]).exits(3);
        assert!(told.stdout.is_empty() && told.stderr.contains("wrong_hash"), "{}", told.stderr);
    }
    assert!(!home.path("bent.html").exists());
    home.detektr(["diff", "bent", "bent"]).exits(3);
}

#[test]
fn the_page_goes_where_it_is_told_and_replaces_nothing_unasked() {
    let home = home_with_story();
    home.detektr(["report", "forms"]).exits(0);
    let page = std::fs::read_to_string(home.path("forms.html")).unwrap();
    assert!(page.starts_with("<!doctype html>"));
    let told = home.detektr(["report", "forms"]).exits(2);
    assert!(told.stderr.contains("--force"), "{}", told.stderr);
    home.detektr(["report", "forms", "--force"]).exits(0);
    assert_eq!(home.detektr(["report", "forms", "--out", "-"]).exits(0).stdout, page);
    let told = home.detektr(["report", "forms", "--html", "--json", "--force"]).exits(0).json();
    assert_eq!(told["size"], page.len());
    home.detektr(["report", "forms", "--markdown", "--json"]).exits(2);
    home.detektr(["report", "forms", "--markdown", "--json", "--out", "x.md"]).exits(0);
    assert!(Path::new(&home.path("x.md")).is_file());
    home.detektr(["report", "forms", "--out", "no/such/folder/x.html"]).exits(2);
    home.detektr(["report", "forms", "--html", "--markdown"]).exits(2);
}
