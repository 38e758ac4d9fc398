//! What is known of a validation, what of it is asked, and how a pipeline is told.

use crate::schemas;
use crate::support::{How, Place, Said};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

/// A validation whose mitigation holds, and whose detection misses the attack.
fn with_a_gap() -> Place {
    let place = Place::new();
    place.write("attack.sh", "echo x >/etc/cron.d/upd");
    place.write("twin.sh", TWIN);
    place.write("rule.yml", &format!("# a rule\n{}", rule("/nowhere/")));
    place.write("v.yaml", &validation("v", "\n  - {detection: rule.yml}"));
    place
}

fn rule(folder: &str) -> String {
    format!(
        "title: Cron file\nid: 0e9d5b44-7f0a-4c2f-8a53-5e3b51d7c6a9\nlogsource: {{product: linux, category: file_event}}\n\
         detection:\n  selection:\n    TargetFilename|startswith: {folder}\n  condition: selection\nlevel: high\n"
    )
}

fn validation(id: &str, more: &str) -> String {
    format!(
        "detektr: 1\nid: {id}\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ncontrols:\n  etc: {{read_only: /etc}}\n\
         benign: twin.sh\nask:\n  - {{mitigation: all}}{more}\n"
    )
}

fn how() -> How {
    How::all().remove(0)
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

fn verdicts(said: &Said) -> BTreeSet<String> {
    ids(&said.document()["verdicts"]).into_iter().map(String::from).collect()
}

#[test]
fn a_known_failure_passes_and_what_regressed_is_new_or_gone_does_not() {
    let (place, how) = (with_a_gap(), how());
    let run = |args: &[&str]| place.validate(how, args);
    let known = ["v.yaml", "--baseline", "known.yaml"];
    let missing = run(&known);
    assert_eq!(missing.code, 2, "{}", missing.stderr);
    assert!(missing.stderr.contains("known.yaml"), "{}", missing.stderr);
    assert!(place.runs(how).is_empty());

    let written = run(&["v.yaml", "--baseline", "known.yaml", "--update-baseline"]);
    assert_eq!(written.code, 0, "{}", written.stderr);
    let file = place.path("known.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(' ')).collect();
    assert_eq!(
        lines,
        [
            "  \"v/detection:rule/default\": {verdict: fails, reason: missed}",
            "  \"v/mitigation/default\": {verdict: holds, reason: prevented}",
        ]
    );
    let again = run(&["v.yaml", "--baseline", "known.yaml", "--junit", "j.xml", "--markdown", "m.md"]);
    assert_eq!(again.code, 0);
    // a reader of JUnit counts as the exit code does
    let junit = fs::read_to_string(place.path("j.xml")).unwrap();
    assert!(junit.contains("<skipped") && junit.contains("failures=\"0\""), "{junit}");
    assert!(fs::read_to_string(place.path("m.md")).unwrap().contains("| fails (known) |"));
    assert_eq!(again.document()["baseline"]["differences"]["known"], json!(["v/detection:rule/default"]));

    // the rule finds the attack now
    let bad = fs::read_to_string(place.path("rule.yml")).unwrap();
    place.write("rule.yml", &rule("/etc/cron.d/"));
    let better = run(&known);
    assert_eq!(better.code, 0);
    assert_eq!(ids(&better.document()["baseline"]["differences"]["better"]), ["v/detection:rule/default"]);
    // and not any more
    assert_eq!(run(&["v.yaml", "--baseline", "known.yaml", "--update-baseline"]).code, 0);
    place.write("rule.yml", &bad);
    let worse = run(&known);
    assert_eq!(worse.code, 1);
    assert_eq!(ids(&worse.document()["baseline"]["differences"]["regressed"]), ["v/detection:rule/default"]);
    let told = place.run(how, &["validate", "v.yaml", "--baseline", "known.yaml"]);
    assert!(told.stdout.contains("holds (detected) → fails (missed)"), "{}", told.stdout);

    // a question that is asked no more is told; where only some are asked, it may be among the others
    place.write("v.yaml", &validation("v", ""));
    let gone = run(&known);
    assert_eq!(gone.code, 3);
    assert_eq!(ids(&gone.document()["baseline"]["differences"]["gone"]), ["v/detection:rule/default"]);
    assert_eq!(run(&["v.yaml", "--baseline", "known.yaml", "--only", "mitigation"]).code, 0);
    // what fails and was never known is a failure
    place.write(
        "v.yaml",
        &validation("v", "\n  - {detection: rule.yml}\n  - {detection: rule.yml, id: other}"),
    );
    let new = run(&known);
    assert_eq!(new.code, 1);
    assert_eq!(ids(&new.document()["baseline"]["differences"]["new"]), ["v/other/default"]);

    fs::write(&file, "detektr: 1\nverdicts:\n  x: {verdict: fails, reason: mised}\n").unwrap();
    let refused = run(&known);
    assert_eq!(refused.code, 2);
    assert!(
        refused.stderr.contains("known.yaml:3:") && refused.stderr.contains("`missed`"),
        "{}",
        refused.stderr
    );
    // of a folder, the baseline is no validation
    assert_eq!(place.validate(how, &[".", "--plan"]).code, 0);
}

#[test]
fn what_fails_is_told_at_its_line_in_the_forms_of_sarif_gitlab_and_github() {
    let (place, how) = (with_a_gap(), how());
    // an attack that would like to speak to the runner
    place.write("attack.sh", "echo x >/etc/cron.d/upd; echo x >'/etc/cron.d/##[error]a\n::error::b'");
    place.write(
        "v.yaml",
        &validation("v", "\n  - {detection: rule.yml}\n  - {control: etc}")
            .replace("read_only: /etc", "read_only: /srv"),
    );
    fs::write(place.path("summary.md"), "of another step\n").unwrap();
    let mut command = place.command(
        how,
        &["validate", "v.yaml", "--sensor", how.sensor(), "--sarif", "s.json", "--gitlab", "g.json"],
    );
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("summary.md"));
    command.env("GITHUB_WORKSPACE", place.path(""));
    let said = crate::support::said(&command.output().unwrap());
    assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);

    let lines: Vec<&str> = said.stdout.lines().collect();
    let token = lines[0].strip_prefix("::stop-commands::").expect("first of all, nothing is obeyed");
    let end =
        lines.iter().position(|line| *line == format!("::{token}::")).expect("until the verdicts are told");
    assert!(!lines[1..end].iter().any(|line| line.contains(token)));
    let commands = &lines[end + 1..];
    assert!(commands.iter().all(|line| line.starts_with("::")), "{commands:?}");
    // the rule at its first line after the comment; mitigation and control where the file asks them
    for place in
        ["::error file=rule.yml,line=2,", "::error file=v.yaml,line=9,", "::error file=v.yaml,line=11,"]
    {
        assert_eq!(
            commands.iter().filter(|line| line.starts_with(place)).count(),
            1,
            "{place}: {commands:?}"
        );
    }
    assert!(commands.len() == 3, "{commands:?}");

    // one document is nothing but that
    let mut command = place.command(how, &["validate", "v.yaml", "--json", "--sensor", how.sensor()]);
    let json = crate::support::said(&command.env("GITHUB_ACTIONS", "true").output().unwrap());
    assert_eq!(json.document()["verdicts"].as_array().unwrap().len(), 3);
    assert_eq!(json.stderr.lines().filter(|line| line.starts_with("::error ")).count(), 3, "{}", json.stderr);

    let summary = fs::read_to_string(place.path("summary.md")).unwrap();
    assert!(
        summary.starts_with("of another step\n## Detektr\n") && summary.contains("`missed`"),
        "{summary}"
    );

    let read =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(place.path(name)).unwrap()).unwrap() };
    let results = read("s.json")["runs"][0]["results"].clone();
    let told: BTreeSet<(String, u64)> = results
        .as_array()
        .unwrap()
        .iter()
        .map(|result| {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap().to_owned();
            (uri, place["region"]["startLine"].as_u64().unwrap())
        })
        .collect();
    let wanted = [("rule.yml", 2), ("v.yaml", 9), ("v.yaml", 11)].map(|(file, line)| (file.to_owned(), line));
    assert_eq!(told, wanted.clone().into());
    let gitlab: BTreeSet<(String, u64)> = read("g.json")
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let begin = one["location"]["lines"]["begin"].as_u64().unwrap();
            (one["location"]["path"].as_str().unwrap().to_owned(), begin)
        })
        .collect();
    assert_eq!(gitlab, wanted.into());

    if let Some(checked) = schemas::sarif(&place.path("s.json")) {
        assert_eq!(checked, Ok(()));
        // and the check can fail
        let broken = fs::read_to_string(place.path("s.json")).unwrap().replace("\"ruleId\"", "\"rule\"");
        fs::write(place.path("broken.json"), broken).unwrap();
        assert!(schemas::sarif(&place.path("broken.json")).unwrap().is_err());
    }
}

#[test]
fn the_project_file_is_found_upward_and_an_argument_goes_before_it() {
    let (place, how) = (with_a_gap(), how());
    place.write(
        "detektr.yaml",
        "detektr: 1\nprofiles:\n  default: {repeat: 2}\n  ci: {baseline: known.yaml, junit: j.xml, jobs: 2}\n",
    );
    fs::create_dir(place.path("deep")).unwrap();
    let run = |args: &[&str]| {
        let mut all = vec!["validate", "--json", "--sensor", how.sensor()];
        all.extend(args);
        let mut command = place.command(how, &all);
        crate::support::said(&command.current_dir(place.path("deep")).output().unwrap())
    };
    let arms = |said: &Said| said.document()["plans"][0]["arms"].as_array().unwrap().len();
    assert_eq!(arms(&run(&["../v.yaml", "--plan"])), 8);
    assert_eq!(arms(&run(&["../v.yaml", "--plan", "--repeat", "1"])), 4);
    let unknown = run(&["../v.yaml", "--profile", "cii"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("did you mean `ci`?"), "{}", unknown.stderr);
    let ci = run(&["../v.yaml", "--profile", "ci", "--update-baseline", "--repeat", "1"]);
    assert_eq!(ci.code, 0, "{}", ci.stderr);
    for file in ["known.yaml", "j.xml"] {
        assert!(place.path(file).is_file(), "{file} lies beside the project file");
    }
    let before = place.runs(how).len();
    place.write("detektr.yaml", "detektr: 1\nprofiles:\n  ci: {job: 2}\n");
    let refused = run(&["../v.yaml", "--fresh"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("detektr.yaml:3:8"), "{}", refused.stderr);
    assert_eq!(place.runs(how).len(), before);
}

#[test]
fn parts_are_together_everything_and_only_what_did_not_hold_is_asked_again() {
    let (place, how) = (with_a_gap(), how());
    for id in ["a", "b", "c"] {
        place.write(
            &format!("all/{id}.yaml"),
            &validation(id, "").replace("attack.sh", "../attack.sh").replace("twin.sh", "../twin.sh"),
        );
    }
    place.write("all/d.yaml", "detektr: 1\nattack: ../attack.sh\ngoal: created('/etc/cron.d/upd')\nbenign: ../twin.sh\ndetect: ../rule.yml\n");
    let nothing = place.validate(how, &["all", "--rerun", "last"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stdout);
    let whole = place.validate(how, &["all"]);
    assert_eq!(whole.code, 1, "{}", whole.stderr);
    let (one, two) = (
        place.validate(how, &["all", "--partition", "1/2"]),
        place.validate(how, &["all", "--partition", "2/2"]),
    );
    assert!(verdicts(&one).is_disjoint(&verdicts(&two)));
    let both: BTreeSet<String> = verdicts(&one).union(&verdicts(&two)).cloned().collect();
    assert_eq!(both, verdicts(&whole));
    // a part with nothing in it is no failure, and still leaves its reports
    let empty = place.validate(how, &["all", "--partition", "9/9", "--junit", "j.xml"]);
    assert_eq!((empty.code, verdicts(&empty).len()), (0, 0), "{}", empty.stderr);
    assert!(place.path("j.xml").is_file());

    place.validate(how, &["all"]);
    let failed = place.validate(how, &["all", "--rerun", "last"]);
    assert_eq!((failed.code, verdicts(&failed)), (1, ["d/detection:rule/default".to_owned()].into()));
    place.write("rule.yml", &rule("/etc/cron.d/"));
    assert_eq!(place.validate(how, &["all", "--rerun", "last"]).code, 0);
    let none = place.validate(how, &["all", "--rerun", "last"]);
    assert_eq!((none.code, verdicts(&none).len()), (0, 0), "{}", none.stderr);
}

#[test]
fn an_answer_is_never_asked_for_again() {
    let (place, how) = (with_a_gap(), how());
    // it fails, and an attack that reaches nothing can't be told: neither is a fault of the run
    let said = place.validate(how, &["v.yaml", "--retries", "3"]);
    assert_eq!((said.code, place.runs(how).len()), (1, 4), "{}", said.stderr);
    assert_eq!(said.document()["flaky"], json!([]));
    place.write("attack.sh", "exit 1");
    let said = place.validate(how, &["v.yaml", "--retries", "3"]);
    assert_eq!(said.answer("v", "mitigation"), "inconclusive/goal_not_reached");
    assert_eq!(place.runs(how).len(), 6, "attack without and with the control, once");
}

#[test]
fn each_variant_of_a_pattern_of_ones_own_is_known_by_itself() {
    let (place, how) = (Place::new(), how());
    fs::create_dir(place.path("mine")).unwrap();
    assert_eq!(place.run(how, &["pattern", "new", "own-drop", "--dir", "mine"]).code, 0);
    place.write(
        "v.yaml",
        "detektr: 1\nattack: {pattern: own-drop}\ncontrols:\n  tmp: {noexec: /tmp}\nask: [{mitigation: all}]\n",
    );
    let unknown = place.validate(how, &["v.yaml", "--plan"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("own-drop"), "{}", unknown.stderr);
    assert_eq!(place.validate(how, &["v.yaml", "--plan", "--patterns", "mine"]).code, 0);
    place.write("detektr.yaml", "detektr: 1\nprofiles:\n  default: {patterns: mine}\n");
    let said = place.validate(how, &["v.yaml", "--update-baseline", "--junit", "j.xml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let variants = ["copied", "piped", "renamed"].map(|name| format!("v/mitigation/{name}"));
    assert_eq!(verdicts(&said), variants.clone().into());
    let text = fs::read_to_string(place.path("detektr-baseline.yaml")).unwrap();
    assert!(variants.iter().all(|id| text.contains(&format!("\n  \"{id}\": {{verdict: "))), "{text}");
    let parts: Vec<usize> = (1..=3)
        .map(|part| verdicts(&place.validate(how, &["v.yaml", "--partition", &format!("{part}/3")])).len())
        .collect();
    assert_eq!(parts, [1, 1, 1]);
}

#[test]
fn what_broke_is_run_again_so_often_and_no_more_and_told_as_flaky() {
    let (place, how) = (with_a_gap(), how());
    place.write(
        "atomics/T1204.002/T1204.002.yaml",
        "attack_technique: T1204.002\ndisplay_name: A file\natomic_tests:\n- name: what it needs never comes\n\
         \x20 auto_generated_guid: 22222222-2222-4222-8222-222222222222\n  description: x\n  supported_platforms: [linux]\n\
         \x20 dependency_executor_name: sh\n  dependencies:\n  - {description: a file, prereq_command: 'false', get_prereq_command: 'false'}\n\
         \x20 executor: {name: sh, command: 'true'}\n",
    );
    place.write(
        "v.yaml",
        "detektr: 1\nattack: {atomic: 22222222-2222-4222-8222-222222222222}\ngoal: created('/tmp/x')\nbenign: twin.sh\n\
         controls: {shut: {read_only: [/srv]}}\nask: [{control: shut}]\n",
    );
    let said = place.validate(how, &["v.yaml", "--atomics", "atomics", "--retries", "2"]);
    assert_eq!(said.answer("v", "control:shut"), "inconclusive/not_prepared", "{}", said.stderr);
    let document = said.document();
    let flaky = &document["flaky"][0];
    assert_eq!(flaky["id"], "v/control:shut/default", "{document:#}");
    assert_eq!(flaky["retried"]["baseline"].as_array().unwrap().len(), 2);
    assert_eq!(flaky["retried"]["treatment"].as_array().unwrap().len(), 2);
    assert_eq!(place.runs(how).len(), 6, "each arm once, and twice again");
    let told = place.run(
        how,
        &["validate", "v.yaml", "--atomics", "atomics", "--retries", "1", "--sensor", how.sensor()],
    );
    assert!(
        told.stdout.contains("flaky     v/control:shut/default  baseline run again after "),
        "{}",
        told.stdout
    );
    // judging again comes to the same, with the arms that were used
    let result = document["results"][0]["path"].as_str().unwrap();
    let judged = place.run(how, &["judge", "--json", result]);
    assert_eq!(judged.document()["same"], true, "{}", judged.stderr);
}

#[test]
fn two_runs_at_once_write_one_result_and_one_baseline() {
    let (place, how) = (with_a_gap(), how());
    place.write("w.yaml", &validation("w", "\n  - {detection: rule.yml}"));
    let args = ["--baseline", "known.yaml", "--update-baseline", "--sarif", "out.sarif"];
    let written = place.validate(how, &[&["v.yaml", "w.yaml"], &args[..]].concat());
    assert_eq!(written.code, 0, "{}", written.stderr);
    let whole = fs::read_to_string(place.path("known.yaml")).unwrap();
    fs::remove_file(place.path("known.yaml")).unwrap();
    // the arms are used again: these runs end in one moment, with the same results
    let parts = ["1/2", "2/2", "1/2", "2/2", "1/1"].map(|part| {
        let words = ["validate", "--sensor", how.sensor(), "v.yaml", "w.yaml", "--partition", part];
        place.command(how, &[&words[..], &args].concat()).spawn().unwrap()
    });
    for mut part in parts {
        assert_eq!(part.wait().unwrap().code(), Some(0));
    }
    assert_eq!(fs::read_to_string(place.path("known.yaml")).unwrap(), whole);
    let results = fs::read_dir(place.home(how).join("results")).unwrap();
    assert_eq!(
        results.count(),
        4,
        "two that say that their arms were run, and two that they were used again"
    );
    let hidden = |folder: &str| {
        let names = fs::read_dir(place.path(folder)).unwrap().map(|one| one.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(hidden(""), 0, "nothing half is left");
}

#[test]
fn what_can_not_be_written_is_told_before_anything_runs() {
    let (place, how) = (with_a_gap(), how());
    for args in [
        &["--sarif", "none/out.sarif"][..],
        &["--junit", "."],
        &["--markdown", "/sys/kernel/out.md"],
        &["--sarif", "out", "--gitlab", "./out"],
        &["--sarif", "out", "--baseline", "out", "--update-baseline"],
        &["--baseline", "/sys/kernel/known.yaml", "--update-baseline"],
    ] {
        let said = place.validate(how, &[&["v.yaml"], args].concat());
        assert_eq!(said.code, 2, "{args:?}: {}", said.stderr);
        assert!(said.document()["error"]["help"].as_str().unwrap().contains("name a file"), "{args:?}");
    }
    let mut step = place.command(how, &["validate", "v.yaml"]);
    step.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", place.path("none/summary"));
    assert_eq!(step.output().unwrap().status.code(), Some(2));
    assert!(place.runs(how).is_empty() && !place.path("out").exists());
}

#[test]
fn a_path_that_is_no_text_is_told_by_its_bytes() {
    use std::os::unix::ffi::OsStrExt as _;
    let (place, how) = (with_a_gap(), how());
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    fs::create_dir(place.path("").join(odd)).unwrap();
    let json = |args: &[&str], odd_args: &[&str]| {
        let mut command = place.command(how, args);
        command.arg("--json");
        odd_args.iter().for_each(|name| {
            command.arg(name).arg(odd);
        });
        let said = crate::support::said(&command.output().unwrap());
        (said.code, said.document().to_string(), said.stderr)
    };
    let runs = place.home(how).join("runs");
    for (args, odd_args, code) in [
        (&["validate", "v.yaml"][..], &["--out"][..], 1),
        (&["validate", "v.yaml"], &["--rootfs"], 2),
        (&["show"], &["--"], 0),
        (&["verify"], &["--"], 0),
        (&["validate", "v.yaml", "--update-baseline"], &["--baseline"], 0),
    ] {
        if args[0] == "show" {
            // a bundle of that name
            fs::remove_dir_all(place.path("").join(odd)).unwrap();
            let run = fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
            std::os::unix::fs::symlink(run, place.path("").join(odd)).unwrap();
        } else if args.contains(&"--update-baseline") {
            fs::remove_file(place.path("").join(odd)).unwrap();
        }
        let (exit, document, stderr) = json(args, odd_args);
        assert_eq!(exit, code, "{args:?} {odd_args:?}: {document} {stderr}");
        assert!(document.contains("6f6464ff") || code == 2, "{args:?}: {document}");
    }
    let home = place.command(how, &["runs"]).env("DETEKTR_HOME", odd).output().unwrap();
    assert_eq!(home.status.code(), Some(2), "{home:?}");
}
