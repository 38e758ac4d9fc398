//! Detections where no twin is given: ordinary programs stand in for it.

use crate::support::{How, Place};
use std::fs;

fn rule(category: &str, selection: &str) -> String {
    format!(
        "title: Rule\nlogsource:\n  product: linux\n  category: {category}\ndetection:\n  sel:\n    {selection}\n  \
         condition: sel\n"
    )
}

fn place(selection: &str) -> Place {
    let place = Place::new();
    place.write("attack.sh", "mkdir -p /tmp/loot && tar -cf /tmp/loot/all.tar /etc/hostname");
    place.write("rule.yml", &rule("process_creation", selection));
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot/all.tar')\ndetect: rule.yml\n",
    );
    place
}

#[test]
fn a_rule_must_be_silent_on_ordinary_programs_and_the_verdict_tells_on_how_many_it_was() {
    for how in How::all() {
        let place = place("CommandLine|contains: /tmp/loot");
        let said = place.validate(how, &["v.yaml", "--repeat", "2"]);
        assert_eq!(said.answer("v", "detection:rule"), "holds/detected", "{how:?}: {}", said.stdout);
        let document = said.document();
        let verdict = &document["verdicts"][0];
        let notes: Vec<&str> =
            verdict["notes"].as_array().unwrap().iter().filter_map(|n| n.as_str()).collect();
        assert!(notes.contains(&"benign:builtin"), "{notes:?}");
        let count = notes.iter().find_map(|note| note.strip_prefix("programs:")).unwrap();
        assert!(count.parse::<usize>().unwrap() >= 40, "{how:?}: only {count} programs ran");
        assert_eq!(verdict["arms"]["ordinary"].as_array().unwrap().len(), 1);
        assert!(verdict["arms"].get("benign-baseline").is_none(), "the small twin is not needed: {verdict}");

        place.write("rule.yml", &rule("process_creation", "Image|endswith: /tar"));
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "detection:rule"), "fails/false_positive", "{how:?}");
        let sentence = said.document()["verdicts"][0]["sentence"].as_str().unwrap().to_owned();
        assert!(sentence.contains("fires on ordinary programs"), "{how:?}: {sentence}");
    }
}

#[test]
fn ordinary_programs_run_once_for_all_validations_until_asked_for_afresh() {
    let how = How::all()[0];
    let place = place("CommandLine|contains: /tmp/loot");
    let run = |name: &str, args: &[&str]| {
        let file = format!("{name}.yaml");
        fs::copy(place.path("v.yaml"), place.path(&file)).unwrap();
        let said = place.validate(how, &[&[file.as_str()], args].concat());
        assert_eq!(said.answer(name, "detection:rule"), "holds/detected");
        said.document()["verdicts"][0]["arms"]["ordinary"][0].as_str().unwrap().to_owned()
    };
    let first = run("first", &["--out", "out"]);
    assert_eq!(run("second", &[]), first);
    assert_ne!(run("second", &["--fresh"]), first);

    // a result has it with it, so that others can judge and ask again
    let results = fs::read_dir(place.path("out")).unwrap();
    let result = results.map(|entry| entry.unwrap().path()).next().unwrap();
    assert!(result.join("runs").join(&first).is_dir());
    place.write("rule.yml", &rule("process_creation", "Image|endswith: /gzip"));
    let said = place.validate(how, &["first.yaml", "--arms-from", result.to_str().unwrap()]);
    assert_eq!(said.answer("first", "detection:rule"), "fails/false_positive");
}

#[test]
fn a_mitigation_is_asked_of_the_small_twin_as_before() {
    let how = How::all()[0];
    let place = place("CommandLine|contains: /tmp/loot");
    let text = "detektr: 1\nattack: attack.sh\ngoal: created('/tmp/loot/all.tar')\ncontrols: {ro: {read_only: [/tmp]}}\n";
    place.write("m.yaml", text);
    let planned = place.validate(how, &["m.yaml", "--plan"]).document();
    let roles = |document: &serde_json::Value| -> Vec<String> {
        let arms = document["plans"][0]["arms"].as_array().unwrap();
        arms.iter().map(|arm| arm["role"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(roles(&planned), ["baseline", "treatment", "benign", "benign-baseline"]);
    place.write("t.yaml", &format!("{text}ask: [{{detection: rule.yml, in: treatment}}]\n"));
    let planned = place.validate(how, &["t.yaml", "--plan"]).document();
    assert_eq!(roles(&planned), ["baseline", "treatment", "benign", "benign-baseline", "ordinary"]);
}
