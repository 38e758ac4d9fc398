//! What a pipeline relies on: exit codes, reports, arms that are used again, results that can be judged elsewhere.

use crate::support::{How, Place, said};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

/// A validation whose detection holds and whose mitigation holds.
fn sound() -> Place {
    let place = Place::new();
    place.write("attack.sh", "echo x >/etc/cron.d/upd");
    place.write("twin.sh", TWIN);
    place.write("rule.yml", &rule("/etc/cron.d/"));
    place.write("v.yaml", &validation(""));
    place
}

fn rule(folder: &str) -> String {
    format!(
        "title: Cron file\nid: 0e9d5b44-7f0a-4c2f-8a53-5e3b51d7c6a9\nlogsource: {{product: linux, category: file_event}}\n\
         detection:\n  selection:\n    TargetFilename|startswith: {folder}\n  condition: selection\nlevel: low\n"
    )
}

fn validation(detection: &str) -> String {
    format!(
        "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ncontrols:\n  etc: {{read_only: /etc}}\n\
         benign: twin.sh\nask:\n  - {{mitigation: all, severity: high}}\n  - {{detection: rule.yml{detection}}}\n"
    )
}

fn runs(place: &Place, how: How) -> usize {
    fs::read_dir(place.home(how).join("runs")).map_or(0, |entries| entries.count())
}

fn how() -> How {
    How::all().remove(0)
}

#[test]
fn what_holds_exits_with_0_and_writes_its_reports() {
    let (place, how) = (sound(), how());
    let said = place.validate(how, &["v.yaml", "--junit", "j.xml", "--markdown", "m.md"]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(said.answer("v", "mitigation"), "holds/prevented");
    assert_eq!(said.answer("v", "detection:rule"), "holds/detected");
    let junit = fs::read_to_string(place.path("j.xml")).unwrap();
    assert!(junit.contains("tests=\"2\"") && junit.contains("failures=\"0\""), "{junit}");
    let markdown = fs::read_to_string(place.path("m.md")).unwrap();
    assert!(markdown.contains("detection:rule"), "{markdown}");
}

#[test]
fn a_missed_attack_exits_with_1_and_is_a_failure_unless_its_severity_does_not_count() {
    let (place, how) = (sound(), how());
    place.write("rule.yml", &rule("/nowhere/"));
    let said = place.validate(how, &["v.yaml", "--junit", "j.xml"]);
    assert_eq!(said.answer("v", "detection:rule"), "fails/missed");
    assert_eq!(said.code, 1);
    let junit = fs::read_to_string(place.path("j.xml")).unwrap();
    assert!(junit.contains("type=\"missed\">") && junit.contains("failures=\"1\""), "{junit}");
    assert_eq!(place.validate(how, &["v.yaml", "--fail-on", "high"]).code, 0);
    assert_eq!(place.validate(how, &["v.yaml", "--fail-on", "low"]).code, 1);
}

#[test]
fn a_goal_may_be_a_behaviour_which_must_be_one_that_there_is() {
    let (place, how) = (sound(), how());
    place.write("v.yaml", &validation("").replace("created('/etc/cron.d/upd')", "behaviour('cron-job')"));
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.answer("v", "mitigation"), "holds/prevented", "{}", said.stdout);
    assert_eq!(said.answer("v", "detection:rule"), "holds/detected");
    // the attack does something else than the goal says: nothing may hold
    place.write("v.yaml", &validation("").replace("created('/etc/cron.d/upd')", "behaviour('at-job')"));
    assert_eq!(place.validate(how, &["v.yaml"]).answer("v", "mitigation"), "inconclusive/goal_not_reached");
    place.write("v.yaml", &validation("").replace("created('/etc/cron.d/upd')", "behaviour('cron-jobs')"));
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("cron-jobs") && said.stderr.contains("`cron-job`"), "{}", said.stderr);
}

#[test]
fn a_goal_may_be_that_something_persists_which_must_run_again() {
    let (place, how) = (sound(), how());
    let goal = |wanted: &str| validation("").replace("created('/etc/cron.d/upd')", wanted);
    let runs = "/opt/x/beacon";
    let install =
        |line: &str| format!("mkdir -p /opt/x; cp /bin/true {runs}; echo '{line}' > /etc/cron.d/upd\n");
    place.write("attack.sh", &install(&format!("* * * * * root {runs}")));
    for wanted in ["persists()", "persists('cron')", "persists('T1053')", "persists('/etc/cron.d/*')"] {
        place.write("v.yaml", &goal(wanted));
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "mitigation"), "holds/prevented", "{wanted}: {}", said.stdout);
    }
    // a control that stops nothing of it
    place.write("v.yaml", &goal("persists()").replace("read_only: /etc", "read_only: /srv"));
    assert_eq!(place.validate(how, &["v.yaml"]).answer("v", "mitigation"), "fails/goal_reached");
    // it is installed, and its time never comes
    place.write("attack.sh", &install(&format!("0 0 30 2 * root {runs}")));
    place.write("v.yaml", &goal("persists()"));
    assert_eq!(place.validate(how, &["v.yaml"]).answer("v", "mitigation"), "inconclusive/goal_not_reached");
    place.write("v.yaml", &goal("persists('crontab')"));
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("crontab"), "{}", said.stderr);
}

#[test]
fn an_accepted_gap_passes_until_its_date_and_a_gap_that_is_none_fails() {
    let (place, how) = (sound(), how());
    place.write("rule.yml", &rule("/nowhere/"));
    place.write("v.yaml", &validation(", expect: fails, because: SEC-1, until: 9999-12-31"));
    let said = place.validate(how, &["v.yaml", "--junit", "j.xml"]);
    assert_eq!(said.code, 0, "{}", said.stdout);
    assert!(fs::read_to_string(place.path("j.xml")).unwrap().contains("<skipped"));
    place.write("v.yaml", &validation(", expect: fails, because: SEC-1, until: 2020-01-31"));
    let said = place.validate(how, &["v.yaml"]);
    assert_eq!(said.code, 1);
    assert!(said.stdout.contains("accepted until 2020-01-31"), "{}", said.stdout);
    place.write("rule.yml", &rule("/etc/cron.d/"));
    place.write("v.yaml", &validation(", expect: fails, because: SEC-1"));
    assert_eq!(place.validate(how, &["v.yaml"]).code, 1);
}

#[test]
fn what_cant_be_answered_exits_with_3_and_is_an_error() {
    let (place, how) = (sound(), how());
    place.write("attack.sh", "exit 1");
    let said = place.validate(how, &["v.yaml", "--junit", "j.xml"]);
    assert_eq!(said.code, 3, "{}", said.stdout);
    assert!(fs::read_to_string(place.path("j.xml")).unwrap().contains("type=\"goal_not_reached\">"));
}

#[test]
fn a_bad_file_a_bad_rule_and_a_missing_twin_run_nothing() {
    let (place, how) = (sound(), how());
    let refuses = |args: &[&str], words: &[&str]| {
        let said = place.validate(how, args);
        assert_eq!(said.code, 2, "{args:?}: {}{}", said.stdout, said.stderr);
        for word in words {
            assert!(said.stderr.contains(word), "{args:?} lacks {word}: {}", said.stderr);
        }
        assert_eq!(runs(&place, how), 0, "{args:?}");
    };
    place.write("bad.yaml", "detektr: 1\nattack: attack.sh\ngoals: created('/x')\ndetect: rule.yml\n");
    // the good one beside it does not run either
    refuses(&["v.yaml", "bad.yaml"], &["bad.yaml:3:1", "goal"]);
    place.write("none.yaml", "detektr: 1\nattack: nowhere.sh\ndetect: rule.yml\n");
    refuses(&["none.yaml"], &["none.yaml:2:9", "nowhere.sh"]);
    place.write(
        "broken.yml",
        "title: x\nlogsource: {product: linux}\ndetection:\n  sel:\n    a|expand: '%x%'\n  condition: sel\n",
    );
    place.write("expand.yaml", "detektr: 1\nattack: attack.sh\ndetect: broken.yml\n");
    refuses(&["expand.yaml"], &["broken.yml", "expand"]);
    place.write("twinless.yaml", "detektr: 1\nattack: attack.sh\ndetect: rule.yml\n");
    refuses(&["twinless.yaml", "--require-benign"], &["benign"]);
    place.write(
        "foreign.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/x')\ncontrols:\n  u: {user: '4000000000:1'}\n",
    );
    refuses(&["foreign.yaml"], &["4000000000"]);
    refuses(&["v.yaml", "--only", "nothing:*"], &["no question is selected"]);
    // a pattern that says nothing does not mean everything
    refuses(&["v.yaml", "--only", ""], &["--only"]);
    let planned = place.validate(how, &["v.yaml", "--plan"]);
    assert_eq!((planned.code, runs(&place, how)), (0, 0), "{}", planned.stderr);
    assert_eq!(planned.document()["plans"][0]["arms"].as_array().unwrap().len(), 4);
}

#[test]
fn the_mistakes_of_all_files_of_a_folder_are_told_at_once_and_none_of_them_runs() {
    let place = sound();
    place.write("all/attack.sh", "true");
    place.write("all/one.yaml", "detektr: 1\natack: ./attack.sh\n");
    place.write(
        "all/two.yaml",
        "detektr: 1\nattack: ./attack.sh\ngoal: creatd('/x')\ncontrols: {a: {read_only: /etc}}\n",
    );
    place.write(
        "all/good.yaml",
        "detektr: 1\nattack: ./attack.sh\ngoal: created('/x')\ncontrols: {a: {read_only: /etc}}\n",
    );
    let said = place.run(how(), &["validate", "all"]);
    assert_eq!(said.code, 2, "{}", said.stderr);
    for told in ["one.yaml:2:1", "did you mean `attack`?", "two.yaml:3:7", "did you mean `created`?"] {
        assert!(said.stderr.contains(told), "{told} in {}", said.stderr);
    }
    assert_eq!(runs(&place, how()), 0);
}

#[test]
fn arms_are_used_again_until_something_changes_or_they_are_asked_for_afresh() {
    let (place, how) = (sound(), how());
    let first = place.validate(how, &["v.yaml"]);
    let made = runs(&place, how);
    assert_eq!(made, 4, "{}", first.stderr);
    let again = place.validate(how, &["v.yaml", "--jobs", "2"]);
    assert_eq!(again.document()["verdicts"], first.document()["verdicts"]);
    assert_eq!(runs(&place, how), made);
    // another rule needs no other arm
    place.write("rule.yml", &rule("/nowhere/"));
    assert_eq!(place.validate(how, &["v.yaml"]).answer("v", "detection:rule"), "fails/missed");
    assert_eq!(runs(&place, how), made);
    place.write("attack.sh", "echo y >/etc/cron.d/upd");
    place.validate(how, &["v.yaml"]);
    assert_eq!(runs(&place, how), made + 2);
    place.validate(how, &["v.yaml", "--fresh"]);
    assert_eq!(runs(&place, how), made + 6);
}

#[test]
fn a_damaged_arm_is_not_used_again() {
    let (place, how) = (sound(), how());
    let first = place.validate(how, &["v.yaml"]).document();
    let run = first["verdicts"][0]["arms"]["treatment"][0].as_str().unwrap();
    let events = place.home(how).join("runs").join(run).join("events.ndjson.zst");
    let mut bytes = fs::read(&events).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&events, bytes).unwrap();
    let again = place.validate(how, &["v.yaml"]);
    assert_eq!(again.answer("v", "mitigation"), "holds/prevented");
    assert_ne!(again.document()["verdicts"][0]["arms"]["treatment"][0], run);
}

#[test]
fn a_result_is_judged_elsewhere_to_the_same_bytes_and_an_altered_one_is_refused() {
    let (place, how) = (sound(), how());
    let said = place.validate(how, &["v.yaml", "--out", "out"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let document = said.document();
    let result = document["results"][0]["path"].as_str().unwrap().to_owned();
    let elsewhere = Place::new();
    let mut command = elsewhere.command(how, &["judge", "--json", &result]);
    command.current_dir(place.path(""));
    let judged = crate::support::said(&command.output().unwrap());
    assert_eq!(judged.code, 0, "{}{}", judged.stdout, judged.stderr);
    assert_eq!(judged.document()["verdicts"], document["verdicts"]);
    assert_eq!(judged.document()["same"], true);

    let file = place.path("").join(&result).join("result.json");
    let altered = fs::read_to_string(&file).unwrap().replace("\"holds\"", "\"fails\"");
    fs::write(&file, altered).unwrap();
    let refused = place.run(how, &["judge", "--json", &result]);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(refused.stderr.contains("result.json"), "{}", refused.stderr);
}

#[test]
fn a_bundle_that_was_altered_since_gives_no_verdict() {
    let (place, how) = (sound(), how());
    let document = place.validate(how, &["v.yaml", "--out", "out"]).document();
    let result = document["results"][0]["path"].as_str().unwrap();
    let run = document["verdicts"][0]["arms"]["treatment"][0].as_str().unwrap();
    let manifest = place.path("").join(result).join("runs").join(run).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap().replacen("\"completed\"", "\"timeout\"", 1);
    fs::write(&manifest, text).unwrap();
    let judged = place.run(how, &["judge", "--json", result]);
    assert_eq!(judged.answer("v", "mitigation"), "inconclusive/not_sealed");
    assert_eq!(judged.document()["same"], false);
    assert_eq!(judged.code, 1);
}

#[test]
fn changed_rules_are_judged_on_stored_arms_with_nothing_run_and_no_privilege() {
    let (place, how) = (sound(), how());
    let document = place.validate(how, &["v.yaml", "--out", "out"]).document();
    let result = document["results"][0]["path"].as_str().unwrap().to_owned();
    open_up(&place.path("out"));
    place.write("rule.yml", &rule("/nowhere/"));
    for other in How::all() {
        let before = runs(&place, other);
        let said = place.run(other, &["validate", "--json", "v.yaml", "--arms-from", &result]);
        assert_eq!(said.answer("v", "detection:rule"), "fails/missed", "{other:?}: {}", said.stderr);
        assert_eq!(said.answer("v", "mitigation"), "holds/prevented", "{other:?}: {}", said.stderr);
        assert_eq!(runs(&place, other), before, "{other:?}");
    }
}

#[test]
fn archives_are_arms_too_and_an_exchanged_one_gives_no_verdict() {
    let (place, how) = (sound(), how());
    assert_eq!(place.validate(how, &["v.yaml"]).code, 0);
    fs::create_dir(place.path("archives")).unwrap();
    for (number, run) in place.runs(how).iter().enumerate() {
        // whatever it is called
        let name = format!("archives/{number}.tar.zst");
        assert_eq!(place.run(how, &["export", run.to_str().unwrap(), &name]).code, 0);
    }
    let said = place.validate(how, &["v.yaml", "--arms-from", "archives", "--out", "out"]);
    assert_eq!(said.answer("v", "mitigation"), "holds/prevented", "{}", said.stderr);
    let document = said.document();
    let result = document["results"][0]["path"].as_str().unwrap();
    fs::remove_dir_all(place.home(how).join("runs")).unwrap();
    let judged = place.run(how, &["judge", "--json", result]);
    assert_eq!((judged.code, &judged.document()["same"]), (0, &true.into()), "{}", judged.stderr);
    let of = |arm: &str| {
        let run = document["verdicts"][0]["arms"][arm][0].as_str().unwrap();
        place.path("").join(result).join("runs").join(format!("{run}.tar.zst"))
    };
    fs::copy(of("baseline"), of("treatment")).unwrap();
    let judged = place.run(how, &["judge", "--json", result]);
    assert_eq!(judged.answer("v", "mitigation"), "inconclusive/not_sealed", "{}", judged.stdout);
}

#[test]
fn of_a_folder_with_the_bundles_of_several_validations_the_right_ones_are_taken() {
    let (place, how) = (sound(), how());
    place.write("a.yaml", "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ndetect: rule.yml\nbenign: twin.sh\n");
    let first = place.validate(how, &["a.yaml", "v.yaml"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let folder = place.home(how).join("runs");
    let nowhere = place.validate(how, &["v.yaml", "--arms-from", "nowhere"]);
    assert_eq!(nowhere.code, 2, "{}", nowhere.stderr);
    assert!(
        nowhere.stderr.contains("nowhere") && nowhere.stderr.contains("folder of bundles"),
        "{}",
        nowhere.stderr
    );
    let again = place.validate(how, &["v.yaml", "--arms-from", folder.to_str().unwrap()]);
    assert_eq!(again.answer("v", "mitigation"), "holds/prevented", "{}", again.stdout);
    assert_eq!(again.answer("v", "detection:rule"), "holds/detected");
}

/// Lets everyone read what lies below.
fn open_up(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.is_dir();
    fs::set_permissions(path, fs::Permissions::from_mode(if folder { 0o755 } else { 0o644 })).unwrap();
    if folder {
        fs::read_dir(path).unwrap().for_each(|entry| open_up(&entry.unwrap().path()));
    }
}

/// Waits until `reached`, which only the child can bring about.
fn wait_for(child: &mut Child, reached: impl Fn() -> bool) {
    while !reached() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it had come so far");
        std::thread::yield_now();
    }
}

#[test]
fn ctrl_c_keeps_what_is_done_and_the_next_run_goes_on_from_there() {
    let (place, how) = (sound(), how());
    let arms = || fs::read_dir(place.home(how).join("arms")).map_or(0, |entries| entries.count());
    let mut command = place.command(how, &["validate", "--json", "--repeat", "50", "v.yaml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(&mut child, || arms() >= 3);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let stopped = said(&child.wait_with_output().unwrap());
    assert_eq!(stopped.code, 3, "{}{}", stopped.stdout, stopped.stderr);
    let document = stopped.document();
    assert_eq!(document["results"][0]["interrupted"], true);
    assert!(document["verdicts"].as_array().unwrap().iter().all(|v: &Value| v["verdict"] != "holds"));
    let kept = arms();
    let again = place.validate(how, &["v.yaml"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(arms() <= kept + 2, "the first repeat's arms were kept: {kept}, then {}", arms());
}

#[test]
fn after_a_kill_the_next_run_goes_on_from_there_and_nothing_is_left_behind() {
    for how in How::all() {
        let place = sound();
        let arms = || fs::read_dir(place.home(how).join("arms")).map_or(0, |entries| entries.count());
        // setpriv becomes Detektr itself, so it is Detektr that is killed
        let words = ["validate", "--sensor", how.sensor(), "--jobs", "2", "--repeat", "50", "v.yaml"];
        let mut command = place.command(how, &words);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        wait_for(&mut child, || arms() >= 5);
        child.kill().unwrap();
        child.wait().unwrap();
        let kept = arms();
        let again = place.validate(how, &["v.yaml", "--jobs", "2"]);
        assert_eq!(again.code, 0, "{how:?}: {}", again.stderr);
        let new = arms() - kept;
        assert!(new < 4, "{how:?}: of the first repeat's four arms some were kept, and {new} are new");
        let work = place.home(how).join("work");
        // the killed run's own reaper may still be at it
        while fs::read_dir(&work).unwrap().next().is_some() {
            std::thread::yield_now();
        }
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(work.to_str().unwrap()), "{how:?}: {mounts}");
    }
}

#[test]
fn nothing_of_a_file_that_is_wrong_is_obeyed_by_a_terminal() {
    let (place, how) = (Place::new(), how());
    place.write(
        "odd\u{1b}[31m.yaml",
        "detektr: 1\nattack: \"\u{1b}[31mred\"\nbad\u{1b}]0;x\u{7}\u{202e}key: 1\n",
    );
    for file in ["odd\u{1b}[31m.yaml", "none\u{1b}[31m.yaml", "."] {
        let said = place.run(how, &["validate", file]);
        assert_eq!(said.code, 2, "{}", said.stderr);
        let obeyed = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
        assert!(!said.stderr.contains(obeyed), "{:?}", said.stderr);
    }
}
