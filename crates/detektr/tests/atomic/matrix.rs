//! `detektr rule matrix --atomics`: tests of our own in the original's form, held against rules of our own.

use crate::support::{How, Place, Said};
use serde_json::Value;

const TESTS: &str = r#"
attack_technique: T1204.002
display_name: Ours
atomic_tests:
- name: Copy it
  auto_generated_guid: 11111111-1111-4111-8111-111111111111
  description: copies
  supported_platforms: [linux]
  executor: {name: sh, command: cp /etc/hostname /tmp/loot}
- name: Convert it
  auto_generated_guid: 22222222-2222-4222-8222-222222222222
  description: copies another way
  supported_platforms: [linux]
  executor: {name: sh, command: dd if=/etc/hostname of=/tmp/loot}
- name: Need what nobody can bring about
  auto_generated_guid: 33333333-3333-4333-8333-333333333333
  description: never runs, but what prepares it does what a rule is after
  supported_platforms: [linux]
  dependencies:
  - description: a program that nobody has
    prereq_command: command -v no-such-program
    get_prereq_command: cp /etc/hostname /tmp/loot
  executor: {name: sh, command: cp /etc/hostname /tmp/loot}
- name: End otherwise
  auto_generated_guid: 44444444-4444-4444-8444-444444444444
  description: does it, and something fails
  supported_platforms: [linux]
  executor: {name: sh, command: "cp /etc/hostname /tmp/loot; exit 3"}
- name: Lack a command
  auto_generated_guid: 55555555-5555-4555-8555-555555555555
  description: ends well, and something was not found
  supported_platforms: [linux]
  executor: {name: sh, command: "no-such-program; cp /etc/hostname /tmp/loot"}
- name: Do it by hand
  auto_generated_guid: 66666666-6666-4666-8666-666666666666
  description: a person's work
  supported_platforms: [linux]
  executor: {name: manual, steps: 1. click}
- name: List modules (FreeBSD)
  auto_generated_guid: 77777777-7777-4777-8777-777777777777
  description: lists linux all the same
  supported_platforms: [linux]
  executor: {name: sh, command: echo x}
- name: Run elsewhere
  auto_generated_guid: 88888888-8888-4888-8888-888888888888
  description: for Windows
  supported_platforms: [windows]
  executor: {name: command_prompt, command: dir}
"#;

/// Under an id that was revoked since: T1685 took its place.
const REVOKED: &str = r"
attack_technique: T1562
display_name: Ours too
atomic_tests:
- name: Say something
  auto_generated_guid: 99999999-9999-4999-8999-999999999999
  description: says something
  supported_platforms: [linux]
  executor: {name: sh, command: cat /etc/hostname}
";

const ELSEWHERE: &str = r"
attack_technique: T1112
display_name: For others
atomic_tests:
- name: Once
  auto_generated_guid: aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa
  description: for Windows
  supported_platforms: [windows]
  executor: {name: command_prompt, command: dir}
- name: Twice
  auto_generated_guid: bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb
  description: for Windows
  supported_platforms: [windows]
  executor: {name: command_prompt, command: dir}
";

const PATTERN: &str = "detektr: 1\npattern: loot\ntitle: x\ntechnique: T1204.002\ntactic: execution\nemulates: x\nharmless: x\n\
                       goal: created('/tmp/loot')\nvariants: {piped: 'cat /etc/hostname >/tmp/loot'}\n\
                       benign: 'cp /etc/hostname /tmp/other'\n";

fn place() -> Place {
    let place = Place::new();
    place.write("art/atomics/T1204.002/T1204.002.yaml", TESTS);
    place.write("art/atomics/T1562/T1562.yaml", REVOKED);
    place.write("art/atomics/T1112/T1112.yaml", ELSEWHERE);
    place.write("own/loot.yaml", PATTERN);
    let rules = [
        ("Whole", "file_event", "TargetFilename: /tmp/loot", "t1204.002"),
        ("Half", "process_creation", "Image|endswith: /cp, CommandLine|contains: hostname", "t1204.002"),
        ("Blind", "process_creation", "Image|endswith: /nowhere", "t1204.002"),
        ("Today", "process_creation", "Image|endswith: /cat", "t1685"),
        ("Unknown", "process_creation", "Image|endswith: /nowhere", "t1490"),
    ];
    for (title, category, selection, tag) in rules {
        let text = format!(
            "title: {title}\nlogsource: {{product: linux, category: {category}}}\ndetection:\n  sel: {{{selection}}}\n  \
             condition: sel\ntags: [attack.{tag}]\n"
        );
        place.write(&format!("rules/{title}.yml"), &text);
    }
    place
}

fn matrix(place: &Place, how: How, args: &[&str]) -> Said {
    let mut all =
        vec!["rule", "matrix", "rules", "--patterns", "own", "--sensor", how.sensor(), "--jobs", "2"];
    all.extend(args);
    place.run(how, &all)
}

fn one<'d>(list: &'d Value, key: &str, name: &str) -> &'d Value {
    let mut list = list.as_array().unwrap().iter();
    list.find(|one| one[key] == name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["variant"].as_str().unwrap()).collect()
}

#[test]
fn rules_are_held_against_tests_that_did_what_they_are_there_for() {
    for how in How::all() {
        let place = place();
        let out = place.home(how);
        let (html, layer) = (out.join("m.html"), out.join("m.json"));
        let both =
            ["--only", "T1204.002", "--only", "T1562#1", "--only", "loot", "--atomics", "art", "--json"];
        let files = ["--html", html.to_str().unwrap(), "--navigator", layer.to_str().unwrap()];
        let said = matrix(&place, how, &[&both[..], &files].concat());
        assert_eq!(said.code, 1, "{how:?}: {}", said.stderr);
        let document = said.document();
        let variants = &document["variants"];
        let state = |id: &str| {
            let variant = one(variants, "id", id);
            (variant["state"].as_str().unwrap(), variant["why"].as_str().unwrap_or_default())
        };
        assert_eq!(variants.as_array().unwrap().len(), 9, "not what is for Windows: {variants:#}");
        for id in ["T1204.002#1", "T1204.002#2", "T1562#1", "loot#piped"] {
            assert_eq!(state(id), ("ready", ""), "{how:?} {id}");
        }
        for (id, wanted, told) in [
            ("T1204.002#3", "inconclusive", "a program that nobody has"),
            ("T1204.002#4", "inconclusive", "exit code 0"),
            ("T1204.002#5", "inconclusive", "did not find no-such-program"),
            ("T1204.002#6", "not_runnable", "a person has to do it"),
            ("T1204.002#7", "not_runnable", "FreeBSD"),
        ] {
            let (state, why) = state(id);
            assert!(state == wanted && why.contains(told), "{how:?} {id}: {state}: {why}");
        }
        assert_eq!(document["twins"].as_array().unwrap().len(), 1, "only the pattern has one");
        assert_eq!(document["totals"]["detonated"], 8, "six tests, a variant and a twin");

        let rule = |title: &str| one(&document["rules"], "title", title);
        let status = |title: &str| rule(title)["status"].as_str().unwrap();
        assert_eq!((status("Whole"), status("Half"), status("Blind")), ("proven", "partly", "missed"));
        assert_eq!((status("Today"), status("Unknown")), ("proven", "never_exercised"));
        assert_eq!(names(&rule("Today")["proven"]), ["T1562#1"]);
        assert_eq!(one(variants, "id", "T1562#1")["technique"], "T1685");
        assert_eq!(
            names(&rule("Whole")["proven"]),
            ["loot#piped", "T1204.002#1", "T1204.002#2"],
            "what was not carried out whole proves nothing"
        );
        let half = rule("Half");
        assert_eq!(names(&half["proven"]), ["T1204.002#1"], "{how:?}: {half:#}");
        assert_eq!(names(&half["missed"]), ["loot#piped", "T1204.002#2"], "{how:?}: {half:#}");
        assert_eq!(names(&half["open"]).len(), 5);
        let miss = one(&half["missed"], "variant", "T1204.002#2");
        let conditions = miss["conditions"].as_array().unwrap();
        assert_eq!(conditions.len(), 1, "{how:?}: {miss:#}");
        let value = |key: &str| conditions[0][key].as_str().unwrap();
        assert!(value("here").ends_with("/dd") && value("there").ends_with("/cp"), "{how:?}: {miss:#}");
        assert_eq!((value("field"), &miss["contrast"]["variant"]), ("Image", &Value::from("T1204.002#1")));

        let page = std::fs::read_to_string(html).unwrap();
        assert!(page.contains("<code>T1204.002#2</code>") && page.contains("a person has to do it"));
        let layer: Value = serde_json::from_str(&std::fs::read_to_string(layer).unwrap()).unwrap();
        let scored = |id: &str| one(&layer["techniques"], "techniqueID", id)["score"].clone();
        assert_eq!((scored("T1204.002"), scored("T1685")), (Value::from(100), Value::from(100)));

        let told = matrix(&place, how, &both[..both.len() - 1]).stdout;
        assert!(told.contains("proven by loot#piped, T1204.002#1, T1204.002#2"), "{told}");
        assert!(told.contains("missed T1204.002#2: ") && told.contains("variant T1204.002#6: "), "{told}");
        // but what could not be prepared is tried again
        assert!(told.contains("4 of 9 variants") && told.contains("1 detonated now"), "{told}");
    }
}

/// A run of `atomic run` is the same detonation, and a single test can be asked for by its guid.
#[test]
fn what_another_command_ran_is_used_again_and_mistakes_are_told_first() {
    let how = How::UserPtrace;
    let place = place();
    for (args, told) in [
        (&["--only", "T1204.002#1"][..], "--atomics DIR"),
        (&["--atomics", "own"], "holds no atomic tests"),
        (&["--atomics", "nowhere"], "can't read"),
        (&["--atomics", "art", "--only", "T1204.002#70"], "has no test `70`"),
        (&["--atomics", "art", "--only", "T1204.003"], "there is no technique"),
        (&["--atomics", "art", "--only", "T1112"], "no test that is named lists Linux"),
    ] {
        let said = matrix(&place, how, args);
        assert!(said.code == 2 && said.stderr.contains(told), "{args:?}: {} {}", said.code, said.stderr);
    }
    assert!(!place.home(how).join("runs").exists());
    let one = ["atomic", "run", "--atomics", "art", "--sensor", "ptrace", "T1204.002#1"];
    assert_eq!(place.run(how, &one).code, 0);
    let guid = "11111111-1111-4111-8111-111111111111";
    std::fs::remove_file(place.path("rules/Blind.yml")).unwrap();
    let said = matrix(&place, how, &["--atomics", "art", "--only", guid, "--json"]);
    let document = said.document();
    assert_eq!((said.code, document["totals"]["detonated"].as_u64()), (0, Some(0)), "{document:#}");
    assert_eq!(document["totals"]["variants"], 1, "no pattern was asked for");
}
