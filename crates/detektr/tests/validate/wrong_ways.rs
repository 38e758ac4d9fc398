//! The wrong ways to be right: each looks like security that holds, and none is told to hold.

use crate::support::{How, Place};

/// Attack, goal and twin that are sound by themselves: a cron job appears; the twin works at home.
const ATTACK: &str = "echo '* * * * * root true' >/etc/cron.d/upd";
const TWIN: &str = "set -e; echo state >\"$HOME/state\"; test \"$(cat \"$HOME/state\")\" = state";

fn rule(place: &Place, category: &str, selection: &str) {
    let text = format!(
        "title: A rule\nid: 3f1d0f0a-5d1b-4c55-9d0a-0c6f1c8a3c99\nlogsource:\n  product: linux\n  category: {category}\n\
         detection:\n  selection:\n    {selection}\n  condition: selection\nlevel: high\n"
    );
    place.write("rule.yml", &text);
}

/// The answer to one detection question about `ATTACK`.
fn detected(how: How, category: &str, selection: &str, twin: &str) -> String {
    let place = Place::new();
    place.write("attack.sh", ATTACK);
    place.write("twin.sh", twin);
    rule(&place, category, selection);
    place.write(
        "v.yaml",
        "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ndetect: rule.yml\nbenign: twin.sh\n",
    );
    place.validate(how, &["v.yaml"]).answer("v", "detection:rule")
}

/// The answers about the control `it` and the mitigation.
fn prevented(how: How, attack: &str, goal: &str, control: &str, twin: &str) -> (String, String) {
    let place = Place::new();
    place.write("attack.sh", attack);
    place.write("twin.sh", twin);
    place.write("profile.json", SHELL_BREAKER);
    place.write(
        "v.yaml",
        &format!(
            "detektr: 1\nattack: attack.sh\ngoal: {goal}\ncontrols:\n  it: {control}\nbenign: twin.sh\n"
        ),
    );
    let said = place.validate(how, &["v.yaml"]);
    (said.answer("v", "control:it"), said.answer("v", "mitigation"))
}

/// Nothing can be opened, so that no program gets as far as its own code.
const SHELL_BREAKER: &str = r#"{
  "defaultAction": "SCMP_ACT_ALLOW",
  "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
  "syscalls": [{"names": ["open", "openat", "openat2"], "action": "SCMP_ACT_ERRNO"}]
}"#;

#[test]
fn the_right_rule_holds_where_the_wrong_ones_do_not() {
    for how in How::all() {
        let right = detected(how, "file_event", "TargetFilename|startswith: /etc/cron.d/", TWIN);
        assert_eq!(right, "holds/detected", "{how:?}");
    }
}

#[test]
fn a_detection_without_a_goal_says_what_it_is_asked_of() {
    let place = Place::new();
    place.write("attack.sh", ATTACK);
    place.write("twin.sh", TWIN);
    rule(&place, "file_event", "TargetFilename|startswith: /etc/cron.d/");
    place.write("v.yaml", "detektr: 1\nattack: attack.sh\ndetect: rule.yml\nbenign: twin.sh\n");
    for how in How::all() {
        let said = place.validate(how, &["v.yaml"]);
        assert_eq!(said.answer("v", "detection:rule"), "holds/detected", "{how:?}");
        assert!(said.stdout.contains("no goal is given"), "{}", said.stdout);
    }
}

#[test]
fn a_rule_that_matches_everything_is_a_false_positive() {
    for how in How::all() {
        assert_eq!(
            detected(how, "process_creation", "Image|startswith: /", TWIN),
            "fails/false_positive",
            "{how:?}"
        );
    }
}

#[test]
fn a_rule_on_the_name_or_the_start_of_the_artifact_matches_the_harness_only() {
    for how in How::all() {
        for selection in ["CommandLine|contains: task-", "Image|endswith: sh"] {
            let answer = detected(how, "process_creation", selection, "exec cat /etc/hostname >/tmp/copy");
            // the twin is started in the same way, and by the same shell
            assert!(
                answer == "inconclusive/matched_harness_only" || answer == "fails/false_positive",
                "{selection} ({how:?}): {answer}"
            );
        }
    }
}

#[test]
fn a_rule_that_matches_the_environments_own_setup_sees_nothing() {
    for how in How::all() {
        for selection in ["Image|endswith: /detektr", "CommandLine|contains: detektr"] {
            assert_eq!(
                detected(how, "process_creation", selection, TWIN),
                "fails/missed",
                "{selection} ({how:?})"
            );
        }
    }
}

#[test]
fn a_control_that_breaks_the_shell_is_no_control() {
    for how in How::all() {
        let goal = "created('/etc/cron.d/upd')";
        let (control, mitigation) = prevented(how, ATTACK, goal, "{seccomp: profile.json}", TWIN);
        assert!(control.starts_with("inconclusive/"), "{how:?}: {control}");
        assert_eq!(mitigation, "fails/benign_broken", "{how:?}");
    }
}

#[test]
fn an_attack_that_dies_at_its_first_line_proves_nothing() {
    for how in How::all() {
        let attack = format!("exit 1\n{ATTACK}");
        let answers = prevented(how, &attack, "created('/etc/cron.d/upd')", "{read_only: /etc}", TWIN);
        let expected = "inconclusive/goal_not_reached".to_owned();
        assert_eq!(answers, (expected.clone(), expected), "{how:?}");
        assert_eq!(detected_after(how, &attack), "inconclusive/goal_not_reached", "{how:?}");
    }
}

fn detected_after(how: How, attack: &str) -> String {
    let place = Place::new();
    place.write("attack.sh", attack);
    place.write("twin.sh", TWIN);
    rule(&place, "process_creation", "Image|endswith: /never");
    let goal = "created('/etc/cron.d/upd')";
    let text = format!("detektr: 1\nattack: attack.sh\ngoal: {goal}\ndetect: rule.yml\nbenign: twin.sh\n");
    place.write("v.yaml", &text);
    place.validate(how, &["v.yaml"]).answer("v", "detection:rule")
}

#[test]
fn a_goal_that_is_true_before_proves_nothing() {
    for how in How::all() {
        let (control, mitigation) =
            prevented(how, ATTACK, "\"!removed('/etc/hosts')\"", "{read_only: /etc}", TWIN);
        assert_eq!(control, "inconclusive/goal_before", "{how:?}");
        assert_eq!(mitigation, "inconclusive/goal_before", "{how:?}");
    }
}

#[test]
fn a_twin_that_does_nothing_shows_nothing() {
    for how in How::all() {
        let selection = "TargetFilename|startswith: /etc/cron.d/";
        assert_eq!(detected(how, "file_event", selection, "true"), "inconclusive/benign_idle", "{how:?}");
        let goal = "created('/etc/cron.d/upd')";
        let (_, mitigation) = prevented(how, ATTACK, goal, "{read_only: /etc}", "true");
        assert_eq!(mitigation, "inconclusive/benign_idle", "{how:?}");
    }
}

/// The attack undoes the control where the host has one of its ten names.
#[test]
fn a_mitigation_beaten_once_in_ten_fails() {
    for how in How::all() {
        let place = Place::new();
        let validation = "id: luck\ndetektr: 1\nattack: attack.sh\ngoal: ran('/tmp/x')\n\
                          controls:\n  tmp: {noexec: /tmp}\nbenign: twin.sh\nrepeat: 10\nask: {mitigation: all}\n";
        place.write("twin.sh", TWIN);
        place.write("v.yaml", validation);
        let run = "cp /bin/true /tmp/x; chmod 755 /tmp/x; /tmp/x";
        place.write("attack.sh", &format!("uname -n; {run}"));
        let before = place.validate(how, &["v.yaml"]).document();
        assert_eq!(before["verdicts"][0]["verdict"], "holds", "{how:?}: {before:#}");
        let seventh = before["verdicts"][0]["arms"]["baseline"][6].as_str().unwrap();
        let out = std::fs::read_to_string(place.home(how).join("runs").join(seventh).join("stdout")).unwrap();
        let name = out.trim();
        place.write("attack.sh", &format!("[ $(uname -n) = {name} ] && umount /tmp\n{run}"));
        let after = place.validate(how, &["v.yaml"]);
        let verdict = &after.document()["verdicts"][0];
        assert_eq!(verdict["verdict"], "fails", "{how:?}: {verdict:#}");
        assert_eq!(verdict["reason"], "goal_reached", "{how:?}: {verdict:#}");
        assert_eq!(verdict["repeats"]["fails"], 1, "{how:?}: {verdict:#}");
        assert_eq!(verdict["repeats"]["holds"], 9, "{how:?}: {verdict:#}");
        assert_eq!(after.code, 1);
    }
}

#[test]
fn what_is_wrong_in_a_monitor_is_told_before_anything_runs() {
    let place = Place::new();
    place.write("attack.sh", ATTACK);
    place.write("conf", "a text");
    let outside = place.path("outside");
    let upwards = format!("/{}{}", "../".repeat(16), outside.strip_prefix("/").unwrap().display());
    let how = How::all()[0];
    for (monitor, told) in [
        ("ready: '(', alert: {output: x}".to_owned(), "`(` is no regular expression"),
        ("alert: {output: '['}".to_owned(), "`[` is no regular expression"),
        ("alert: {log: {file: /var/log/x, matches: '('}}".to_owned(), "`(` is no regular expression"),
        ("alert: {log: {file: /var/../x, matches: x}}".to_owned(), "is relative or leads upwards"),
        ("alert: {log: {file: x, matches: x}}".to_owned(), "is relative or leads upwards"),
        (format!("alert: {{output: x}}, files: {{{upwards}: conf}}"), "is relative or leads upwards"),
    ] {
        let text = format!(
            "detektr: 1\nattack: attack.sh\ngoal: created('/etc/cron.d/upd')\ncontrols:\n  it: {{monitor: {{command: [sleep, '600'], {monitor}}}}}\n"
        );
        place.write("v.yaml", &text);
        let said = place.run(how, &["validate", "v.yaml", "--sensor", how.sensor()]);
        assert_eq!(said.code, 2, "{monitor}: {}", said.stderr);
        let words: Vec<&str> = said.stderr.split_whitespace().filter(|word| *word != "│").collect();
        assert!(words.join(" ").contains(told), "{monitor}: {}", said.stderr);
        assert!(place.runs(how).is_empty() && !outside.exists(), "{monitor}: nothing ran");
    }
}
